//! What a user can do to issues. Every way in (REST, quick actions, the Rust API, the demo page) ends here, so that every
//! change is recorded and told to the webhooks in the same way.

use std::collections::BTreeSet;

use super::label_edit::LabelEdit;
use super::nouns::{Issue, IssueId, Kind, LabelAction, LabelEvent, Note, Place, State, UserId};
use super::payload::Action;
use super::world::{World, take};
use super::{Refusal, access};
use crate::clock::now;

/// Which code of GitLab a change goes through, which shows in the webhook's `object_kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// The legacy issue code: the REST API. Even incidents come as `issue`.
    Rest,
    /// The work item code: the web page. Everything but plain issues comes as `work_item`.
    WorkItem,
}

/// Who asks for a change, and how.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub user: UserId,
    pub via: Via,
    /// `X-Gitlab-Event-UUID` of the request, which ties it to the webhook that caused it.
    pub chain: Option<String>,
}

impl Caller {
    /// Someone at the web page.
    pub fn person(user: UserId) -> Self {
        Self { user, via: Via::WorkItem, chain: None }
    }
}

/// Open or close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum StateEvent {
    Close,
    Reopen,
}

impl StateEvent {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "close" => Some(Self::Close),
            "reopen" => Some(Self::Reopen),
            _ => None,
        }
    }
}

/// A new issue.
#[derive(Debug, Clone)]
pub(super) struct NewIssue {
    pub iid: Option<u64>,
    pub title: String,
    pub description: String,
    pub kind: Kind,
    pub confidential: bool,
    pub labels: Vec<String>,
}

/// Changes to an issue in one request.
#[derive(Debug, Clone, Default)]
pub(super) struct IssueEdit {
    pub labels: LabelEdit,
    pub state: Option<StateEvent>,
    pub kind: Option<Kind>,
    pub confidential: Option<bool>,
    pub title: Option<String>,
    pub description: Option<String>,
}

impl IssueEdit {
    /// Whether anything but labels is to change.
    fn goes_beyond_labels(&self) -> bool {
        let texts = self.title.is_some() || self.description.is_some();
        texts || self.state.is_some() || self.kind.is_some() || self.confidential.is_some()
    }
}

impl World {
    pub fn create_issue(
        &mut self,
        caller: &Caller,
        project_id: u64,
        new: NewIssue,
    ) -> Result<IssueId, Refusal> {
        self.project_for(caller.user, &project_id.to_string())?;
        self.writable(project_id)?;
        if new.title.trim().is_empty() {
            return Err(Refusal::Invalid("title is missing".into()));
        }
        let id = IssueId { project_id, iid: self.next_iid(project_id, new.iid) };
        if self.issues.contains_key(&id) {
            return Err(Refusal::Conflict("iid is taken"));
        }
        let mut labels = BTreeSet::new();
        if self.may_label(caller.user, project_id) {
            let edit = LabelEdit { add: new.labels, ..LabelEdit::default() };
            labels = self.labels_after(project_id, &labels, &edit);
        }
        let at = now();
        let issue = Issue {
            global_id: take(&mut self.ids.issue),
            id,
            title: new.title,
            description: new.description,
            kind: new.kind,
            state: State::Opened,
            confidential: new.confidential,
            author: caller.user,
            labels,
            created_at: at,
            updated_at: at,
            updated_by: None,
            last_edited: None,
            closed: None,
            severity: "unknown".into(),
            moved_to: None,
        };
        self.issues.insert(id, issue);
        let labels = self.issue(id)?.labels.clone();
        self.record_labels(caller.user, id, &BTreeSet::new(), &labels);
        self.tell_issue(caller, id, Action::Open, None);
        Ok(id)
    }

    /// One request that changes an issue. The state goes first and has an event of its own; all else shares one.
    pub fn update_issue(&mut self, caller: &Caller, id: IssueId, edit: IssueEdit) -> Result<(), Refusal> {
        let author = self.issue_for(caller.user, id)?.author == caller.user;
        self.writable(id.project_id)?;
        let may_label = self.may_label(caller.user, id.project_id);
        if edit.goes_beyond_labels() && !may_label && !author {
            return Err(Refusal::Forbidden);
        }
        if self.access(caller.user, Place::Project(id.project_id)).is_none() && !author {
            return Err(Refusal::Forbidden);
        }
        if let Some(event) = edit.state {
            self.set_state(caller, id, event)?;
        }
        let before = self.issue(id)?.clone();
        let mut after = before.clone();
        // GitLab drops what the role may not set, and answers 200 all the same.
        let labels = Some(&edit.labels).filter(|labels| may_label && !labels.is_empty());
        if let Some(labels) = labels {
            after.labels = self.labels_after(id.project_id, &before.labels, labels);
        }
        after.kind = edit.kind.unwrap_or(after.kind);
        after.confidential = edit.confidential.unwrap_or(after.confidential);
        after.title = edit.title.unwrap_or(after.title);
        after.description = edit.description.unwrap_or(after.description);
        self.keep(caller, &before, after, labels.is_some());
        Ok(())
    }

