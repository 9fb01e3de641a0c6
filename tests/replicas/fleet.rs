//! A company: a GitLab with issues, a PostgreSQL, replicas, and a balancer that GitLab's webhook leads to.

use std::time::{Duration, Instant};

use escalator::sandbox::{Hook, IssueId, Kind, Options, Sandbox, UserId};
use tokio_postgres::{Client, NoTls};

use super::balancer;
use super::binary::{PATIENCE, Program, SIGNING_TOKEN};
use super::postgres::Cluster;

pub const FULL_SCORE: [&str; 3] = ["cross-functionality::yes", "complexity::yes", "financial-impact::yes"];

pub struct Fleet {
    pub gitlab: Sandbox,
    pub reporter: UserId,
    pub bot: UserId,
    pub shop: u64,
    pub replicas: Vec<Program>,
    pub database: Cluster,
}

impl Fleet {
    /// So many running replicas, told by so many settings more.
    pub async fn start(replicas: usize, settings: &[(&str, &str)]) -> Self {
        let database = Cluster::start();
        let url = database.create_database();
        Self::start_at(database, &url, replicas, settings).await
    }

    /// The same with `store.url` as given, which leads to the database.
    pub async fn start_at(database: Cluster, url: &str, replicas: usize, settings: &[(&str, &str)]) -> Self {
        Self::prepare(database, url, replicas, settings).await.start_some(replicas).await
    }

    /// Two replicas, of which only the first one runs. The second one never did: one that is killed keeps its duties for a
    /// while.
    pub async fn start_first_of_two(database: Cluster, url: &str, settings: &[(&str, &str)]) -> Self {
        Self::prepare(database, url, 2, settings).await.start_some(1).await
    }

    /// None of the replicas runs yet.
    async fn prepare(database: Cluster, url: &str, replicas: usize, settings: &[(&str, &str)]) -> Self {
        let gitlab = Sandbox::start(Options { auto_disable: false, ..Options::default() }).await.unwrap();
        let (shop, reporter, bot) =
            (gitlab.project("acme/shop"), gitlab.user("riley"), gitlab.bot("escalator-bot"));
        gitlab.member(reporter, "acme", 20);
        gitlab.member(bot, "acme", 20);
        let token = gitlab.token(bot, &["api"]);
        let new = || {
            let mut replica = Program::new(&gitlab, &token, url);
            for (name, value) in settings {
                replica.set(name, value);
            }
            replica
        };
        let replicas = (0..replicas).map(|_| new()).collect();
        Self { gitlab, reporter, bot, shop, replicas, database }
    }

    /// Starts the first ones; webhooks lead to whoever runs.
    async fn start_some(mut self, running: usize) -> Self {
        for replica in &mut self.replicas[..running] {
            replica.start().await;
        }
        // Each asks once how long its access token is good; what comes after that is work.
        let asked = |fleet: &Self| {
            let requests = fleet.gitlab.requests();
            requests.iter().filter(|request| request.route.ends_with("/personal_access_tokens/self")).count()
        };
        until("every replica has asked about its token", async || asked(&self) == running).await;
        self.gitlab.clear_requests();
        let addresses = self.replicas.iter().map(|replica| replica.address).collect();
        let url = format!("http://{}/webhooks/gitlab", balancer::start(addresses).await);
        self.gitlab.hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });
        self
    }

    /// An incident with these labels, by the reporter.
    pub fn incident(&self, labels: &[&str]) -> IssueId {
        let issue = self.gitlab.issue(self.shop).by(self.reporter).kind(Kind::Incident);
        issue.labels(labels.iter().copied()).create()
    }

    /// Puts a label on, or takes it off.
    pub fn toggle(&self, issue: IssueId, label: &str) {
        let person = self.gitlab.by(self.reporter);
        if self.gitlab.labels(issue).iter().any(|own| own == label) {
            person.remove_labels(issue, [label]).unwrap();
        } else {
            person.add_labels(issue, [label]).unwrap();
        }
    }

    /// Until GitLab has nothing more to tell and nothing waits; three times in a row, because each can bring the other
    /// something.
    pub async fn until_all_is_done(&self) {
        let started = Instant::now();
        let mut calm = 0;
        while calm < 3 {
            self.gitlab.settled().await;
            self.gitlab.idle().await;
            let waiting = self.figure("escalator_queue_depth{state=\"waiting\"}").await;
            calm = if waiting == Some(0.0) && self.gitlab.undelivered() == 0 { calm + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(started.elapsed() < PATIENCE, "{waiting:?} issues are still waiting");
        }
    }

    /// A metric as the first running replica tells it; `None` while it does not know.
    pub async fn figure(&self, name: &str) -> Option<f64> {
        let running = self.replicas.iter().find(|replica| replica.is_running())?;
        running.metric(name).await.filter(|figure| !figure.is_nan())
    }

    /// What is wrong with an issue that has a full score: label and comment say so, and there is one comment.
    pub fn assert_escalated(&self, issue: IssueId) {
        let labels = self.gitlab.labels(issue);
        let ours: Vec<_> =
            self.gitlab.notes(issue).into_iter().filter(|note| note.author_id == self.bot).collect();
        assert!(labels.iter().any(|label| label == "platform-escalation"), "#{}: {labels:?}", issue.iid);
        assert_eq!(ours.len(), 1, "#{}: comments of ours", issue.iid);
        assert!(ours[0].body.contains("**Score so far: 5."), "#{}: {}", issue.iid, ours[0].body);
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

/// Until no replica has anything more to ask GitLab about an issue: nobody runs into trouble that is meant for a look.
pub async fn until_all_is_known(url: &str) {
    let client = connect(url).await;
    let open = "SELECT (SELECT count(*) FROM ledger_open_cause)
                     + (SELECT count(*) FROM reading WHERE asked > answered)";
    until("all causes and commands are known", async || {
        client.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

/// Until when all replicas are to pause; 0 if they never were.
pub async fn paused_until(url: &str) -> i64 {
    connect(url).await.query_one("SELECT until FROM pause", &[]).await.unwrap().get(0)
}

/// A connection of the test's own to the database.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
