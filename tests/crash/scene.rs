//! What every kill needs: a GitLab with people, and the real program on a SQLite file, to which GitLab's webhook leads.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use escalator::sandbox::{Hook, IssueId, Kind, Options, Sandbox, UserId};
use tempfile::TempDir;

use super::binary::{PATIENCE, Program, SIGNING_TOKEN};

pub struct Scene {
    pub gitlab: Sandbox,
    pub reporter: UserId,
    pub bot: UserId,
    pub program: Program,
    shop: u64,
    folder: TempDir,
}

impl Scene {
    /// With a program that is still to be started.
    pub async fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gitlab = Sandbox::start(Options { auto_disable: false, ..Options::default() }).await.unwrap();
        let (shop, reporter, bot) =
            (gitlab.project("acme/shop"), gitlab.user("riley"), gitlab.bot("escalator-bot"));
        gitlab.member(reporter, "acme", 20);
        gitlab.member(bot, "acme", 20);
        let store = format!("sqlite://{}", folder.path().join("escalator.db").display());
        let program = Program::new(&gitlab, &gitlab.token(bot, &["api"]), &store);
        let url = format!("http://{}/webhooks/gitlab", program.address);
        gitlab.hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });
        Self { gitlab, reporter, bot, program, shop, folder }
    }

    /// An incident of the reporter's with these labels.
    pub fn incident(&self, labels: &[&str]) -> IssueId {
        let issue = self.gitlab.issue(self.shop).by(self.reporter).kind(Kind::Incident);
        issue.labels(labels.iter().copied()).create()
    }

    pub fn store_path(&self) -> PathBuf {
        self.folder.path().join("escalator.db")
    }
}

/// Until the condition holds, asked again and again.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
