//! Writing, editing and deleting notes, with the quick actions in them.

use std::collections::BTreeSet;

use super::act::{Caller, IssueEdit, StateEvent};
use super::label_edit::LabelEdit;
use super::nouns::{Award, IssueId, Note, Place, UserId};
use super::payload::NoteAction;
use super::quick_actions::{Command, extract};
use super::world::{World, take};
use super::{Refusal, access};
use crate::clock::now;

/// What became of a new note.
#[derive(Debug, Clone)]
pub(super) enum Posted {
    /// It is there, without the commands that were in it.
    Note { id: u64, ran: Ran },
    /// It was nothing but commands, so there is none.
    CommandsOnly(Ran),
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edited {
    /// The text is another.
    Changed,
    /// The text was that already; nobody is told.
    Unchanged,
    /// Nothing was left beside commands, so the note is gone.
    Deleted,
}

/// What the commands of a note did.
#[derive(Debug, Clone, Default)]
pub(super) struct Ran {
    pub added: Vec<u64>,
    pub removed: Vec<u64>,
    pub summary: Vec<String>,
}

impl Note {
    /// What GitLab calls its type; a comment that nobody has answered has none.
    pub(super) fn kind(&self) -> Option<&'static str> {
        self.in_thread.then_some("DiscussionNote")
    }
}

/// GitLab refuses more comments on one issue.
const MOST_COMMENTS: usize = 5000;

impl World {
    pub fn post_note(
        &mut self,
        caller: &Caller,
        id: IssueId,
        body: &str,
        internal: bool,
        answers: Option<u64>,
    ) -> Result<Posted, Refusal> {
        self.issue_for(caller.user, id)?;
        self.writable(id.project_id)?;
        if let Some(answered) = answers {
            self.note_for(caller.user, id, answered)?;
        }
        if internal && !self.may_label(caller.user, id.project_id) {
            return Err(Refusal::Forbidden);
        }
        if body.trim().is_empty() {
            return Err(Refusal::Invalid("Note can't be blank".into()));
        }
        let comments = self.notes_of(id).iter().filter(|note| !note.system).count();
        if comments >= MOST_COMMENTS {
            return Err(Refusal::Invalid("Maximum number of comments exceeded".into()));
        }
        let (text, commands) = extract(body);
        if text.is_empty() {
            let ran = self.run(caller, id, &commands)?;
            return if ran.summary.is_empty() {
                Err(Refusal::Invalid("Failed to apply commands.".into()))
            } else {
                Ok(Posted::CommandsOnly(ran))
            };
        }
        let note_id = self.add_note(caller.user, id, text, internal);
        if let Some(answered) = answers {
            self.make_thread(id, answered, note_id);
        }
        let ran = self.run(caller, id, &commands)?;
        self.tell_note(id, note_id, NoteAction::Create);
        Ok(Posted::Note { id: note_id, ran })
    }

    pub fn edit_note(
        &mut self,
        caller: &Caller,
        id: IssueId,
        note_id: u64,
        body: &str,
    ) -> Result<Edited, Refusal> {
        let before = self.note_to_change(caller.user, id, note_id)?;
        if body.trim().is_empty() {
            return Err(Refusal::Invalid("Note can't be blank".into()));
        }
        if before.body == body {
            return Ok(Edited::Unchanged);
        }
        let (text, commands) = extract(body);
        self.run(caller, id, &commands)?;
        if text.is_empty() {
            self.remove_note(id, note_id);
            return Ok(Edited::Deleted);
        }
        if text == before.body {
            return Ok(Edited::Unchanged);
        }
        let at = now();
        let notes = self.notes.entry(id).or_default();
        if let Some(note) = notes.iter_mut().find(|note| note.id == note_id) {
            note.body = text;
            note.updated_at = at;
            note.updated_by = Some(caller.user);
        }
        self.touch(id);
        self.tell_note(id, note_id, NoteAction::Update);
        Ok(Edited::Changed)
    }

    /// Tells no webhook: GitLab does not either.
    pub fn delete_note(&mut self, caller: &Caller, id: IssueId, note_id: u64) -> Result<(), Refusal> {
        self.note_to_change(caller.user, id, note_id)?;
        self.remove_note(id, note_id);
        Ok(())
    }

    /// A reaction that the user has given already is not found.
    pub fn award(&mut self, user: UserId, id: IssueId, note_id: u64, name: &str) -> Result<Award, Refusal> {
        self.note_for(user, id, note_id)?;
        self.writable(id.project_id)?;
        let given = |award: &&Award| award.note_id == note_id && award.user == user && award.name == name;
        if self.awards.iter().find(given).is_some() {
            return Err(Refusal::NotFound("404 Award Emoji Name has already been taken Not Found"));
        }
        let id = take(&mut self.ids.award);
        let award = Award { id, note_id, user, name: name.to_owned(), created_at: now() };
        self.awards.push(award.clone());
        Ok(award)
    }

    /// The notes of an issue that a user may see, oldest first, system notes included.
    pub fn notes_for(&self, user: UserId, id: IssueId) -> Result<Vec<&Note>, Refusal> {
        self.issue_for(user, id)?;
        let trusted = self.may_label(user, id.project_id);
        let notes = self.notes_of(id).iter();
        Ok(notes.filter(|note| trusted || !note.internal).collect())
    }

    pub fn note_for(&self, user: UserId, id: IssueId, note_id: u64) -> Result<&Note, Refusal> {
        self.notes_for(user, id)?.into_iter().find(|note| note.id == note_id).ok_or(Refusal::NO_NOTE)
    }

