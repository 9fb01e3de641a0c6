//! The bodies of webhooks, in the shape of GitLab 19, and which webhooks get them.

use serde_json::{Map, Value, json};

use super::act::{Caller, Via};
use super::hooks::Event;
use super::nouns::{Issue, IssueId, Kind, Label, Note, Place, Project, UserId};
use super::world::{World, iso};

/// What happened to an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Open,
    Update,
    Close,
    Reopen,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Update => "update",
            Self::Close => "close",
            Self::Reopen => "reopen",
        }
    }
}

/// What happened to a note. Deleting one is told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteAction {
    Create,
    Update,
}

impl NoteAction {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// The families of webhooks, each with a flag of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Issue,
    ConfidentialIssue,
    Note,
    ConfidentialNote,
}

impl Family {
    /// `X-Gitlab-Event`.
    pub fn header(self) -> &'static str {
        match self {
            Self::Issue => "Issue Hook",
            Self::ConfidentialIssue => "Confidential Issue Hook",
            Self::Note => "Note Hook",
            Self::ConfidentialNote => "Confidential Note Hook",
        }
    }
}

impl World {
    /// Tells the webhooks that an issue changed. `before` is what `changes` compares with.
    pub fn tell_issue(&mut self, caller: &Caller, id: IssueId, action: Action, before: Option<&Issue>) {
        let Some(body) = self.issue_body(caller, id, action, before) else {
            return;
        };
        let confidential = self.issues.get(&id).is_some_and(|issue| issue.confidential);
        let family = if confidential { Family::ConfidentialIssue } else { Family::Issue };
        self.enqueue(&Event { issue: id, family, chain: caller.chain.clone(), body });
    }

    /// Tells the webhooks about a note. The user shown is always its author, even where somebody else edited it.
    pub fn tell_note(&mut self, id: IssueId, note_id: u64, action: NoteAction) {
        let Some((family, body)) = self.note_body(id, note_id, action) else {
            return;
        };
        // GitLab builds these in a background job, which has forgotten the request and its chain.
        self.enqueue(&Event { issue: id, family, chain: None, body });
    }

    pub fn issue_body(
        &self,
        caller: &Caller,
        id: IssueId,
        action: Action,
        before: Option<&Issue>,
    ) -> Option<Value> {
        let issue = self.issues.get(&id)?;
        let project = self.projects.get(&id.project_id)?;
        let kind = match (issue.kind, caller.via) {
            (Kind::Issue, Via::Rest | Via::WorkItem) | (Kind::Incident | Kind::Task, Via::Rest) => "issue",
            (Kind::Incident | Kind::Task, Via::WorkItem) => "work_item",
        };
        let event_type = if issue.confidential { format!("confidential_{kind}") } else { kind.to_owned() };
        let mut attributes = self.issue_attributes(issue);
        attributes.insert("action".into(), action.name().into());
        let changes = before.map_or_else(|| creation(issue), |before| self.changes(before, issue));
        Some(json!({
            "object_kind": kind,
            "event_type": event_type,
            "user": self.user_part(caller.user),
            "project": self.project_part(project),
            "object_attributes": attributes,
            "labels": self.labels_part(issue),
            "changes": changes,
            "repository": self.repository_part(project),
        }))
    }

    pub fn note_body(&self, id: IssueId, note_id: u64, action: NoteAction) -> Option<(Family, Value)> {
        let issue = self.issues.get(&id)?;
        let project = self.projects.get(&id.project_id)?;
        let note = self.notes_of(id).iter().find(|note| note.id == note_id)?;
        let (family, event_type) = if note.internal || issue.confidential {
            (Family::ConfidentialNote, "confidential_note")
        } else {
            (Family::Note, "note")
        };
        let body = json!({
            "object_kind": "note",
            "event_type": event_type,
            "user": self.user_part(note.author_id),
            "project_id": project.id,
            "project": self.project_part(project),
            "object_attributes": self.note_attributes(issue, note, action),
            "repository": self.repository_part(project),
            "issue": self.issue_attributes(issue),
        });
        Some((family, body))
    }

    fn note_attributes(&self, issue: &Issue, note: &Note, action: NoteAction) -> Value {
        json!({
            "attachment": null,
            "author_id": note.author_id.0,
            "change_position": null,
            "commit_id": null,
            "created_at": iso(note.created_at),
            "discussion_id": note.discussion_id,
            "id": note.id,
            "line_code": null,
            "note": note.body,
            "noteable_id": issue.global_id,
            "noteable_type": "Issue",
            "original_position": null,
            "position": null,
            "project_id": issue.id.project_id,
            "resolved_at": null,
            "resolved_by_id": null,
            "resolved_by_push": null,
            "st_diff": null,
            "system": note.system,
            "type": note.kind(),
            "updated_at": iso(note.updated_at),
            "updated_by_id": note.updated_by.map(|user| user.0),
            "description": note.body,
            "url": format!("{}#note_{}", self.web_url(issue), note.id),
            "action": action.name(),
        })
    }

