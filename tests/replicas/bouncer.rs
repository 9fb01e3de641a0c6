//! A PgBouncer in transaction mode between replicas and PostgreSQL: each transaction may go over another connection, and no
//! message reaches those who listen.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::binary::PATIENCE;
use super::fleet::{FULL_SCORE, Fleet, connect};
use super::hangs::{ONE_WORKER, outlast_a_locked_table};
use super::postgres::{Cluster, as_user};

const PROGRAM: &str = "/usr/sbin/pgbouncer";
const ISSUES: usize = 30;

/// Gone with the test program, however that ends.
struct Bouncer {
    port: u16,
    shell: Child,
    _folder: TempDir,
}

impl Bouncer {
    /// Fewer connections to PostgreSQL than one replica opens to it: they have to be shared.
    fn start(cluster: &Cluster) -> Self {
        assert!(Path::new(PROGRAM).exists(), "PgBouncer is missing; tests/run installs it");
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 3\n",
            cluster.port()
        );
        let configuration = folder.path().join("pgbouncer.ini");
        std::fs::write(&configuration, text).unwrap();
        // Who runs it is not who made the folder.
        let readable = Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status();
        assert!(readable.unwrap().success());
        let shell = as_user("/bin/sh")
            .args(["-c", r#""$0" --quiet "$1" & cat >/dev/null; kill $!"#, PROGRAM])
            .arg(&configuration)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { port, shell, _folder: folder }
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _done = self.shell.wait();
    }
}

/// A company behind PgBouncer, and the way to the database past it.
async fn company(replicas: usize, settings: &[(&str, &str)]) -> (Fleet, Bouncer, String) {
    let database = Cluster::start();
    let straight = database.create_database();
    let bouncer = Bouncer::start(&database);
    let url = straight.replace(&database.port().to_string(), &bouncer.port.to_string());
    (Fleet::start_at(database, &url, replicas, settings).await, bouncer, straight)
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_pgbouncer_in_transaction_mode_replicas_share_the_work_and_do_all_of_it() {
    let (fleet, _bouncer, _) = company(2, &[]).await;
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect();
    // An even number of times each, so that all end with the full score.
    for change in 0..4 * ISSUES {
        fleet.toggle(issues[change % ISSUES], "operational-impact::no");
        tokio::task::yield_now().await;
    }
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    for replica in &fleet.replicas {
        let assessed = replica.metric("escalator_assessments_total{band=\"escalation\"}").await;
        assert!(assessed.is_some_and(|assessments| assessments > 0.0), "a replica assessed nothing");
    }
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_message_tells_of_is_found_by_looking() {
    // One worker: another one would look again when the lease of what the first has in hand would end.
    let (fleet, _bouncer, straight) = company(1, &[("QUEUE__WORKERS", "1")]).await;
    // When this is done, it has found nothing more and sleeps.
    fleet.incident(&FULL_SCORE);
    fleet.until_all_is_done().await;
    fleet.gitlab.drop_deliveries(true);
    let issue = fleet.incident(&FULL_SCORE);
    connect(&straight)
        .await
        .batch_execute(&format!(
            "INSERT INTO queue (project_id, iid, marked_at, due_at) VALUES ({}, {}, 0, 0)",
            issue.project_id, issue.iid
        ))
        .await
        .unwrap();
    fleet.until_all_is_done().await;
    fleet.assert_escalated(issue);
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_pgbouncer_too_connections_stay_bounded_while_a_table_is_locked_and_then_all_goes_on() {
    let (fleet, _bouncer, straight) = company(1, &[ONE_WORKER]).await;
    outlast_a_locked_table(&fleet, &straight).await;
    fleet.gitlab.stop().await;
}
