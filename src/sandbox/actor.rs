//! People acting from Rust: each method does what a click does, and the webhooks hear of it.

use super::act::{Caller, IssueEdit, StateEvent, Via};
use super::label_edit::LabelEdit;
use super::notes::{Edited, Posted};
use super::nouns::{IssueId, Kind};
use super::world::World;
use super::{Refusal, Sandbox};

/// A user at work.
#[derive(Debug, Clone)]
pub struct Actor {
    sandbox: Sandbox,
    caller: Caller,
}

impl Actor {
    pub(super) fn new(sandbox: Sandbox, caller: Caller) -> Self {
        Self { sandbox, caller }
    }

    /// Through which code of GitLab: the web page unless told otherwise.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.caller.via = via;
        self
    }

    /// Puts labels on.
    pub fn add_labels<T: Into<String>>(
        &self,
        issue: IssueId,
        titles: impl IntoIterator<Item = T>,
    ) -> Result<(), Refusal> {
        self.edit(issue, labels(titles, Vec::<String>::new()))
    }

    /// Takes labels off.
    pub fn remove_labels<T: Into<String>>(
        &self,
        issue: IssueId,
        titles: impl IntoIterator<Item = T>,
    ) -> Result<(), Refusal> {
        self.edit(issue, labels(Vec::<String>::new(), titles))
    }

    /// Puts labels on and takes others off, in one request.
    pub fn change_labels<A: Into<String>, R: Into<String>>(
        &self,
        issue: IssueId,
        add: impl IntoIterator<Item = A>,
        remove: impl IntoIterator<Item = R>,
    ) -> Result<(), Refusal> {
        self.edit(issue, labels(add, remove))
    }

    /// Closes an issue.
    pub fn close(&self, issue: IssueId) -> Result<(), Refusal> {
        self.set_state(issue, StateEvent::Close)
    }

    /// Opens a closed issue again.
    pub fn reopen(&self, issue: IssueId) -> Result<(), Refusal> {
        self.set_state(issue, StateEvent::Reopen)
    }

    /// Makes an issue of another type out of it.
    pub fn convert(&self, issue: IssueId, kind: Kind) -> Result<(), Refusal> {
        let edit = IssueEdit { kind: Some(kind), ..IssueEdit::default() };
        self.edit(issue, edit)
    }

    /// Gives it another title.
    pub fn set_title(&self, issue: IssueId, title: impl Into<String>) -> Result<(), Refusal> {
        let edit = IssueEdit { title: Some(title.into()), ..IssueEdit::default() };
        self.edit(issue, edit)
    }

    /// Gives it another description.
    pub fn set_description(&self, issue: IssueId, text: impl Into<String>) -> Result<(), Refusal> {
        let edit = IssueEdit { description: Some(text.into()), ..IssueEdit::default() };
        self.edit(issue, edit)
    }

    /// Hides it from Guests, or shows it again.
    pub fn set_confidential(&self, issue: IssueId, confidential: bool) -> Result<(), Refusal> {
        let edit = IssueEdit { confidential: Some(confidential), ..IssueEdit::default() };
        self.edit(issue, edit)
    }

    /// Comments, and runs the quick actions in it. A comment of nothing else leaves no note.
    pub fn note(&self, issue: IssueId, body: &str) -> Result<Option<u64>, Refusal> {
        self.post(issue, body, false, None)
    }

    /// Comments where Guests cannot read it.
    pub fn internal_note(&self, issue: IssueId, body: &str) -> Result<Option<u64>, Refusal> {
        self.post(issue, body, true, None)
    }

    /// Answers a note, which makes a thread of it.
    pub fn answer(&self, issue: IssueId, note_id: u64, body: &str) -> Result<Option<u64>, Refusal> {
        self.post(issue, body, false, Some(note_id))
    }

    /// Edits a note, and runs the quick actions in it.
    pub fn edit_note(&self, issue: IssueId, note_id: u64, body: &str) -> Result<Edited, Refusal> {
        self.sandbox.shared.change(|world| world.edit_note(&self.caller, issue, note_id, body))
    }

    /// Deletes a note; no webhook tells.
    pub fn delete_note(&self, issue: IssueId, note_id: u64) -> Result<(), Refusal> {
        self.sandbox.shared.change(|world| world.delete_note(&self.caller, issue, note_id))
    }

    /// Deletes the issue; no webhook tells.
    pub fn delete(&self, issue: IssueId) -> Result<(), Refusal> {
        self.sandbox.shared.change(|world| world.delete_issue(self.caller.user, issue))
    }

    pub(super) fn set_state(&self, issue: IssueId, event: StateEvent) -> Result<(), Refusal> {
        let edit = IssueEdit { state: Some(event), ..IssueEdit::default() };
        self.edit(issue, edit)
    }

    fn edit(&self, issue: IssueId, edit: IssueEdit) -> Result<(), Refusal> {
        self.sandbox.shared.change(|world| world.update_issue(&self.caller, issue, edit))
    }

    fn post(
        &self,
        issue: IssueId,
        body: &str,
        internal: bool,
        answers: Option<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let post = |world: &mut World| world.post_note(&self.caller, issue, body, internal, answers);
        match self.sandbox.shared.change(post)? {
            Posted::Note { id, .. } => Ok(Some(id)),
            Posted::CommandsOnly(_) => Ok(None),
        }
    }
}

fn labels<A: Into<String>, R: Into<String>>(
    add: impl IntoIterator<Item = A>,
    remove: impl IntoIterator<Item = R>,
) -> IssueEdit {
    IssueEdit {
        labels: LabelEdit {
            replace: None,
            add: add.into_iter().map(Into::into).collect(),
            remove: remove.into_iter().map(Into::into).collect(),
        },
        ..IssueEdit::default()
    }
}