    /// GitLab's issue builder: the same for issue events and for the `issue` part of note events.
    fn issue_attributes(&self, issue: &Issue) -> Map<String, Value> {
        let attributes = json!({
            "author_id": issue.author.0,
            "closed_at": issue.closed.map(|(at, _)| iso(at)),
            "confidential": issue.confidential,
            "created_at": iso(issue.created_at),
            "description": issue.description,
            "discussion_locked": null,
            "due_date": null,
            "id": issue.global_id,
            "iid": issue.id.iid,
            "last_edited_at": issue.last_edited.map(|(at, _)| iso(at)),
            "last_edited_by_id": issue.last_edited.map(|(_, user)| user.0),
            "milestone_id": null,
            "moved_to_id": issue.moved_to,
            "duplicated_to_id": null,
            "project_id": issue.id.project_id,
            "relative_position": 513,
            "state_id": issue.state.id(),
            "time_estimate": 0,
            "title": issue.title,
            "updated_at": iso(issue.updated_at),
            "updated_by_id": issue.updated_by.map(|user| user.0),
            "weight": null,
            "health_status": null,
            "type": issue.kind.title(),
            "url": self.web_url(issue),
            "total_time_spent": 0,
            "time_change": 0,
            "human_total_time_spent": null,
            "human_time_change": null,
            "human_time_estimate": null,
            "assignee_ids": [],
            "assignee_id": null,
            "labels": self.labels_part(issue),
            "state": issue.state.name(),
            "severity": issue.severity,
            "customer_relations_contacts": [],
        });
        let mut attributes = match attributes {
            Value::Object(map) => map,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        if issue.kind == Kind::Incident {
            attributes.insert("escalation_status".into(), "triggered".into());
            attributes.insert("escalation_policy".into(), Value::Null);
        }
        attributes
    }

    /// What differs, as far as GitLab reports it: the type of a work item is not among it.
    fn changes(&self, before: &Issue, after: &Issue) -> Value {
        let mut changes = Map::new();
        let mut note = |key: &str, previous: Value, current: Value| {
            if previous != current {
                let change = json!({"previous": previous, "current": current});
                changes.insert(key.into(), change);
            }
        };
        let id = |user: Option<UserId>| user.map(|user| user.0);
        note("title", json!(before.title), json!(after.title));
        note("description", json!(before.description), json!(after.description));
        note("confidential", json!(before.confidential), json!(after.confidential));
        note("state_id", json!(before.state.id()), json!(after.state.id()));
        note(
            "closed_at",
            json!(before.closed.map(|(at, _)| iso(at))),
            json!(after.closed.map(|(at, _)| iso(at))),
        );
        note(
            "last_edited_at",
            json!(before.last_edited.map(|(at, _)| iso(at))),
            json!(after.last_edited.map(|(at, _)| iso(at))),
        );
        note(
            "last_edited_by_id",
            json!(before.last_edited.map(|(_, user)| user.0)),
            json!(after.last_edited.map(|(_, user)| user.0)),
        );
        note("updated_at", json!(iso(before.updated_at)), json!(iso(after.updated_at)));
        note("updated_by_id", json!(id(before.updated_by)), json!(id(after.updated_by)));
        if before.labels != after.labels {
            note("labels", self.labels_part(before), self.labels_part(after));
        }
        Value::Object(changes)
    }

    fn labels_part(&self, issue: &Issue) -> Value {
        let labels = self.labels_of(&issue.labels);
        Value::Array(labels.into_iter().map(label_part).collect())
    }

    fn user_part(&self, id: UserId) -> Value {
        let user = self.users.get(&id);
        json!({
            "id": id.0,
            "name": user.map(|user| user.name.as_str()),
            "username": user.map(|user| user.username.as_str()),
            "avatar_url": format!("{}/uploads/-/system/user/avatar/{}/avatar.png", self.url, id.0),
            "email": "[REDACTED]",
        })
    }

    fn project_part(&self, project: &Project) -> Value {
        let (namespace, name) = project.full_path.rsplit_once('/').unwrap_or(("", &project.full_path));
        let web_url = format!("{}/{}", self.url, project.full_path);
        let ssh_url = format!("git@gitlab.example.com:{}.git", project.full_path);
        let http_url = format!("{web_url}.git");
        json!({
            "id": project.id,
            "name": name,
            "description": "",
            "web_url": web_url,
            "avatar_url": null,
            "git_ssh_url": ssh_url,
            "git_http_url": http_url,
            "namespace": namespace,
            "visibility_level": project.visibility.level(),
            "path_with_namespace": project.full_path,
            "default_branch": "main",
            "ci_config_path": "",
            "homepage": web_url,
            "url": ssh_url,
            "ssh_url": ssh_url,
            "http_url": http_url,
        })
    }

    fn repository_part(&self, project: &Project) -> Value {
        let name = project.full_path.rsplit('/').next();
        json!({
            "name": name,
            "url": format!("git@gitlab.example.com:{}.git", project.full_path),
            "description": "",
            "homepage": format!("{}/{}", self.url, project.full_path),
        })
    }
}

/// On creation GitLab reports what was set, but never the labels.
fn creation(issue: &Issue) -> Value {
    let set = |value: Value| json!({"previous": null, "current": value});
    json!({
        "author_id": set(json!(issue.author.0)),
        "created_at": set(json!(iso(issue.created_at))),
        "description": set(json!(issue.description)),
        "id": set(json!(issue.global_id)),
        "iid": set(json!(issue.id.iid)),
        "project_id": set(json!(issue.id.project_id)),
        "title": set(json!(issue.title)),
        "updated_at": set(json!(iso(issue.updated_at))),
    })
}

fn label_part(label: &Label) -> Value {
    let (kind, project_id, group_id) = match label.place {
        Place::Project(id) => ("ProjectLabel", Some(id), None),
        Place::Group(id) => ("GroupLabel", None, Some(id.0)),
    };
    json!({
        "id": label.id,
        "title": label.title,
        "color": label.color,
        "project_id": project_id,
        "created_at": iso(label.created_at),
        "updated_at": iso(label.updated_at),
        "template": false,
        "description": label.description,
        "type": kind,
        "group_id": group_id,
    })
}