    /// Stores a changed issue, with its traces: label events, system notes, and the webhook.
    fn keep(&mut self, caller: &Caller, before: &Issue, mut after: Issue, asked_for_labels: bool) {
        let id = before.id;
        let texts_differ = before.title != after.title || before.description != after.description;
        let flags_differ = before.kind != after.kind || before.confidential != after.confidential;
        let differs = texts_differ || flags_differ || before.labels != after.labels;
        let echo = asked_for_labels && caller.via == Via::Rest && self.options.event_for_no_change;
        if !differs && !echo {
            return;
        }
        if differs || before.updated_by != Some(caller.user) {
            after.updated_at = now();
            after.updated_by = Some(caller.user);
        }
        if texts_differ {
            after.last_edited = Some((after.updated_at, caller.user));
        }
        for line in activity(before, &after) {
            self.system_note(caller.user, id, line);
        }
        let labels = after.labels.clone();
        self.issues.insert(id, after);
        self.record_labels(caller.user, id, &before.labels, &labels);
        self.tell_issue(caller, id, Action::Update, Some(before));
    }

    fn set_state(&mut self, caller: &Caller, id: IssueId, event: StateEvent) -> Result<(), Refusal> {
        let (state, action, word) = match event {
            StateEvent::Close => (State::Closed, Action::Close, "closed"),
            StateEvent::Reopen => (State::Opened, Action::Reopen, "reopened"),
        };
        let before = self.issue(id)?.clone();
        if before.state == state {
            return Ok(());
        }
        let mut after = before.clone();
        after.state = state;
        after.updated_at = now();
        after.updated_by = Some(caller.user);
        after.closed = match state {
            State::Closed => Some((after.updated_at, caller.user)),
            State::Opened => None,
        };
        self.issues.insert(id, after);
        self.system_note(caller.user, id, word.into());
        self.tell_issue(caller, id, action, Some(&before));
        Ok(())
    }

    fn record_labels(&mut self, user: UserId, id: IssueId, before: &BTreeSet<u64>, after: &BTreeSet<u64>) {
        let added: Vec<u64> = after.difference(before).copied().collect();
        let removed: Vec<u64> = before.difference(after).copied().collect();
        let both = [(LabelAction::Add, &added), (LabelAction::Remove, &removed)];
        for (action, label_id) in
            both.into_iter().flat_map(|(action, ids)| ids.iter().map(move |id| (action, *id)))
        {
            let event = LabelEvent {
                id: take(&mut self.ids.label_event),
                user,
                created_at: now(),
                label_id,
                label: self.labels.get(&label_id).map(|label| label.title.clone()).unwrap_or_default(),
                action,
            };
            self.label_events.entry(id).or_default().push(event);
        }
        if let Some(line) = label_activity(&added, &removed) {
            self.system_note(user, id, line);
        }
    }

    /// Only Owners and the author may; nobody is told.
    pub fn delete_issue(&mut self, user: UserId, id: IssueId) -> Result<(), Refusal> {
        let author = self.issue_for(user, id)?.author == user;
        self.writable(id.project_id)?;
        let role = self.access(user, Place::Project(id.project_id));
        if role < Some(access::OWNER) && !author {
            return Err(Refusal::Forbidden);
        }
        self.issues.remove(&id);
        self.notes.remove(&id);
        self.label_events.remove(&id);
        Ok(())
    }

    pub(super) fn system_note(&mut self, user: UserId, id: IssueId, body: String) {
        let at = now();
        let note = Note {
            id: take(&mut self.ids.note),
            author_id: user,
            author_username: self.username(user),
            body,
            internal: false,
            system: true,
            created_at: at,
            updated_at: at,
            updated_by: None,
            discussion_id: super::hooks::random_sha(),
            in_thread: false,
        };
        self.notes.entry(id).or_default().push(note);
    }

    /// Archived projects are read-only, whoever asks.
    pub fn writable(&self, project_id: u64) -> Result<(), Refusal> {
        match self.projects.get(&project_id) {
            Some(project) if project.archived => Err(Refusal::Forbidden),
            Some(_) => Ok(()),
            None => Err(Refusal::NO_PROJECT),
        }
    }

    pub fn may_label(&self, user: UserId, project_id: u64) -> bool {
        self.access(user, Place::Project(project_id)) >= Some(access::PLANNER)
    }

    pub fn issue(&self, id: IssueId) -> Result<&Issue, Refusal> {
        self.issues.get(&id).ok_or(Refusal::NO_ISSUE)
    }

    /// The number after the highest ever given: those of deleted issues do not come back.
    fn next_iid(&mut self, project_id: u64, wanted: Option<u64>) -> u64 {
        let highest = self.ids.iids.entry(project_id).or_insert(0);
        let iid = wanted.unwrap_or(*highest + 1);
        *highest = iid.max(*highest);
        iid
    }
}

/// The system notes of an update, without those of labels.
fn activity(before: &Issue, after: &Issue) -> Vec<String> {
    let mut lines = Vec::new();
    if before.title != after.title {
        lines.push(format!("changed title from **{}** to **{}**", before.title, after.title));
    }
    if before.description != after.description {
        lines.push("changed the description".into());
    }
    if before.kind != after.kind {
        lines.push(format!("changed type to {}", after.kind.slug()));
    }
    if before.confidential != after.confidential {
        let audience = if after.confidential { "confidential" } else { "visible to everyone" };
        lines.push(format!("made the issue {audience}"));
    }
    lines
}

fn label_activity(added: &[u64], removed: &[u64]) -> Option<String> {
    let part = |verb: &str, ids: &[u64]| {
        let names: Vec<String> = ids.iter().map(|id| format!("~{id}")).collect();
        let noun = if ids.len() == 1 { "label" } else { "labels" };
        (!ids.is_empty()).then(|| format!("{verb} {} {noun}", names.join(" ")))
    };
    let parts: Vec<String> = [part("added", added), part("removed", removed)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}
