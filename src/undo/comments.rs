//! The comments of an issue: which of them are new, read as Escalator wrote them, and have no answers.

use super::plan::{Left, Plan, Text, There, Thing, Why, is_escalators};
use crate::clock::Millis;
use crate::store::{Act, Origin, Stage, Written};

/// Plans what becomes of the comments.
pub(super) fn plan(plan: &mut Plan, writes: &[Written], since: Millis, there: &There) {
    let recent: Vec<&Written> = writes.iter().filter(|written| written.at >= since).collect();
    let mut leave = |note_id, why| plan.left.push(Left { what: Thing::Comment(note_id), why });
    for comment in &there.comments {
        let edited = |written: &&&Written| written.write.act == Act::CommentEdited(comment.id);
        match comment.text {
            _ if !posted_since(comment.id, writes, since) => {
                if recent.iter().filter(edited).any(|written| is_escalators(written)) {
                    leave(comment.id, Why::OlderText);
                }
            }
            Text::AsWritten => plan.delete.push(comment.id),
            Text::Otherwise => leave(comment.id, Why::Reworded),
            Text::Unknown => leave(comment.id, Why::Uncertain),
            Text::Answered => leave(comment.id, Why::Answered),
        }
    }
    for written in &recent {
        let Act::CommentDeleted(note_id) = written.write.act else { continue };
        if there.comments.iter().any(|comment| comment.id == note_id) {
            continue;
        }
        match written.write.origin {
            Origin::Service | Origin::Backfill => leave(note_id, Why::Gone),
            // An undo that was broken off. Asking GitLab once more does no harm.
            Origin::Undo if !is_done(&written.write.act, &recent) && !plan.delete.contains(&note_id) => {
                plan.delete.push(note_id);
            }
            Origin::Undo | Origin::Command => {}
        }
    }
}

/// Whether a comment of ours is new since then. One whose posting was broken off has no id in the ledger; then it must not
/// have been known before that.
fn posted_since(note_id: u64, writes: &[Written], since: Millis) -> bool {
    let until_known = writes.iter().take_while(|written| note_of(written) != Some(note_id));
    let posted = Act::CommentPosted(Some(note_id));
    until_known.chain(writes.iter().filter(|written| written.write.act == posted)).any(|written| {
        written.at >= since
            && is_escalators(written)
            && (written.write.act == posted || written.write.act == Act::CommentPosted(None))
    })
}

fn is_done(act: &Act, recent: &[&Written]) -> bool {
    recent.iter().any(|written| written.stage == Stage::Done && written.write.act == *act)
}

fn note_of(written: &Written) -> Option<u64> {
    match written.write.act {
        Act::CommentPosted(note_id) => note_id,
        Act::CommentEdited(note_id) | Act::CommentDeleted(note_id) => Some(note_id),
        Act::LabelAdded(_) | Act::LabelRemoved(_) => None,
    }
}
