//! PostgreSQL for tests: clusters of their own in temporary folders, on free ports, with fsync as in life, run by a user who is
//! not root. Gone with the test program, however that ends.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far more than PostgreSQL takes to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who runs it where the tests are root's: PostgreSQL refuses root. Debian's package makes this user.
const USER: &str = "postgres";

/// A server with databases.
pub struct Cluster {
    folder: TempDir,
    port: u16,
    /// Such as `ssl=on`.
    settings: Vec<String>,
    postmaster: Option<Child>,
    /// Waits until this program is gone, and then ends what it left behind.
    guard: Child,
    databases: AtomicU32,
}

/// One for all tests of a test program that do it no harm.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start)
}

impl Cluster {
    pub fn start() -> Self {
        let mut cluster = Self::prepare();
        cluster.start_again();
        cluster
    }

    /// One that takes connections with TLS only, and shows this certificate.
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let mut cluster = Self::prepare();
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = cluster.folder.path().join(name);
            fs::write(&path, text).unwrap();
            run(Command::new("chmod").arg("600").arg(&path));
            if is_root() {
                run(Command::new("chown").arg(USER).arg(&path));
            }
        }
        fs::write(data(cluster.folder.path()).join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n")
            .unwrap();
        let path = |name| cluster.folder.path().join(name).display().to_string();
        cluster.settings = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", path("server.crt")),
            format!("ssl_key_file={}", path("server.key")),
        ];
        cluster.start_again();
        cluster
    }

    fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg(USER).arg(folder.path()));
        }
        run(as_user("initdb")
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8"])
            .arg(format!("--pgdata={}", data(folder.path()).display())));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let guard = guard(folder.path());
        Self { folder, port, settings: Vec::new(), postmaster: None, guard, databases: AtomicU32::new(0) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// After a stop: starts it as a standby, which follows nobody and can only be read.
    pub fn start_again_as_standby(&mut self) {
        fs::write(data(self.folder.path()).join("standby.signal"), "").unwrap();
        self.start_again();
    }

    /// A new, empty database; returns its URL.
    pub fn create_database(&self) -> String {
        let name = format!("escalator_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        run(as_user("createdb")
            .args(["--host=127.0.0.1", "--username=postgres"])
            .args([format!("--port={}", self.port), name.clone()]));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// `kill -9`: its sessions end in the middle of what they do.
    pub fn kill_postmaster(&mut self) {
        signal("KILL", self.postmaster.take().unwrap());
    }

    /// Stops it in order; its sessions are ended.
    pub fn stop(&mut self) {
        signal("INT", self.postmaster.take().unwrap());
    }

    /// Starts it and waits until it answers.
    pub fn start_again(&mut self) {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "PostgreSQL does not start");
            let mut postmaster = as_user("postgres")
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=on", "-c", "max_connections=200"])
                .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
                .arg(format!("--port={}", self.port))
                .arg(format!("--unix_socket_directories={}", self.folder.path().display()))
                .arg("-D")
                .arg(data(self.folder.path()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // After a kill it refuses to start until the sessions of the one before are gone.
            while postmaster.try_wait().unwrap().is_none() {
                if self.answers() {
                    self.postmaster = Some(postmaster);
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    fn answers(&self) -> bool {
        let ready = || {
            program("pg_isready")
                .args(["--quiet", "--host=127.0.0.1"])
                .arg(format!("--port={}", self.port))
                .status()
        };
        TcpStream::connect(("127.0.0.1", self.port)).is_ok() && ready().unwrap().success()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(postmaster) = self.postmaster.take() {
            signal("QUIT", postmaster);
        }
        // Its input ends with it, and it finds nothing left to do.
        drop(self.guard.stdin.take());
        let _done = self.guard.wait();
    }
}

fn guard(folder: &Path) -> Child {
    let script = r#"cat >/dev/null; [ -f "$0/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"; rm -rf "$0""#;
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn signal(name: &str, mut postmaster: Child) {
    run(Command::new("kill").arg(format!("-{name}")).arg(postmaster.id().to_string()));
    postmaster.wait().unwrap();
}

/// One of PostgreSQL's programs, or any by its path, by the user who may run a server. Becomes that program, so signals
/// reach it.
pub fn as_user(name: &str) -> Command {
    if !is_root() {
        return program(name);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
        .arg(programs().join(name))
        // Root's holds certificates that this user may not read.
        .env_remove("HOME")
        .current_dir("/");
    command
}

fn program(name: &str) -> Command {
    Command::new(programs().join(name))
}

/// Debian keeps them apart by version, and none of them in the path; the newest.
fn programs() -> PathBuf {
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is missing; tests/run installs it")
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    versions.sort();
    versions.pop().expect("PostgreSQL is missing; tests/run installs it")
}

fn is_root() -> bool {
    let uid = Command::new("id").arg("--user").output().unwrap();
    uid.stdout == b"0\n"
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
