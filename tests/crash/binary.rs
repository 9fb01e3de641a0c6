//! The real program, started by its settings in the environment.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use escalator::config::DEFAULTS;
use escalator::sandbox::Sandbox;
use tempfile::TempDir;

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
    folder: TempDir,
}

impl Program {
    pub fn new(gitlab: &Sandbox, token: &str, store_url: &str) -> Self {
        let (address, admin) = (free_address(), free_address());
        let variables = [
            ("GITLAB__URL", gitlab.url()),
            ("GITLAB__TOKEN", token.to_owned()),
            // No call is given up and made again because a machine was slow.
            ("GITLAB__TIMEOUT", "5m".to_owned()),
            ("GITLAB__REQUESTS_PER_SECOND", "100000".to_owned()),
            ("GITLAB__NOTES_PER_MINUTE", "1000000".to_owned()),
            ("WRITES__FUSE", "1000000".to_owned()),
            ("QUEUE__RETRY_BASE", "20ms".to_owned()),
            ("QUEUE__RETRY_MAX", "200ms".to_owned()),
            ("WEBHOOK__SIGNING_TOKENS", SIGNING_TOKEN.to_owned()),
            ("SERVER__LISTEN", address.to_string()),
            ("ADMIN__LISTEN", admin.to_string()),
            ("STORE__URL", store_url.to_owned()),
        ];
        let variables =
            variables.into_iter().map(|(name, value)| (format!("ESCALATOR__{name}"), value)).collect();
        Self { variables, address, admin, running: None, folder: tempfile::tempdir().unwrap() }
    }

    /// One more setting, such as `("SWEEP__INTERVAL", "1s")`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(format!("ESCALATOR__{name}"), value.to_owned());
    }

    /// Another policy from the next start on: a yes to cross-functionality is worth so many points.
    pub fn set_points(&mut self, points: u32) {
        let policy = &DEFAULTS[DEFAULTS.find("[policy]").unwrap()..];
        let text = policy.replacen("points = 2", &format!("points = {points}"), 1);
        let path = self.folder.path().join("escalator.toml");
        std::fs::write(&path, text).unwrap();
        self.variables.insert("ESCALATOR_CONFIG".to_owned(), path.display().to_string());
    }

    /// Starts it and waits until it listens.
    pub async fn start(&mut self) {
        let mut child = self
            .command("serve")
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(self.log_path()).unwrap())
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

    /// What it has logged, over all its runs.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// One of its commands, with the same settings.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_escalator"));
        command.arg(name).env_clear().envs(&self.variables).stdin(Stdio::null());
        command
    }

    /// The lines of its log with this, over all its runs.
    pub fn logged(&self, part: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.log_path()).unwrap();
        log.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }

    /// Whether it has ever logged this.
    pub fn has_logged(&self, part: &str) -> bool {
        !self.logged(part).is_empty()
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Sends a signal such as `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.running.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// The status of a page of the admin address.
    pub async fn status(&self, path: &str) -> u16 {
        reqwest::get(format!("http://{}{path}", self.admin)).await.unwrap().status().as_u16()
    }

    /// A metric as it tells it, if it runs and knows it.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let page = reqwest::get(format!("http://{}/metrics", self.admin)).await.ok()?.text().await.ok()?;
        let mut figures = page.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        figures.next()
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
