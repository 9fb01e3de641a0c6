//! A real receiver of traces: rotel, which prints the spans that it got.

use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::program::{Log, until};

/// A running rotel; killed if a test ends without stopping it.
pub struct Collector {
    address: SocketAddr,
    log: Log,
    child: Child,
    _folder: TempDir,
}

/// A span as rotel prints it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Span {
    pub trace: String,
    pub parent: String,
    pub id: String,
    pub name: String,
    pub kind: String,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    pub status: String,
    /// `name: value`.
    pub attributes: Vec<String>,
}

impl Collector {
    /// Starts one; none where the environment does not say in `ROTEL` where the program is.
    #[expect(clippy::print_stderr, reason = "a check that was left out must not look like one that passed")]
    #[expect(clippy::disallowed_methods, reason = "it is the tests' own environment")]
    pub async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("ROTEL") else {
            eprintln!("skipped: ROTEL does not name a rotel; tests/run gets one");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (address, other) = (free_address(), free_address());
        let mut child = Command::new(program)
            .arg("start")
            .args(["--otlp-http-endpoint", &address.to_string(), "--otlp-grpc-endpoint", &other.to_string()])
            .args(["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .args(["--pid-file", "rotel.pid", "--log-file", "rotel.log"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::follow(BufReader::new(child.stdout.take().unwrap()));
        let collector = Self { address, log, child, _folder: folder };
        until("rotel listens", async || TcpStream::connect(address).is_ok()).await;
        Some(collector)
    }

    /// What goes into `telemetry.otlp_endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was received, as rotel tells it.
    pub fn received(&self) -> String {
        self.log.so_far().join("\n")
    }

    /// The spans that were received.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for line in self.log.so_far() {
            if line.starts_with("Span #") {
                spans.push(Span::default());
            }
            let Some(span) = spans.last_mut() else { continue };
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim().to_owned();
            match name.trim() {
                "Trace ID" => span.trace = value,
                "Parent ID" => span.parent = value,
                "ID" => span.id = value,
                "Name" => span.name = value,
                "Kind" => span.kind = value,
                "Start time" => span.start = value.parse().unwrap(),
                "End time" => span.end = value.parse().unwrap(),
                "Status code" => span.status = value,
                attribute => {
                    if let Some(attribute) = attribute.strip_prefix("-> ") {
                        span.attributes.push(format!("{attribute}: {value}"));
                    }
                }
            }
        }
        spans
    }
}

impl Span {
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|known| known == attribute)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Both fail only where the program has ended already.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// An address that nobody listens on just now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
