//! `escalator setup` as people run it: the real binary against a GitLab in which nothing is prepared.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod independent;
mod mending;
mod places;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use escalator::sandbox::{Fault, Options, Sandbox};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

const URL: &str = "https://escalator.example.com/webhooks/gitlab";

/// A GitLab with two projects in a group, and an owner's token for it.
struct Bare {
    gitlab: Sandbox,
    token: String,
    folder: TempDir,
}

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Bare {
    async fn start(options: Options) -> Self {
        let gitlab = Sandbox::start(options).await.unwrap();
        for project in ["acme/shop", "acme/web/site"] {
            gitlab.project(project);
        }
        let bot = gitlab.bot("escalator-bot");
        gitlab.member(bot, "acme", 50);
        let token = gitlab.token(bot, &["api"]);
        Self { gitlab, token, folder: tempfile::tempdir().unwrap() }
    }

    fn secret_file(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    fn setup(&self, arguments: &[&str]) -> Said {
        self.setup_with(arguments, &[("WEBHOOK__SIGNING_TOKENS_FILE", "tokens")])
    }

    /// With settings such as `("MODE", "live")`.
    fn setup_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Said {
        let settings = settings.iter().map(|(name, value)| (format!("ESCALATOR__{name}"), value));
        let output = Command::new(env!("CARGO_BIN_EXE_escalator"))
            .arg("setup")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("ESCALATOR__GITLAB__URL", self.gitlab.url())
            .env("ESCALATOR__GITLAB__TOKEN", &self.token)
            .env("ESCALATOR__GITLAB__GROUPS", "acme")
            .env("ESCALATOR__GITLAB__REQUESTS_PER_SECOND", "10000")
            .env("ESCALATOR__WEBHOOK__URL", URL)
            .envs(settings)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, which must succeed.
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.setup(arguments);
        assert_eq!((said.code, said.error.as_str()), (Some(0), ""), "{}", said.out);
        said.out
    }

    /// What the API shows of the group.
    async fn list(&self, what: &str) -> Vec<Value> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/v4/{what}?per_page=100", self.gitlab.url());
        let answer = client.get(url).header("PRIVATE-TOKEN", &self.token).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// A change by somebody else, with a token that may.
    async fn call(&self, method: Method, path: &str, body: Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/v4/{path}", self.gitlab.url());
        let request = client.request(method, url).header("PRIVATE-TOKEN", &self.token).json(&body);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    fn writes(&self) -> usize {
        self.gitlab.requests().iter().filter(|request| !request.reads()).count()
    }
}

fn lines(text: &str, sign: &str) -> usize {
    text.lines().filter(|line| line.starts_with(sign)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_without_yes_writes_nothing_and_says_how_to_go_on() {
    let bare = Bare::start(Options::default()).await;
    let said = bare.setup(&[]);
    assert_eq!(said.code, Some(2));
    assert!(said.error.contains("--yes"), "{}", said.error);
    assert!(said.out.contains("+ group acme: label \"platform-escalation\""), "{}", said.out);
    assert!(said.out.contains("+ group acme: board \"Platform Escalations\""), "{}", said.out);
    assert!(said.out.contains(&format!("+ group acme: webhook to {URL}")), "{}", said.out);
    assert_eq!(bare.writes(), 0);
    assert!(!bare.secret_file().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_up_is_complete_and_a_repeat_does_nothing() {
    let bare = Bare::start(Options::default()).await;
    bare.done(&["--yes"]);

    let labels = bare.list("groups/acme/labels").await;
    for title in ["platform-escalation", "complexity::yes", "escalation-decision::declined", "SIRT", "STAR"] {
        let label = labels.iter().find(|label| label["name"] == title).unwrap();
        assert!(!label["description"].as_str().unwrap().is_empty(), "{title}");
    }
    let boards = bare.list("groups/acme/boards").await;
    let lists = boards[0]["lists"].as_array().unwrap();
    let titles: Vec<_> = lists.iter().map(|list| list["label"]["name"].as_str().unwrap()).collect();
    assert_eq!(boards[0]["name"], "Platform Escalations");
    assert_eq!(
        titles,
        [
            "platform-escalation-possible",
            "platform-escalation",
            "escalation-decision::accepted",
            "escalation-decision::declined"
        ]
    );
    let hooks = bare.list("groups/acme/hooks").await;
    let on = |name: &str| hooks[0][name] == true;
    assert_eq!((hooks.len(), hooks[0]["url"].as_str()), (1, Some(URL)));
    assert!(on("issues_events") && on("confidential_issues_events"));
    assert!(on("note_events") && on("confidential_note_events") && !on("push_events"));
    assert!(on("enable_ssl_verification") && on("signing_token_present") && !on("token_present"));

    let before = bare.writes();
    let again = bare.done(&["--yes"]);
    assert!(again.ends_with("Nothing to do.\n"), "{again}");
    assert_eq!((lines(&again, "+"), lines(&again, "~"), bare.writes()), (0, 0, before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_is_in_the_file_alone() {
    let bare = Bare::start(Options::default()).await;
    let out = bare.done(&["--yes"]);
    let mode = std::fs::metadata(bare.secret_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = std::fs::read_to_string(bare.secret_file()).unwrap();
    let key = secret.trim().strip_prefix("whsec_").unwrap();
    assert_eq!(key.len(), 44);
    assert!(!out.contains(key));
    for file in std::fs::read_dir(bare.folder.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        let holds = bytes.windows(key.len()).any(|part| part == key.as_bytes());
        assert_eq!(holds, file == bare.secret_file(), "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_made_is_kept_and_what_we_made_is_taken_away() {
    let bare = Bare::start(Options::default()).await;
    bare.gitlab.coloured_label("acme", "platform-escalation", "#123456", Some("a person's"));
    bare.gitlab.label("acme", "sirt");
    let out = bare.done(&["--yes"]);
    assert!(out.contains("= group acme: label \"platform-escalation\""), "{out}");
    assert!(out.contains("! group acme: label \"SIRT\" is there as \"sirt\"; no twin is made"), "{out}");

    bare.done(&["--remove", "--yes"]);
    let labels = bare.list("groups/acme/labels").await;
    let titles: Vec<_> = labels.iter().map(|label| label["name"].as_str().unwrap()).collect();
    assert_eq!(titles, ["platform-escalation", "sirt"]);
    assert_eq!(labels[0]["color"], "#123456");
    assert!(bare.list("groups/acme/boards").await.is_empty());
    assert!(bare.list("groups/acme/hooks").await.is_empty());
    assert_eq!(bare.done(&["--remove", "--yes"]), "Nothing to do.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_broke_off_is_said_and_a_repeat_finishes_it() {
    let bare = Bare::start(Options::default()).await;
    bare.gitlab.fault(Fault::status(500).on("POST", "/boards"));
    let said = bare.setup(&["--yes"]);
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("stopped at") && said.error.contains("repeat"), "{}", said.error);
    bare.gitlab.clear_faults();
    bare.done(&["--yes"]);
    assert_eq!(bare.list("groups/acme/hooks").await.len(), 1);
    bare.done(&["--remove", "--yes"]);
    assert!(bare.list("groups/acme/labels").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_licence_each_project_has_a_webhook() {
    let bare = Bare::start(Options { scoped_labels: false, ..Options::default() }).await;
    let out = bare.done(&["--yes"]);
    assert!(out.contains("! group acme: no webhook of the group"), "{out}");
    for project in ["acme%2Fshop", "acme%2Fweb%2Fsite"] {
        assert_eq!(bare.list(&format!("projects/{project}/hooks")).await.len(), 1);
    }
    assert!(bare.done(&["--yes"]).ends_with("Nothing to do.\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_gitlab_gets_a_secret_token_and_needs_its_file() {
    let bare = Bare::start(Options { version: "18.9.1-ee".to_owned(), ..Options::default() }).await;
    let said = bare.setup(&["--yes"]);
    assert_eq!((said.code, bare.writes()), (Some(2), 0));
    assert!(said.error.contains("webhook.secret_tokens_file"), "{}", said.error);

    let said = bare.setup_with(&["--yes"], &[("WEBHOOK__SECRET_TOKENS_FILE", "tokens")]);
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""), "{}", said.out);
    assert_eq!(bare.list("groups/acme/hooks").await[0]["token_present"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_in_the_configuration_is_said_with_a_remedy() {
    let bare = Bare::start(Options::default()).await;
    let said = bare.setup_with(&["--yes"], &[]);
    assert_eq!(said.code, Some(2));
    assert!(said.error.contains("webhook.signing_tokens_file"), "{}", said.error);
    assert_eq!(bare.writes(), 0);
}
