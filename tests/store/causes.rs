//! Who caused what the ledger tells: asked for until it is known, or given up.

use std::time::{Duration, Instant};

use escalator::calculator::issue::Moment;
use escalator::calculator::label::Label;
use escalator::calculator::plan::Gesture;
use escalator::clock::Millis;
use escalator::store::{Cause, Release, Store};
use tokio_postgres::NoTls;

use super::echo::{done, work};
use super::{PATIENCE, issue, on_each_engine, postgres};

/// An assessment that a label changed is in the ledger.
async fn changed(store: &Store) {
    let claimed = work(store).await;
    let Release::Done(Some(mut record)) = done() else { unreachable!("it is done") };
    record.entry.as_mut().unwrap().labels.added.push(Label::new("complexity::yes"));
    assert!(store.finish(claimed, Release::Done(Some(record)), Millis(1)).await.unwrap());
}

fn cause() -> Cause {
    let label = Label::new("complexity::yes");
    Cause { label, gesture: Gesture::Added, event_id: 5, user_id: 3, at: Moment(1) }
}

#[tokio::test]
async fn a_cause_is_asked_for_until_it_is_known_and_kept_once() {
    on_each_engine(async |store| {
        changed(&store).await;
        let open = store.open_causes().await.unwrap();
        assert_eq!((open.len(), open[0].issue), (1, issue(1)));
        assert_eq!(open[0].labels.added, [Label::new("complexity::yes")]);
        for _ in 0..2 {
            store.settle_causes(open[0].ledger_id, vec![cause()]).await.unwrap();
        }
        assert!(store.open_causes().await.unwrap().is_empty());
        assert_eq!(store.causes(issue(1)).await, Ok(vec![cause()]));
    })
    .await;
}

#[tokio::test]
async fn an_issue_that_is_gone_is_asked_about_five_times() {
    on_each_engine(async |store| {
        changed(&store).await;
        for _ in 0..5 {
            let open = store.open_causes().await.unwrap();
            assert_eq!(open.len(), 1);
            store.postpone_causes(open[0].ledger_id).await.unwrap();
        }
        assert!(store.open_causes().await.unwrap().is_empty());
        assert_eq!(store.causes(issue(1)).await, Ok(Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn a_cause_waits_while_the_notes_of_its_issue_are_to_be_read() {
    on_each_engine(async |store| {
        changed(&store).await;
        store.ask_to_read(issue(2), Millis(1)).await.unwrap();
        assert_eq!(store.open_causes().await.unwrap().len(), 1, "another issue's notes");
        store.ask_to_read(issue(1), Millis(2)).await.unwrap();
        assert!(store.open_causes().await.unwrap().is_empty());
        for reading in store.unread(Millis(2)).await.unwrap() {
            store.end_reading(reading, None).await.unwrap();
        }
        assert_eq!(store.open_causes().await.unwrap().len(), 1);
    })
    .await;
}

/// After a backfill there is one for each issue.
#[tokio::test]
async fn postgresql_reads_the_next_causes_without_going_through_all() {
    let url = postgres::shared().create_database();
    let store = Store::connect(&url).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "INSERT INTO ledger (project_id, iid, at, recorded_at, policy_version, after, labels_added, labels_removed)
             SELECT 1, iid, 1, 1, '1', '{}', '[]', '[]' FROM generate_series(1, 20000) AS iid;
             INSERT INTO ledger_open_cause (ledger_id) SELECT id FROM ledger;
             ANALYZE ledger; ANALYZE ledger_open_cause",
        )
        .await
        .unwrap();
    let scans = "SELECT coalesce(idx_tup_read, 0), coalesce(seq_tup_read, 0)
                 FROM pg_stat_user_tables
                 JOIN (SELECT relid, sum(idx_tup_read)::bigint AS idx_tup_read FROM pg_stat_user_indexes
                       GROUP BY relid) AS index USING (relid) WHERE relname = 'ledger_open_cause'";
    let before = client.query_one(scans, &[]).await.unwrap().get::<_, i64>(1);
    assert_eq!(store.open_causes().await.unwrap().len(), 100);
    // The server tells what a session did when that has ended, at the latest.
    drop(store);
    let started = Instant::now();
    let read = loop {
        let row = client.query_one(scans, &[]).await.unwrap();
        let (by_index, one_by_one) = (row.get::<_, i64>(0), row.get::<_, i64>(1) - before);
        if by_index + one_by_one > 0 {
            break by_index + one_by_one;
        }
        assert!(started.elapsed() < PATIENCE, "the server does not tell");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(read < 1000, "{read} rows were read for 100");
}

#[tokio::test]
async fn what_was_asked_for_in_vain_is_asked_for_last_and_causes_are_told_in_their_order() {
    on_each_engine(async |store| {
        changed(&store).await;
        changed(&store).await;
        let open = async || -> Vec<i64> {
            store.open_causes().await.unwrap().iter().map(|open| open.ledger_id).collect()
        };
        let first_and_second = open().await;
        let [first, second] = first_and_second[..] else { panic!("{first_and_second:?}") };
        store.postpone_causes(first).await.unwrap();
        assert_eq!(open().await, [second, first]);

        let removed = Cause { gesture: Gesture::Removed, event_id: 4, ..cause() };
        let later = Cause { event_id: 3, ..cause() };
        store.settle_causes(second, vec![later.clone()]).await.unwrap();
        store.settle_causes(first, vec![cause(), removed.clone()]).await.unwrap();
        assert_eq!(store.causes(issue(1)).await, Ok(vec![removed, cause(), later]));
        assert_eq!(store.causes(issue(2)).await, Ok(Vec::new()));
    })
    .await;
}
