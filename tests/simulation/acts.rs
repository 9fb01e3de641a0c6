//! What people do to issues.

use escalator::sandbox::{Actor, IssueId, Kind, State};
use fastrand::Rng;

use super::scene::Scene;

const ANSWERS: [&str; 8] = [
    "cross-functionality::yes",
    "cross-functionality::no",
    "complexity::yes",
    "complexity::no",
    "financial-impact::yes",
    "operational-impact::yes",
    "customer-impact::yes",
    "customer-impact::no",
];
const SOURCES: [&str; 2] = ["outage", "SIRT"];
const DECISIONS: [&str; 2] = ["escalation-decision::accepted", "escalation-decision::declined"];
const OURS: [&str; 2] = ["platform-escalation", "platform-escalation-possible"];

/// Does something random to an issue, as some person. Returns what, for the telling.
pub fn random_act(scene: &Scene, issue: IssueId, rng: &mut Rng) -> String {
    let reporter = scene.gitlab.by(scene.reporter);
    match rng.u8(0..20) {
        0..=7 => toggle(scene, &reporter, issue, pick(rng, &ANSWERS)),
        8 => toggle(scene, &reporter, issue, pick(rng, &SOURCES)),
        9 => toggle(scene, &reporter, issue, "STAR"),
        10 => toggle(scene, &reporter, issue, pick(rng, &DECISIONS)),
        11 | 12 => toggle(scene, &reporter, issue, pick(rng, &OURS)),
        13 => {
            let kind = if rng.bool() { Kind::Incident } else { Kind::Issue };
            reporter.convert(issue, kind).unwrap();
            format!("converts it to {kind:?}")
        }
        14 => close_or_reopen(scene, &reporter, issue),
        15 => {
            reporter.set_title(issue, format!("title {}", rng.u32(..))).unwrap();
            "changes the title".to_owned()
        }
        16 => {
            let body =
                if rng.bool() { "/label ~\"complexity::yes\"" } else { "Yes.\n/label ~\"complexity::yes\"" };
            reporter.note(issue, body).unwrap();
            format!("comments {body:?}")
        }
        17 => delete_our_comment(scene, issue),
        18 => everything(&reporter, issue),
        _ => {
            reporter.note(issue, "Any news?").unwrap();
            "comments".to_owned()
        }
    }
}

/// Does something a reader of the comment would see: nobody tells that a comment was deleted, so it comes back with the
/// next change. Of an issue without a source the comment tells no answers.
pub fn visible_act(scene: &Scene, issue: IssueId) {
    let reporter = scene.gitlab.by(scene.reporter);
    reporter.convert(issue, Kind::Incident).unwrap();
    toggle(scene, &reporter, issue, "operational-impact::yes");
}

fn pick<'title>(rng: &mut Rng, titles: &[&'title str]) -> &'title str {
    titles[rng.usize(..titles.len())]
}

fn toggle(scene: &Scene, actor: &Actor, issue: IssueId, title: &str) -> String {
    if scene.gitlab.labels(issue).iter().any(|own| own == title) {
        actor.remove_labels(issue, [title]).unwrap();
        format!("removes {title}")
    } else {
        actor.add_labels(issue, [title]).unwrap();
        format!("adds {title}")
    }
}

/// Five points in one request.
fn everything(actor: &Actor, issue: IssueId) -> String {
    let labels = ["cross-functionality::yes", "complexity::yes", "financial-impact::yes"];
    actor.add_labels(issue, labels).unwrap();
    "answers three questions with yes".to_owned()
}

fn close_or_reopen(scene: &Scene, actor: &Actor, issue: IssueId) -> String {
    if scene.gitlab.state(issue) == Some(State::Closed) {
        actor.reopen(issue).unwrap();
        "reopens it".to_owned()
    } else {
        actor.close(issue).unwrap();
        "closes it".to_owned()
    }
}

fn delete_our_comment(scene: &Scene, issue: IssueId) -> String {
    let ours = scene.gitlab.notes(issue).into_iter().find(|note| note.author_id == scene.bot);
    match ours {
        Some(note) => {
            scene.gitlab.by(scene.maintainer).delete_note(issue, note.id).unwrap();
            "deletes our comment".to_owned()
        }
        None => "finds no comment to delete".to_owned(),
    }
}
