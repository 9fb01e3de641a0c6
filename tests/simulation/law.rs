//! What must hold when a history has come to its end.

use std::collections::BTreeSet;

use escalator::calculator::assess::{Verdict, assess};
use escalator::calculator::own_users::OwnUsers;
use escalator::calculator::plan::{Author, hand, plan, suspicions};
use escalator::comment::{HistoryEntry, Renderer, View};
use escalator::gitlab::ProjectRef;
use escalator::sandbox::IssueId;
use escalator::store::Recollection;
use escalator::worker::Lease;

use super::history::{History, reference};

macro_rules! must {
    ($holds:expr, $($otherwise:tt)+) => {
        if !$holds {
            return Err(format!($($otherwise)+));
        }
    };
}

pub async fn check(history: &History<'_>) -> Result<(), String> {
    let depth = history.worker().store.depth().await.unwrap();
    must!(depth.parked == 0, "{} issues were parked", depth.parked);
    for issue in &history.issues {
        check_issue(history, *issue).await.map_err(|violation| format!("#{}: {violation}", issue.iid))?;
    }
    Ok(())
}

async fn check_issue(history: &History<'_>, id: IssueId) -> Result<(), String> {
    let (gitlab, policy) = (&history.scene.gitlab, &*history.scene.policy);
    let snapshot = history.scene.client.issue(&ProjectRef::Id(id.project_id), id.iid).await.unwrap();
    let issue = &snapshot.issue;
    let assessment = assess(issue, policy);
    let ours: Vec<_> =
        gitlab.notes(id).into_iter().filter(|note| note.author_id == history.scene.bot).collect();
    let Some(known) = history.worker().store.recall(reference(id)).await.unwrap() else {
        must!(assessment.verdict == Verdict::NoSource, "it has a source and is not followed");
        must!(ours.is_empty(), "it is not followed and has {} comments of ours", ours.len());
        for label in policy.owned_labels().filter(|label| issue.bears(label).is_some()) {
            must!(
                by_a_person(history, id, label.title()),
                "it is not followed and bears our {}",
                label.title()
            );
        }
        return Ok(());
    };

    for label in policy.owned_labels() {
        let wanted = assessment.wanted.is_some_and(|wanted| wanted.is(label));
        let explained =
            known.memory.hands.iter().any(|hand| hand.label.is(label) && hand.band == assessment.band.id)
                && assessment.verdict == Verdict::InForce
                && by_a_person(history, id, label.title());
        must!(
            wanted == issue.bears(label).is_some() || explained,
            "score {}, {:?}, {:?}, and the labels are {:?}",
            assessment.score,
            assessment.verdict,
            assessment.decision,
            gitlab.labels(id)
        );
    }
    must!(ours.len() == 1, "it has {} comments of ours", ours.len());
    must!(
        ours[0].body == fresh_comment(history, id, &known).await,
        "its comment is not what it should be:\n{}",
        ours[0].body
    );
    nothing_more_to_do(history, id).await
}

/// Whether a person was the last to touch a label.
fn by_a_person(history: &History<'_>, id: IssueId, title: &str) -> bool {
    let events = history.scene.gitlab.label_events(id);
    let last = events.into_iter().filter(|event| event.label == title).max_by_key(|event| event.id);
    last.is_some_and(|event| event.user != history.scene.bot)
}

/// The comment as it is rendered from what is there and what is remembered, which must plan no change.
async fn fresh_comment(history: &History<'_>, id: IssueId, known: &Recollection) -> String {
    let policy = &*history.scene.policy;
    let client = &history.scene.client;
    let issue = client.issue(&ProjectRef::Id(id.project_id), id.iid).await.unwrap().issue;
    let assessment = assess(&issue, policy);
    let events = client.label_events(reference(id)).await.unwrap();
    let own = OwnUsers::new(history.scene.bot.0, BTreeSet::new());
    let new_hands = suspicions(&assessment, &issue, Some(&known.memory), policy)
        .iter()
        .filter_map(|it| hand(it, &events, &own, Author::Person, &assessment.band.id))
        .collect();
    let planned = plan(&assessment, &issue, Some(&known.memory), new_hands, policy);
    let entries: Vec<_> = known
        .history
        .iter()
        .map(|entry| HistoryEntry {
            at: entry.at,
            before: entry.before.as_ref(),
            after: &entry.after,
            labels: &entry.labels,
        })
        .collect();
    let view = View::new(&assessment, policy, &planned.hands, &entries);
    Renderer::new(None).unwrap().render(&view).unwrap().body
}

/// A look at an issue that is as it should be reads and does not write.
async fn nothing_more_to_do(history: &History<'_>, id: IssueId) -> Result<(), String> {
    history.scene.gitlab.clear_requests();
    let looked = history.worker().desk.look(reference(id), &Lease::without_end()).await;
    must!(looked.is_ok(), "a further look fails: {looked:?}");
    let writes = history.scene.gitlab.writes(id);
    must!(writes == 0, "a further look writes {writes} times");
    Ok(())
}
