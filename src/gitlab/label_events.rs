//! GitLab's history of an issue's labels: who put or took which one, and when.

use reqwest::Method;
use serde::Deserialize;

use super::client::Client;
use super::error::Error;
use super::times::moment;
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::calculator::plan::{Gesture, LabelEvent};

/// `user` is null for a deleted one, `label` after the label was deleted.
#[derive(Deserialize)]
struct LabelEventJson {
    id: u64,
    user: Option<UserJson>,
    created_at: String,
    label: Option<LabelJson>,
    action: String,
}

#[derive(Deserialize)]
struct UserJson {
    id: u64,
}

#[derive(Deserialize)]
struct LabelJson {
    name: String,
}

impl Client {
    /// Every label event of an issue, oldest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn label_events(&self, issue: IssueRef) -> Result<Vec<LabelEvent>, Error> {
        let path = format!("/projects/{}/issues/{}/resource_label_events", issue.project_id, issue.iid);
        let events: Vec<LabelEventJson> =
            self.list("list_label_events", self.request(Method::GET, &path)).await?;
        Ok(events.into_iter().filter_map(label_event).collect())
    }
}

/// Leaves out what no longer tells anything: events of deleted users, or of a kind GitLab may add.
fn label_event(json: LabelEventJson) -> Option<LabelEvent> {
    let gesture = match json.action.as_str() {
        "add" => Gesture::Added,
        "remove" => Gesture::Removed,
        _ => return None,
    };
    Some(LabelEvent {
        id: json.id,
        user_id: json.user?.id,
        at: moment(&json.created_at)?,
        label: json.label.map(|label| Label::new(&label.name)),
        gesture,
    })
}
