//! The ledger of writes: nothing that was about to be written is missing, and nothing is ever changed.

use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::store::{Act, Held, Origin, Stage, Store, Write, Written};

use super::echo::{COMMENT, by_us, done, work};
use super::{LEASE, claim, issue, new_file, on_each_engine};

async fn told(store: &Store, iid: u64, since: i64) -> Vec<(i64, Stage, Act)> {
    let writes = store.writes(issue(iid), Millis(since)).await.unwrap();
    let told = |written: Written| (written.at.0, written.stage, written.write.act);
    writes.into_iter().inspect(|written| assert_eq!(written.write.user_id, 9)).map(told).collect()
}

#[tokio::test]
async fn every_kind_of_write_is_read_back_as_it_was_noted_and_in_order() {
    on_each_engine(async |store| {
        let label = || Label::new("platform-escalation");
        let acts = [
            Act::LabelRemoved(Label::new("Ünusual \"title\"")),
            Act::LabelAdded(label()),
            Act::CommentPosted(None),
            Act::CommentEdited(7),
            Act::CommentDeleted(8),
        ];
        store.intend(issue(1), acts.clone().map(by_us).to_vec(), None, Millis(5)).await.unwrap();
        store.intend(issue(2), vec![by_us(Act::LabelAdded(label()))], None, Millis(6)).await.unwrap();
        assert_eq!(told(&store, 1, 5).await, acts.map(|act| (5, Stage::Intended, act)));
        assert_eq!(told(&store, 1, 6).await, []);
        assert_eq!(told(&store, 2, 0).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn it_is_told_whose_work_each_write_is() {
    on_each_engine(async |store| {
        let origins = [Origin::Service, Origin::Backfill, Origin::Command, Origin::Undo];
        for origin in origins {
            let write = Write { act: Act::CommentEdited(7), user_id: 9, origin };
            store.intend(issue(1), vec![write], None, Millis(1)).await.unwrap();
        }
        let told = store.writes(issue(1), Millis(0)).await.unwrap();
        assert_eq!(told.iter().map(|written| written.write.origin).collect::<Vec<_>>(), origins);
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_kept_with_how_the_issue_was_left_or_not_at_all() {
    on_each_engine(async |store| {
        let claimed = work(&store).await;
        store.intend(issue(1), vec![by_us(Act::CommentPosted(None))], None, Millis(1)).await.unwrap();
        assert!(store.finish(claimed, done(), Millis(2)).await.unwrap());
        let whole = [
            (1, Stage::Intended, Act::CommentPosted(None)),
            (2, Stage::Done, Act::CommentPosted(Some(COMMENT))),
        ];
        assert_eq!(told(&store, 1, 0).await, whole);
        // Whoever lost the claim has recorded nothing.
        assert!(!store.finish(claimed, done(), Millis(3)).await.unwrap());
        assert_eq!(told(&store, 1, 0).await, whole);
    })
    .await;
}

#[tokio::test]
async fn who_lost_a_claim_notes_nothing() {
    on_each_engine(async |store| {
        let claimed = work(&store).await;
        let notes = async |claim, now| {
            let label = by_us(Act::LabelAdded(Label::new("platform-escalation")));
            store.intend(issue(1), vec![label], Some(Held::Claim(claim)), Millis(now)).await.unwrap()
        };
        assert!(notes(claimed, 1).await);
        let after_lease = i64::try_from(LEASE.as_millis()).unwrap();
        assert!(notes(claimed, after_lease).await, "nobody took it over yet");
        let successor = claim(&store, after_lease).await.unwrap();
        assert!(!notes(claimed, after_lease + 1).await);
        assert!(notes(successor, after_lease + 1).await);
        assert!(store.finish(successor, done(), Millis(after_lease + 2)).await.unwrap());
        assert!(!notes(successor, after_lease + 3).await);
        let intended = told(&store, 1, 0).await.into_iter().filter(|(_, stage, _)| *stage != Stage::Done);
        assert_eq!(intended.map(|(at, _, _)| at).collect::<Vec<_>>(), [1, after_lease, after_lease + 1]);
    })
    .await;
}

#[tokio::test]
async fn the_ledger_of_writes_refuses_every_change() {
    let (folder, store) = new_file();
    store.intend(issue(1), vec![by_us(Act::CommentEdited(7))], None, Millis(1)).await.unwrap();
    let file = rusqlite::Connection::open(folder.path().join("escalator.db")).unwrap();
    for change in ["UPDATE write_ledger SET note_id = 0", "DELETE FROM write_ledger"] {
        let refused = file.execute(change, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
}
