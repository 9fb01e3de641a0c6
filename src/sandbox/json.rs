//! The entities of the REST API, as GitLab writes them.

use serde_json::{Value, json};

use super::hooks::{DeliveryRecord, Subscription};
use super::nouns::{Group, Issue, Label, LabelEvent, Note, Place, Project, State, Token, UserId};
use super::world::{World, iso};

impl World {
    /// A user asked for: the only answer that tells whether it is a bot.
    pub fn whole_user_json(&self, id: UserId) -> Value {
        let mut user = self.user_json(id);
        user["bot"] = self.users.get(&id).is_some_and(|user| user.bot).into();
        if self.users.get(&id).is_some_and(|user| user.admin) {
            user["is_admin"] = true.into();
        }
        user
    }

    /// A user that is named by the way.
    pub fn user_json(&self, id: UserId) -> Value {
        let user = self.users.get(&id);
        let username = user.map(|user| user.username.as_str()).unwrap_or_default();
        json!({
            "id": id.0,
            "username": username,
            "name": user.map(|user| user.name.as_str()),
            "state": "active",
            "locked": false,
            "avatar_url": format!("{}/uploads/-/system/user/avatar/{}/avatar.png", self.url, id.0),
            "web_url": format!("{}/{username}", self.url),
        })
    }

    pub fn project_json(&self, project: &Project) -> Value {
        let name = project.full_path.rsplit('/').next();
        let group = self.groups.get(&project.group);
        let group_path = group.map(|group| group.full_path.as_str());
        let issues = self.issues.values();
        let open =
            issues.filter(|issue| issue.id.project_id == project.id && issue.state == State::Opened).count();
        let mut entity = json!({
            "id": project.id,
            "name": name,
            "path": name,
            "name_with_namespace": project.full_path.replace('/', " / "),
            "path_with_namespace": project.full_path,
            "description": null,
            "created_at": iso(project.created_at),
            "default_branch": "main",
            "web_url": format!("{}/{}", self.url, project.full_path),
            "archived": project.archived,
            "visibility": project.visibility.name(),
            "issues_enabled": true,
            "issues_access_level": "enabled",
            "open_issues_count": open,
            "namespace": {
                "id": project.group.0,
                "name": group_path,
                "path": group_path.and_then(|path| path.rsplit('/').next()),
                "kind": "group",
                "full_path": group_path,
                "parent_id": group.and_then(|group| group.parent).map(|parent| parent.0),
            },
        });
        // Without a licence it is not even null.
        if self.options.scoped_labels {
            entity["issues_template"] = Value::Null;
        }
        entity
    }

    pub fn group_json(&self, group: &Group) -> Value {
        let path = group.full_path.rsplit('/').next();
        json!({
            "id": group.id.0,
            "name": path,
            "path": path,
            "full_name": group.full_path.replace('/', " / "),
            "full_path": group.full_path,
            "description": "",
            "visibility": "private",
            "web_url": format!("{}/groups/{}", self.url, group.full_path),
            "parent_id": group.parent.map(|parent| parent.0),
        })
    }

    pub fn issue_json(&self, issue: &Issue) -> Value {
        let path = self
            .projects
            .get(&issue.id.project_id)
            .map(|project| project.full_path.as_str())
            .unwrap_or_default();
        let iid = issue.id.iid;
        let labels = self.labels_of(&issue.labels);
        let titles: Vec<&str> = labels.iter().map(|label| label.title.as_str()).collect();
        let comments = self.notes_of(issue.id).iter();
        let api = format!("{}/api/v4/projects/{}", self.url, issue.id.project_id);
        json!({
            "id": issue.global_id,
            "iid": iid,
            "project_id": issue.id.project_id,
            "title": issue.title,
            "description": issue.description,
            "state": issue.state.name(),
            "created_at": iso(issue.created_at),
            "updated_at": iso(issue.updated_at),
            "closed_at": issue.closed.map(|(at, _)| iso(at)),
            "closed_by": issue.closed.map(|(_, user)| self.user_json(user)),
            "labels": titles,
            "milestone": null,
            "assignees": [],
            "author": self.user_json(issue.author),
            "type": issue.kind.slug().to_uppercase(),
            "assignee": null,
            "user_notes_count": comments.filter(|note| !note.system).count(),
            "merge_requests_count": 0,
            "upvotes": 0,
            "downvotes": 0,
            "due_date": null,
            "confidential": issue.confidential,
            "discussion_locked": null,
            "issue_type": issue.kind.slug(),
            "web_url": self.web_url(issue),
            "time_stats": {
                "time_estimate": 0,
                "total_time_spent": 0,
                "human_time_estimate": null,
                "human_total_time_spent": null,
            },
            "task_completion_status": {"count": 0, "completed_count": 0},
            "has_tasks": false,
            "_links": {
                "self": format!("{api}/issues/{iid}"),
                "notes": format!("{api}/issues/{iid}/notes"),
                "award_emoji": format!("{api}/issues/{iid}/award_emoji"),
                "project": api,
                "closed_as_duplicate_of": null,
            },
            "references": {
                "short": format!("#{iid}"),
                "relative": format!("#{iid}"),
                "full": format!("{path}#{iid}"),
            },
            "severity": issue.severity.to_uppercase(),
            "moved_to_id": issue.moved_to,
            "imported": false,
            "imported_from": "none",
            "service_desk_reply_to": null,
        })
    }

