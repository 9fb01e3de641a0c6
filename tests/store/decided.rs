//! What people decided, and what was only watched.

use std::collections::BTreeMap;

use escalator::calculator::agreement::{Decided, Involvement, Ruling};
use escalator::calculator::assess::{Answer, Decision};
use escalator::calculator::issue::{Moment, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::standing::{LabelDifference, Standing};
use escalator::clock::Millis;
use escalator::store::{Entry, Record, Release, Store};
use tokio_postgres::NoTls;

use super::{LEASE, issue, on_each_engine, postgres};

fn standing(score: u32, decision: Decision) -> Standing {
    Standing {
        sources: vec!["incident".to_owned()],
        disambiguations: Vec::new(),
        answers: BTreeMap::from([("complexity".to_owned(), Answer::Yes)]),
        score,
        band: "none".to_owned(),
        decision,
    }
}

/// A look after which the issue has this score, and this is decided about it.
async fn look(store: &Store, iid: u64, score: u32, decided: Option<(Ruling, i64)>, involvement: Involvement) {
    let state = match decided {
        Some((Ruling::Closed, _)) => State::Closed,
        Some((Ruling::Accepted | Ruling::Escalated | Ruling::Declined, _)) | None => State::Opened,
    };
    let claim = store.claim_issue(issue(iid), Millis(0), LEASE).await.unwrap().unwrap();
    let known = store.recall(issue(iid)).await.unwrap();
    let record = Record {
        state,
        work_item_type: WorkItemType::Incident,
        labels: vec![Label::new("complexity::yes")],
        hands: Vec::new(),
        note: None,
        involvement,
        decided: decided.map(|(ruling, at)| Decided { ruling, at: Moment(at) }),
        entry: Some(Entry {
            at: Moment(0),
            policy_version: "1".to_owned(),
            before: known.map(|known| known.memory.standing),
            after: standing(score, Decision::Undecided),
            labels: LabelDifference::default(),
        }),
        writes: Vec::new(),
    };
    assert!(store.finish(claim, Release::Done(Some(Box::new(record))), Millis(0)).await.unwrap());
}

/// Which issues are decided: how, when, and with which score.
async fn decided(store: &Store, last: u32) -> Vec<(u64, Ruling, i64, u32)> {
    let decided = store.decided(last).await.unwrap();
    let row = |issue: escalator::store::DecidedIssue| {
        (issue.issue.iid, issue.decided.ruling, issue.decided.at.0, issue.standing.score)
    };
    decided.into_iter().map(row).collect()
}

#[tokio::test]
async fn those_that_were_decided_last_come_first_with_where_they_stand_now() {
    on_each_engine(async |store| {
        assert_eq!(decided(&store, 100).await, []);
        let watched = Involvement::Watched;
        look(&store, 1, 1, Some((Ruling::Closed, 30)), watched).await;
        look(&store, 2, 2, Some((Ruling::Accepted, 50)), Involvement::Written).await;
        look(&store, 3, 3, None, watched).await;
        look(&store, 4, 4, Some((Ruling::Escalated, 40)), watched).await;
        look(&store, 2, 5, Some((Ruling::Accepted, 50)), Involvement::Written).await;
        let all = [(2, Ruling::Accepted, 50, 5), (4, Ruling::Escalated, 40, 4), (1, Ruling::Closed, 30, 1)];
        assert_eq!(decided(&store, 100).await, all);
        assert_eq!(decided(&store, 2).await, all[..2]);

        look(&store, 4, 4, None, watched).await;
        look(&store, 1, 1, Some((Ruling::Declined, 60)), watched).await;
        assert_eq!(decided(&store, 100).await, [(1, Ruling::Declined, 60, 1), all[0]]);
        let known = store.recall(issue(1)).await.unwrap().unwrap();
        assert_eq!(known.decided, Some(Decided { ruling: Ruling::Declined, at: Moment(60) }));
        assert_eq!(known.involvement, watched);
    })
    .await;
}

/// Followed issues and their ledgers before decisions were kept: two were accepted, one of them twice, and one no more.
const BEFORE: &str = r#"
    INSERT INTO followed (project_id, iid, state, work_item_type, labels, hands) VALUES
        (1, 1, 'opened', 'incident', '[]', '[]'), (1, 2, 'opened', 'incident', '[]', '[]'),
        (1, 3, 'opened', 'incident', '[]', '[]');
    INSERT INTO ledger (project_id, iid, at, recorded_at, policy_version, before, after, labels_added, labels_removed)
    VALUES
        (1, 1, 10, 0, '1', NULL, 'SCORE 1 accepted', '[]', '[]'),
        (1, 2, 20, 0, '1', NULL, 'SCORE 2 accepted', '[]', '[]'),
        (1, 2, 30, 0, '1', 'SCORE 2 accepted', 'SCORE 2 undecided', '[]', '[]'),
        (1, 2, 40, 0, '1', 'SCORE 2 undecided', 'SCORE 2 accepted', '[]', '[]'),
        (1, 2, 50, 0, '1', 'SCORE 2 accepted', 'SCORE 5 accepted', '[]', '[]'),
        (1, 3, 60, 0, '1', NULL, 'SCORE 3 declined', '[]', '[]'),
        (1, 3, 70, 0, '1', 'SCORE 3 declined', 'SCORE 3 undecided', '[]', '[]');
"#;

fn before() -> String {
    let mut sql = BEFORE.to_owned();
    for score in [1, 2, 3, 5] {
        for decision in ["accepted", "declined", "undecided"] {
            let json = format!(
                r#"{{"sources":[],"disambiguations":[],"answers":{{}},"score":{score},"band":"none","decision":"{decision}"}}"#
            );
            sql = sql.replace(&format!("SCORE {score} {decision}"), &json);
        }
    }
    sql
}

const KNOWN: [(u64, Ruling, i64, u32); 2] = [(2, Ruling::Accepted, 40, 5), (1, Ruling::Accepted, 10, 1)];

#[tokio::test]
async fn what_was_decided_by_label_before_is_found_in_the_ledger_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escalator.db");
    let older = rusqlite::Connection::open(&path).unwrap();
    for migration in [
        include_str!("../../src/store/sqlite/schema.sql"),
        include_str!("../../src/store/sqlite/2_traceparent.sql"),
        include_str!("../../src/store/sqlite/3_own_bot.sql"),
        include_str!("../../src/store/sqlite/4_made.sql"),
        include_str!("../../src/store/sqlite/5_writes.sql"),
        include_str!("../../src/store/sqlite/6_commands.sql"),
        &before(),
        "PRAGMA user_version = 6",
    ] {
        older.execute_batch(migration).unwrap();
    }
    drop(older);
    let store = Store::open(&path, Millis(0)).unwrap();
    assert_eq!(decided(&store, 100).await, KNOWN);
    assert_eq!(store.recall(issue(1)).await.unwrap().unwrap().involvement, Involvement::Written);
}

#[tokio::test]
async fn what_was_decided_by_label_before_is_found_in_the_ledger_of_a_database() {
    let url = postgres::shared().create_database();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    for migration in [
        include_str!("../../src/store/postgres/schema.sql"),
        include_str!("../../src/store/postgres/2_own_bot.sql"),
        include_str!("../../src/store/postgres/3_made.sql"),
        include_str!("../../src/store/postgres/4_writes.sql"),
        include_str!("../../src/store/postgres/5_commands.sql"),
        &before(),
        "CREATE TABLE escalator_schema (version INTEGER NOT NULL, oldest_reader INTEGER NOT NULL);
         INSERT INTO escalator_schema VALUES (5, 1)",
    ] {
        client.batch_execute(migration).await.unwrap();
    }
    let store = Store::connect(&url).await.unwrap();
    assert_eq!(decided(&store, 100).await, KNOWN);
    assert_eq!(store.recall(issue(1)).await.unwrap().unwrap().involvement, Involvement::Written);
}
