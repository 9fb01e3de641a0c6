//! PostgreSQL is there and does not answer: somebody holds a lock, or commits wait for a standby that is away. Replicas have no
//! more connections than they may, and go on when it is over.

use std::time::{Duration, Instant};

use escalator::sandbox::IssueId;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use super::binary::PATIENCE;
use super::fleet::{FULL_SCORE, Fleet, until};
use super::postgres::Cluster;

/// README's word for one replica.
const CONNECTIONS: usize = 10;
/// Of each replica: far more than it has connections.
const BROKEN_OFF: f64 = 30.0;
/// Asked at the same time. One asks for a write, the other for the queue.
const PAGES: [&str; 8] =
    ["/readyz", "/metrics", "/readyz", "/metrics", "/readyz", "/metrics", "/readyz", "/metrics"];
/// So that it is known how many claims there can be.
pub const ONE_WORKER: (&str, &str) = ("QUEUE__WORKERS", "1");
const ISSUES: usize = 20;

/// Who holds things up, and sees what the replicas do.
struct Culprit(Client);

impl Culprit {
    /// From now on each claim is written down.
    async fn come(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let note_claims = "
            SET synchronous_commit = local;
            CREATE TABLE claimed (iid BIGINT, attempts INTEGER);
            CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO claimed VALUES (NEW.iid, NEW.attempts);
                RETURN NULL;
            END $$;
            CREATE TRIGGER note_claim AFTER UPDATE ON queue FOR EACH ROW
                WHEN (NEW.token IS DISTINCT FROM OLD.token AND NEW.token IS NOT NULL)
                EXECUTE FUNCTION note_claim()";
        client.batch_execute(note_claims).await.unwrap();
        Self(client)
    }

    async fn run(&self, statements: &str) {
        self.0.batch_execute(statements).await.unwrap();
    }

    async fn count(&self, from: &str) -> usize {
        let row = self.0.query_one(&format!("SELECT count(*) FROM {from}"), &[]).await.unwrap();
        row.get::<_, i64>(0).try_into().unwrap()
    }

    /// As if marked by a delivery that nobody had to be told of.
    async fn mark(&self, issues: &[IssueId]) {
        for issue in issues {
            let (project_id, iid) = (issue.project_id, issue.iid);
            self.run(&format!(
                "INSERT INTO queue (project_id, iid, marked_at, due_at) VALUES ({project_id}, {iid}, 0, 0)"
            ))
            .await;
        }
    }

    /// Asks the replicas until each has broken off so many calls. They never have more connections than they may.
    async fn watch_calls_being_broken_off(&self, fleet: &Fleet) {
        let most = CONNECTIONS * fleet.replicas.len();
        let web = reqwest::Client::new();
        let (mut broken_off, started) = (false, Instant::now());
        while !broken_off {
            assert!(started.elapsed() < PATIENCE, "calls are not broken off");
            let addresses = fleet.replicas.iter().map(|replica| replica.admin);
            let pages = addresses.flat_map(|admin| PAGES.map(|page| format!("http://{admin}{page}")));
            let mut asking: JoinSet<_> = pages.map(|page| web.get(page).send()).collect();
            while !asking.is_empty() {
                while asking.try_join_next().is_some() {}
                tokio::time::sleep(Duration::from_millis(50)).await;
                let connections = self.count("pg_stat_activity WHERE application_name = 'escalator'").await;
                assert!(connections <= most, "{connections} connections");
            }
            broken_off = true;
            for replica in &fleet.replicas {
                let errors = replica.metric("escalator_store_errors_total").await;
                broken_off &= errors.is_some_and(|errors| errors >= BROKEN_OFF);
            }
        }
    }
}

/// Somebody locks the queue in the database to which the URL leads, until replicas have given up often, and lets go.
pub async fn outlast_a_locked_table(fleet: &Fleet, url: &str) {
    let issues = silent_incidents(fleet);
    let culprit = Culprit::come(url).await;
    culprit.run("BEGIN; LOCK TABLE queue IN ACCESS EXCLUSIVE MODE").await;
    culprit.mark(&issues).await;
    culprit.watch_calls_being_broken_off(fleet).await;
    culprit.run("COMMIT").await;
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
}

/// Issues that GitLab tells nobody of.
fn silent_incidents(fleet: &Fleet) -> Vec<IssueId> {
    fleet.gitlab.drop_deliveries(true);
    (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_table_is_locked_connections_stay_bounded_and_then_all_goes_on() {
    let database = Cluster::start();
    let url = database.create_database();
    let fleet = Fleet::start_at(database, &url, 2, &[ONE_WORKER]).await;
    outlast_a_locked_table(&fleet, &url).await;
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_standby_is_away_connections_stay_bounded_and_no_claim_follows_one_that_failed() {
    let database = Cluster::start();
    let url = database.create_database();
    let fleet = Fleet::start_at(database, &url, 2, &[ONE_WORKER]).await;
    let issues = silent_incidents(&fleet);
    let culprit = Culprit::come(&url).await;
    culprit.run("ALTER SYSTEM SET synchronous_standby_names = 'away'").await;
    culprit.run("SELECT pg_reload_conf()").await;
    until("commits wait", async || fleet.replicas[0].status("/readyz").await == 503).await;
    culprit.mark(&issues).await;
    culprit.watch_calls_being_broken_off(&fleet).await;
    // Each worker's first, which it can only be told of when it is made already.
    assert!(culprit.count("claimed").await <= fleet.replicas.len(), "claimed without an end");
    culprit.run("ALTER SYSTEM RESET synchronous_standby_names").await;
    culprit.run("SELECT pg_reload_conf()").await;
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_can_keep_no_delivery_is_not_ready() {
    let database = Cluster::start();
    let url = database.create_database();
    let fleet = Fleet::start_at(database, &url, 1, &[ONE_WORKER]).await;
    let culprit = Culprit::come(&url).await;
    let is = async |status| fleet.replicas[0].status("/readyz").await == status;
    for mode in ["ACCESS EXCLUSIVE", "SHARE"] {
        until("it is ready", async || is(200).await).await;
        culprit.run(&format!("BEGIN; LOCK TABLE queue IN {mode} MODE")).await;
        assert!(is(503).await, "it says at once that it is not ready");
        culprit.run("COMMIT").await;
    }
    until("it is ready again", async || is(200).await).await;
    fleet.gitlab.stop().await;
}
