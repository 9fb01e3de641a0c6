//! How far walks have come, and since when commands are commands.

use std::time::Duration;

use escalator::calculator::issue::Moment;
use escalator::store::{Store, Walk};
use tokio_postgres::{Client, NoTls};

use super::{on_each_engine, postgres};

#[tokio::test]
async fn a_first_watermark_stays_as_it_was_kept_first() {
    on_each_engine(async |store| {
        for at in [5, 9, 3] {
            let kept = store.keep_first_watermark(Walk::Commands, "first start", Moment(at)).await;
            assert_eq!(kept, Ok(Moment(5)));
        }
        assert_eq!(store.watermark(Walk::Commands, "first start").await, Ok(Some(Moment(5))));
    })
    .await;
}

#[tokio::test]
async fn a_first_watermark_that_waits_for_a_copy_does_not_replace_what_is_copied() {
    let url = postgres::shared().create_database();
    let (store, copy) = (Store::connect(&url).await.unwrap(), connect(&url).await);
    copy.batch_execute(
        "BEGIN; LOCK TABLE watermark IN SHARE ROW EXCLUSIVE MODE;
         INSERT INTO watermark (walk, place, at) VALUES ('commands', 'first start', 5)",
    )
    .await
    .unwrap();
    assert_eq!(store.watermark(Walk::Commands, "first start").await, Ok(None));
    let kept = store.clone();
    let keeping =
        tokio::spawn(
            async move { kept.keep_first_watermark(Walk::Commands, "first start", Moment(9)).await },
        );
    until_waiting(&copy, 1).await;
    copy.batch_execute("COMMIT").await.unwrap();
    assert_eq!(keeping.await.unwrap(), Ok(Moment(5)));
    assert_eq!(store.watermark(Walk::Commands, "first start").await, Ok(Some(Moment(5))));
}

/// A connection of the test's own.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Until so many in this database wait for a lock.
pub async fn until_waiting(client: &Client, count: i64) {
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                   WHERE NOT granted AND datname = current_database()";
    while client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
