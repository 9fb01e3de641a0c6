//! The real binary, run in an environment and a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Only keeps a test that would hang from hanging forever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder to run in, and what the program finds there.
pub struct Place {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: vec![] }
    }

    /// With a configuration file `escalator.toml`, which the program is told of.
    pub fn with_file(text: &str) -> Self {
        Self::new().file("escalator.toml", text).variable("ESCALATOR_CONFIG", "escalator.toml")
    }

    /// Where everything is there that serving needs; GitLab does not answer.
    pub fn ready_to_serve() -> Self {
        Self::new()
            .variable("ESCALATOR__GITLAB__URL", "http://127.0.0.1:9")
            .variable("ESCALATOR__GITLAB__TOKEN", "glpat-canary-access")
            .variable("ESCALATOR__WEBHOOK__SECRET_TOKENS", "canary-secret-token")
            .variable("ESCALATOR__SERVER__LISTEN", "127.0.0.1:0")
            .variable("ESCALATOR__ADMIN__LISTEN", "127.0.0.1:0")
            .variable("ESCALATOR__LOG__FORMAT", "json")
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// The value of a variable that was given.
    pub fn variable_value(&self, name: &str) -> String {
        self.variables.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, not started yet: nothing of our own environment gets through.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_escalator"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments))
    }

    /// `config check`, which must refuse; what it complains about.
    pub fn complaint(&self) -> String {
        let run = self.run(&["config", "check"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        run.err
    }

    /// `serve`, which must refuse to start: its exit code, and why. Every line that it says is one of a JSON log.
    #[track_caller]
    pub fn refusal(&self) -> (i32, String) {
        let run = self.run(&["serve"]);
        let lines: Vec<Value> = run
            .err
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        for line in &lines {
            for field in ["timestamp", "level", "target", "message"] {
                assert!(line[field].is_string(), "{line}");
            }
        }
        let last = lines.last().unwrap_or_else(|| panic!("it says nothing: {run:?}"));
        assert_eq!((&last["level"], &last["message"]), (&"ERROR".into(), &"cannot serve".into()));
        assert_eq!((&last["exit_code"], run.out.as_str()), (&run.code.into(), ""));
        (run.code, last["error"].as_str().unwrap().to_owned())
    }

    /// Starts `serve` and waits until it serves.
    pub fn serve(&self) -> Serving {
        Serving::of(self.command(&["serve"]))
    }

    /// The same behind another program, whose last argument is a shell's script that must end in `exec "$0" serve`.
    pub fn serve_behind(&self, program: &str, arguments: &[&str]) -> Serving {
        let mut command = Command::new(program);
        command.args(arguments).arg(env!("CARGO_BIN_EXE_escalator"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Serving::of(command)
    }
}

impl Run {
    pub fn of(mut command: Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().expect("ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The output of a command that must have succeeded without a word of complaint.
    pub fn success(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""));
        self.out
    }
}

/// A running `serve`; killed if a test ends without stopping it.
pub struct Serving {
    pub webhooks: SocketAddr,
    pub admin: SocketAddr,
    pub log: Log,
    child: Child,
}

impl Serving {
    fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let log = Log::follow(BufReader::new(child.stderr.take().unwrap()));
        let serving = log.until("/webhooks/gitlab");
        let address = |name: &str| {
            let (_, url) = serving.split_once(name).unwrap().1.split_once("http://").unwrap();
            url.split(['/', '"', ' ']).next().unwrap().parse().unwrap()
        };
        Self { webhooks: address("webhooks"), admin: address("admin"), log, child }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as systemd and Kubernetes do.
    pub fn ask_to_stop(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Asks it to stop and waits: its exit code and its whole log.
    pub fn stop(self) -> (i32, String) {
        self.ask_to_stop();
        self.ended()
    }

    /// Waits until it has ended: its exit code and its whole log.
    pub fn ended(mut self) -> (i32, String) {
        let status = self.child.wait().unwrap();
        (status.code().expect("ended by itself"), self.log.whole())
    }

    /// Posts a delivery with the secret token of [`Place::ready_to_serve`].
    pub async fn deliver(&self, body: impl Into<reqwest::Body>) -> u16 {
        let url = format!("http://{}/webhooks/gitlab", self.webhooks);
        let request = client().post(url).header("X-Gitlab-Token", "canary-secret-token").body(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// The value of one sample of `/metrics`, if it is there.
    pub async fn sample(&self, name: &str) -> Option<f64> {
        let (_, text) = self.admin("/metrics").await;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Asks the admin address.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let answer = client().get(format!("http://{}{path}", self.admin)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "still not: {what}");
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail only where the program has ended already.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The lines that a program has logged so far.
#[derive(Clone)]
pub struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    text: Vec<String>,
    ended: bool,
}

impl Log {
    pub fn follow(reader: impl BufRead + Send + 'static) -> Self {
        let log = Self(Arc::default());
        let shared = log.clone();
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                shared.add(|lines| lines.text.push(line));
            }
            shared.add(|lines| lines.ended = true);
        });
        log
    }

    fn add(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Waits for a line with this in it, and gives the first one.
    pub fn until(&self, part: &str) -> String {
        let is_there = |lines: &Lines| lines.text.iter().any(|line| line.contains(part));
        let lines = self.wait(|lines| is_there(lines) || lines.ended);
        lines.into_iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("never logged: {part}"))
    }

    /// Everything that was logged, once the program has ended.
    pub fn whole(&self) -> String {
        self.wait(|lines| lines.ended).join("\n")
    }

    /// What was logged so far.
    pub fn so_far(&self) -> Vec<String> {
        self.wait(|_| true)
    }

    fn wait(&self, condition: impl Fn(&Lines) -> bool) -> Vec<String> {
        let lines = self.0.0.lock().unwrap();
        let (lines, timeout) =
            self.0.1.wait_timeout_while(lines, PATIENCE, |lines| !condition(lines)).unwrap();
        assert!(!timeout.timed_out(), "waited too long; logged so far: {:#?}", lines.text);
        lines.text.clone()
    }
}