    pub fn note_json(&self, issue: &Issue, note: &Note) -> Value {
        json!({
            "id": note.id,
            "type": note.kind(),
            "body": note.body,
            "author": self.user_json(note.author_id),
            "created_at": iso(note.created_at),
            "updated_at": iso(note.updated_at),
            "system": note.system,
            "noteable_id": issue.global_id,
            "noteable_type": "Issue",
            "project_id": issue.id.project_id,
            "resolvable": false,
            "confidential": note.internal,
            "internal": note.internal,
            "imported": false,
            "imported_from": "none",
            "noteable_iid": issue.id.iid,
            "commands_changes": {},
        })
    }

    pub fn label_json(&self, label: &Label) -> Value {
        let on_it = |state: State| {
            let issues = self.issues.values();
            issues.filter(|issue| issue.state == state && issue.labels.contains(&label.id)).count()
        };
        json!({
            "id": label.id,
            "name": label.title,
            "description": label.description,
            "description_html": label.description,
            "text_color": text_color(&label.color),
            "color": label.color,
            "archived": label.archived,
            "subscribed": false,
            "priority": null,
            "is_project_label": matches!(label.place, Place::Project(_)),
            "open_issues_count": on_it(State::Opened),
            "closed_issues_count": on_it(State::Closed),
            "open_merge_requests_count": 0,
        })
    }

    /// The label is null once it was deleted; the event stays.
    pub fn label_event_json(&self, issue: &Issue, event: &LabelEvent) -> Value {
        let label = self.labels.get(&event.label_id).map(|label| {
            json!({
                "id": label.id,
                "name": label.title,
                "color": label.color,
                "description": label.description,
            })
        });
        json!({
            "id": event.id,
            "user": self.user_json(event.user),
            "created_at": iso(event.created_at),
            "resource_type": "Issue",
            "resource_id": issue.global_id,
            "label": label,
            "action": event.action.name(),
        })
    }

    pub fn member_json(&self, user: UserId, access_level: u8) -> Value {
        let mut member = self.user_json(user);
        member["access_level"] = access_level.into();
        member["expires_at"] = Value::Null;
        member["membership_state"] = "active".into();
        member
    }
}

/// A webhook, without its secrets.
pub(super) fn hook_json(subscription: &Subscription) -> Value {
    let hook = &subscription.hook;
    let (owner, id) = match subscription.place {
        Place::Project(id) => ("project_id", id),
        Place::Group(id) => ("group_id", id.0),
    };
    let mut entity = json!({
        "id": subscription.id,
        "url": hook.url,
        "name": subscription.name,
        "description": null,
        "created_at": iso(subscription.created_at),
        "push_events": hook.pushes,
        "tag_push_events": false,
        "merge_requests_events": false,
        "repository_update_events": false,
        "enable_ssl_verification": hook.ssl_verification,
        "issues_events": hook.issues,
        "confidential_issues_events": hook.confidential_issues,
        "note_events": hook.notes,
        "confidential_note_events": hook.confidential_notes,
        "alert_status": subscription.alert_status().name(),
        "disabled_until": subscription.disabled_until.map(iso),
        "url_variables": [],
        "custom_headers": [],
        "token_present": hook.token.is_some(),
        "signing_token_present": hook.signing_token.is_some(),
    });
    entity[owner] = id.into();
    entity
}

pub(super) fn hook_event_json(record: &DeliveryRecord) -> Value {
    let headers: serde_json::Map<String, Value> = record
        .headers
        .iter()
        .map(|(name, value)| {
            // GitLab never shows the secret again.
            let secret = name == "X-Gitlab-Token";
            let shown = if secret { "[REDACTED]" } else { value.as_str() };
            (name.clone(), shown.into())
        })
        .collect();
    let body: Value = serde_json::from_str(&record.body).unwrap_or_default();
    let status = record.status.map(|status| status.to_string());
    json!({
        "id": record.serial,
        "trigger": match record.event {
            "Issue Hook" => "issue_hooks",
            "Confidential Issue Hook" => "confidential_issue_hooks",
            "Note Hook" => "note_hooks",
            _ => "confidential_note_hooks",
        },
        "request_headers": headers,
        "request_data": body,
        "response_headers": {},
        "response_body": "",
        "response_status": status.unwrap_or_else(|| "internal error".into()),
        "execution_duration": record.duration_ms,
        "created_at": iso(record.at),
    })
}

pub(super) fn token_json(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": "sandbox",
        "revoked": token.revoked,
        "created_at": iso(token.created_at),
        "description": null,
        "scopes": token.scopes,
        "user_id": token.user.0,
        "last_used_at": null,
        "active": !token.revoked,
        "expires_at": token.expires_on,
    })
}

/// Black or white, whichever is easier to read on the colour, as GitLab chooses.
pub(super) fn text_color(color: &str) -> &'static str {
    let channel = |at: usize| {
        let digits = color.get(at..at + 2).unwrap_or("00");
        u32::from_str_radix(digits, 16).unwrap_or_default()
    };
    let luminance = channel(1) * 299 + channel(3) * 587 + channel(5) * 114;
    if luminance > 150_000 { "#1F1E24" } else { "#FFFFFF" }
}
