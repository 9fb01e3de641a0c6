//! A replica of the next version has brought the schema further, while those of this one are at work and come back.
//!
//! Proven here is that this program works, and starts, on a schema that is newer by what a migration may do: tables and
//! columns more. That every migration there is does no more than that is proven in tests/store, on the database's own
//! catalogue. Not proven is that the program of the release before works on the schema of today, statement by statement: that
//! program would have to be built.

use tokio_postgres::NoTls;

use super::fleet::{FULL_SCORE, Fleet};
use super::postgres::Cluster;

const ISSUES: usize = 20;
/// In the order in which work locks them, as a migration has to.
const NEXT_VERSION: &str = "
    BEGIN;
    ALTER TABLE queue ADD COLUMN next TEXT;
    ALTER TABLE echo ADD COLUMN next TEXT;
    ALTER TABLE followed ADD COLUMN next BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN next TEXT;
    ALTER TABLE ledger_cause ADD COLUMN next TEXT;
    ALTER TABLE ledger_open_cause ADD COLUMN next TEXT;
    ALTER TABLE write_ledger ADD COLUMN next TEXT;
    ALTER TABLE watermark ADD COLUMN next TEXT;
    ALTER TABLE own_bot ADD COLUMN next TEXT;
    ALTER TABLE reading ADD COLUMN next TEXT;
    ALTER TABLE heartbeat ADD COLUMN next TEXT;
    ALTER TABLE pause ADD COLUMN next TEXT;
    ALTER TABLE duty ADD COLUMN next TEXT;
    CREATE TABLE next_thing (id BIGINT PRIMARY KEY);
    CREATE INDEX next_by_state ON followed (state);
    UPDATE escalator_schema SET version = version + 1;
    COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn replicas_go_on_and_come_back_on_the_schema_of_the_next_version() {
    let database = Cluster::start();
    let url = database.create_database();
    let mut fleet = Fleet::start_at(database, &url, 2, &[]).await;
    let mut issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect();
    fleet.gitlab.delivered(ISSUES / 2).await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(NEXT_VERSION).await.unwrap();
    issues.extend((0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)));
    fleet.until_all_is_done().await;

    fleet.replicas[0].kill();
    fleet.replicas[0].start().await;
    issues.extend((0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)));
    for issue in &issues {
        fleet.toggle(*issue, "operational-impact::no");
    }
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    fleet.gitlab.stop().await;
}