    /// Only the author and Maintainers may change a note; nobody may change what GitLab itself wrote.
    fn note_to_change(&self, user: UserId, id: IssueId, note_id: u64) -> Result<Note, Refusal> {
        let note = self.note_for(user, id, note_id)?.clone();
        self.writable(id.project_id)?;
        let role = self.access(user, Place::Project(id.project_id));
        if note.system || (note.author_id != user && role < Some(access::MAINTAINER)) {
            return Err(Refusal::Forbidden);
        }
        Ok(note)
    }

    fn add_note(&mut self, user: UserId, id: IssueId, body: String, internal: bool) -> u64 {
        let at = now();
        let note = Note {
            id: take(&mut self.ids.note),
            author_id: user,
            author_username: self.username(user),
            body,
            internal,
            system: false,
            created_at: at,
            updated_at: at,
            updated_by: None,
            discussion_id: super::hooks::random_sha(),
            in_thread: false,
        };
        let note_id = note.id;
        self.notes.entry(id).or_default().push(note);
        self.touch(id);
        note_id
    }

    /// With the first answer GitLab makes a thread of a note, and saves it anew.
    fn make_thread(&mut self, id: IssueId, answered: u64, answer: u64) {
        let Some(notes) = self.notes.get_mut(&id) else { return };
        let Some(first) = notes.iter_mut().find(|note| note.id == answered) else { return };
        if !first.in_thread {
            first.in_thread = true;
            first.updated_at = now();
        }
        let thread = first.discussion_id.clone();
        if let Some(answer) = notes.iter_mut().find(|note| note.id == answer) {
            answer.in_thread = true;
            answer.discussion_id = thread;
        }
    }

    fn remove_note(&mut self, id: IssueId, note_id: u64) {
        if let Some(notes) = self.notes.get_mut(&id) {
            notes.retain(|note| note.id != note_id);
        }
        self.touch(id);
    }

    /// Notes move their issue's `updated_at`, without an issue event.
    fn touch(&mut self, id: IssueId) {
        if let Some(issue) = self.issues.get_mut(&id) {
            issue.updated_at = now();
        }
    }

    /// Runs commands with the caller's rights. What the caller may not do, or names labels that do not exist, is skipped
    /// without an error.
    fn run(&mut self, caller: &Caller, id: IssueId, commands: &[Command]) -> Result<Ran, Refusal> {
        let author = self.issue(id)?.author == caller.user;
        let may_label = self.may_label(caller.user, id.project_id);
        let mut edit = IssueEdit::default();
        let mut summary = Vec::new();
        for command in commands {
            let line = if may_label { self.label_command(id, command, &mut edit.labels) } else { None };
            let line =
                line.or_else(|| (may_label || author).then(|| other_command(command, &mut edit)).flatten());
            summary.extend(line);
        }
        if summary.is_empty() {
            return Ok(Ran::default());
        }
        let before = self.issue(id)?.labels.clone();
        self.update_issue(caller, id, edit)?;
        let after = self.issue(id)?.labels.clone();
        Ok(Ran {
            added: after.difference(&before).copied().collect(),
            removed: before.difference(&after).copied().collect(),
            summary,
        })
    }

    fn label_command(&self, id: IssueId, command: &Command, edit: &mut LabelEdit) -> Option<String> {
        let known = |titles: &[String]| -> Vec<String> {
            let exists = |title: &&String| !self.labels_titled(id.project_id, title).is_empty();
            titles.iter().filter(exists).cloned().collect()
        };
        let (verb, titles) = match command {
            Command::Label(titles) => {
                let titles = known(titles);
                edit.add.extend(titles.iter().cloned());
                ("Added", titles)
            }
            Command::Unlabel(titles) if titles.is_empty() => {
                edit.replace = Some(Vec::new());
                return Some("Removed all labels.".into());
            }
            Command::Unlabel(titles) => {
                let titles = known(titles);
                edit.remove.extend(titles.iter().cloned());
                ("Removed", titles)
            }
            Command::Relabel(titles) => {
                let titles = known(titles);
                edit.replace = Some(titles.clone()).filter(|titles| !titles.is_empty());
                ("Replaced all labels with", titles)
            }
            Command::Close
            | Command::Reopen
            | Command::Confidential
            | Command::Title(_)
            | Command::Unsupported => return None,
        };
        let unique: BTreeSet<String> = titles.iter().map(|title| format!("~\"{title}\"")).collect();
        let names: Vec<String> = unique.into_iter().collect();
        (!names.is_empty()).then(|| format!("{verb} {} labels.", names.join(" ")))
    }
}

fn other_command(command: &Command, edit: &mut IssueEdit) -> Option<String> {
    match command {
        Command::Close => {
            edit.state = Some(StateEvent::Close);
            Some("Closed this issue.".into())
        }
        Command::Reopen => {
            edit.state = Some(StateEvent::Reopen);
            Some("Reopened this issue.".into())
        }
        Command::Confidential => {
            edit.confidential = Some(true);
            Some("Made this issue confidential.".into())
        }
        Command::Title(title) if !title.is_empty() => {
            edit.title = Some(title.clone());
            Some(format!("Changed the title to \"{title}\"."))
        }
        Command::Unsupported => Some("Done.".into()),
        Command::Title(_) | Command::Label(_) | Command::Unlabel(_) | Command::Relabel(_) => None,
    }
}
