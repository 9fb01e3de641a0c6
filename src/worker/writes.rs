//! What a look writes, for the ledger: noted before GitLab is asked, and again with how the issue was left.
//!
//! Only of what is really written; a dry run and shadow note nothing.

use super::after_failure::Failure;
use super::desk::Desk;
use super::lease::Lease;
use super::look::Written;
use crate::calculator::issue::IssueRef;
use crate::calculator::own_users::OwnUsers;
use crate::calculator::plan::Plan;
use crate::store::{Act, NoteRef, Origin, Write};

impl Desk {
    /// To be called right before each write.
    pub(super) async fn intend(
        &self,
        issue: IssueRef,
        acts: Vec<Act>,
        own: &OwnUsers,
        lease: &Lease,
    ) -> Result<(), Failure> {
        lease.intend(&self.store, issue, by(own, self.origin, acts)).await
    }
}

/// The label changes of a plan.
pub(super) fn of_labels(plan: &Plan) -> Vec<Act> {
    let added = plan.add.iter().cloned().map(Act::LabelAdded);
    added.chain(plan.remove.iter().cloned().map(Act::LabelRemoved)).collect()
}

/// What a look has written by its end.
pub(super) fn done(
    plan: &Plan,
    note: Option<&NoteRef>,
    written: Written,
    own: &OwnUsers,
    origin: Origin,
) -> Vec<Write> {
    let mut acts = of_labels(plan);
    acts.extend(match (written, note) {
        (Written::Created, Some(note)) => Some(Act::CommentPosted(Some(note.id))),
        (Written::Edited, Some(note)) => Some(Act::CommentEdited(note.id)),
        (Written::Created | Written::Edited, None)
        | (Written::Unchanged | Written::WouldCreate | Written::WouldEdit, _) => None,
    });
    by(own, origin, acts)
}

fn by(own: &OwnUsers, origin: Origin, acts: Vec<Act>) -> Vec<Write> {
    acts.into_iter().map(|act| Write { act, user_id: own.now(), origin }).collect()
}
