//! How far walks have come, since when commands are commands, and which policy is applied.

use std::time::{Duration, Instant};

use escalator::calculator::issue::Moment;
use escalator::clock::Millis;
use escalator::store::{PolicyDigest, Store, Walk};
use tokio_postgres::{Client, NoTls};

use super::{PATIENCE, on_each_engine, with_patience};

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
async fn each_walk_remembers_of_each_place_where_it_was_last() {
    on_each_engine(async |store| {
        assert_eq!(store.watermark(Walk::Sweep, "group acme").await, Ok(None));
        let kept = [
            (Walk::Sweep, "group acme", 9),
            (Walk::Sweep, "project acme/shop", 7),
            (Walk::DryRunSweep, "group acme", 8),
            // A walk may begin again.
            (Walk::Sweep, "group acme", 5),
        ];
        for (walk, place, at) in kept {
            store.keep_watermark(walk, place, Moment(at)).await.unwrap();
        }
        for (walk, place, at) in &kept[1..] {
            assert_eq!(store.watermark(*walk, place).await, Ok(Some(Moment(*at))), "{walk:?} {place}");
        }
        assert_eq!(store.watermark(Walk::DryRunSweep, "project acme/shop").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_first_watermark_that_waits_for_a_copy_does_not_replace_what_is_copied() {
    let scene = async |url: String| {
        let (store, copy) = (Store::connect(&url).await.unwrap(), connect(&url).await);
        copy.batch_execute(
            "BEGIN; LOCK TABLE watermark IN SHARE ROW EXCLUSIVE MODE;
             INSERT INTO watermark (walk, place, at) VALUES ('commands', 'first start', 5)",
        )
        .await
        .unwrap();
        assert_eq!(store.watermark(Walk::Commands, "first start").await?, None);
        let copied = async {
            until_waiting(&copy, 1).await;
            copy.batch_execute("COMMIT").await.unwrap();
            Ok(())
        };
        let keep = store.keep_first_watermark(Walk::Commands, "first start", Moment(9));
        let (kept, ()) = tokio::try_join!(keep, copied)?;
        Ok((store, kept))
    };
    let (store, kept) = with_patience(scene).await;
    assert_eq!(kept, Moment(5));
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
    let started = Instant::now();
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                   WHERE NOT granted AND datname = current_database()";
    while client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < count {
        assert!(started.elapsed() < PATIENCE, "never {count} wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_place_is_forgotten_with_all_that_is_added_to_its_name_and_no_place_that_is_called_alike() {
    on_each_engine(async |store| {
        let forgotten = ["group a_me", "group a_me in shadow"];
        let kept = ["group a_me2", "group a_me/shop", "group acme", "group", "group A_ME in shadow"];
        for place in forgotten.iter().chain(&kept) {
            for walk in [Walk::Backfill, Walk::Sweep] {
                store.keep_watermark(walk, place, Moment(1)).await.unwrap();
            }
        }
        store.forget_watermark(Walk::Backfill, "group a_me").await.unwrap();
        for place in forgotten {
            assert_eq!(store.watermark(Walk::Backfill, place).await, Ok(None), "{place}");
            assert_eq!(store.watermark(Walk::Sweep, place).await, Ok(Some(Moment(1))), "{place}");
        }
        for place in kept {
            assert_eq!(store.watermark(Walk::Backfill, place).await, Ok(Some(Moment(1))), "{place}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_policy_at_a_time_is_applied_or_none() {
    on_each_engine(async |store| {
        let [old, new] = ["old", "new"].map(|rule| PolicyDigest::of(&rule));
        let applied = async || (store.is_applied(old).await.unwrap(), store.is_applied(new).await.unwrap());
        assert_eq!(applied().await, (false, false));
        store.keep_applied(old, Millis(1)).await.unwrap();
        assert_eq!(applied().await, (true, false));
        store.keep_applied(new, Millis(2)).await.unwrap();
        assert_eq!(applied().await, (false, true));
        store.forget_applied().await.unwrap();
        assert_eq!(applied().await, (false, false));
    })
    .await;
}
