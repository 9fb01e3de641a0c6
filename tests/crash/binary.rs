//! The real program, started by its settings in the environment.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use escalator::sandbox::Sandbox;

/// Made of the bytes 0 to 31; signs every delivery of these tests.
pub const SIGNING_TOKEN: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Far more than any wait of these tests takes.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// `escalator serve`, again and again on the same store and address.
pub struct Program {
    variables: BTreeMap<String, String>,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    running: Option<Child>,
}

impl Program {
    pub fn new(gitlab: &Sandbox, token: &str, folder: &Path) -> Self {
        let (address, admin) = (free_address(), free_address());
        let variables = [
            ("GITLAB__URL", gitlab.url()),
            ("GITLAB__TOKEN", token.to_owned()),
            ("GITLAB__TIMEOUT", "400ms".to_owned()),
            ("GITLAB__REQUESTS_PER_SECOND", "100000".to_owned()),
            ("GITLAB__NOTES_PER_MINUTE", "1000000".to_owned()),
            ("QUEUE__RETRY_BASE", "20ms".to_owned()),
            ("QUEUE__RETRY_MAX", "200ms".to_owned()),
            ("WEBHOOK__SIGNING_TOKENS", SIGNING_TOKEN.to_owned()),
            ("SERVER__LISTEN", address.to_string()),
            ("ADMIN__LISTEN", admin.to_string()),
            ("STORE__URL", format!("sqlite://{}", folder.join("escalator.db").display())),
        ];
        let variables =
            variables.into_iter().map(|(name, value)| (format!("ESCALATOR__{name}"), value)).collect();
        Self { variables, address, admin, running: None }
    }

    /// Starts it and waits until it listens.
    pub async fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_escalator"))
            .arg("serve")
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "escalator serve ended by itself");
            assert!(started.elapsed() < PATIENCE, "escalator serve does not listen");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.running = Some(child);
    }

    /// `kill -9`, at whatever it is doing.
    pub fn kill(&mut self) {
        let mut child = self.running.take().unwrap();
        assert_eq!(child.try_wait().unwrap(), None, "escalator serve ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

/// An address that was free a moment ago, and stays the same over all restarts.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
