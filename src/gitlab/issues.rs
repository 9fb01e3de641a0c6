//! Issues: read one afresh, and change its labels.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::answer::json;
use super::client::Client;
use super::error::Error;
use super::path::segment;
use super::times::moment;
use crate::calculator::issue::{Issue, IssueRef, Moment, State, WorkItemType};
use crate::calculator::label::Label;

/// A project by id, or by path where a person named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectRef {
    /// The numeric id.
    Id(u64),
    /// `group/project`.
    Path(String),
}

/// An issue as GitLab shows it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which issue: GitLab's own numbers, whatever it was asked by.
    pub reference: IssueRef,
    /// What the rule reads.
    pub issue: Issue,
    /// When it was made, by GitLab's clock, if the answer tells.
    pub created_at: Option<Moment>,
    /// When it last changed, by GitLab's clock.
    pub updated_at: Moment,
    /// How many comments it has, system notes not counted.
    pub comments: Option<u64>,
}

/// Labels to add and to remove in one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelChange {
    /// As the policy spells them.
    pub add: Vec<Label>,
    /// As the issue spells them.
    pub remove: Vec<Label>,
}

/// The fields we read of GitLab's issue. Titles and descriptions are left where they are.
#[derive(Deserialize)]
pub(super) struct IssueJson {
    iid: u64,
    project_id: u64,
    state: String,
    labels: Vec<String>,
    created_at: Option<String>,
    updated_at: String,
    user_notes_count: Option<u64>,
    /// `INCIDENT`; absent before GitLab 14.
    #[serde(rename = "type")]
    work_item_type: Option<String>,
    /// `incident`; the older spelling of the same.
    issue_type: Option<String>,
}

impl Client {
    /// Reads an issue, incidents and other work items of a project included.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] also where the token may not see it.
    pub async fn issue(&self, project: &ProjectRef, iid: u64) -> Result<Snapshot, Error> {
        let path = format!("/projects/{}/issues/{iid}", project.in_path());
        let response = self.send("get_issue", self.request(Method::GET, &path)).await?;
        snapshot(json(response).await?)
    }

    /// Adds and removes labels in one request, and checks that GitLab did it: it answers 200 while silently dropping
    /// labels that the token may not set.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Refused`] if the labels are not on the issue afterwards as they should be.
    pub async fn change_labels(&self, issue: IssueRef, change: &LabelChange) -> Result<Snapshot, Error> {
        #[derive(Serialize)]
        struct Body {
            #[serde(skip_serializing_if = "String::is_empty")]
            add_labels: String,
            #[serde(skip_serializing_if = "String::is_empty")]
            remove_labels: String,
        }
        let add = self.spelled_as_in_project(issue.project_id, &change.add).await?;
        let path = format!("/projects/{}/issues/{}", issue.project_id, issue.iid);
        let body = Body { add_labels: comma_separated(&add), remove_labels: comma_separated(&change.remove) };
        let response = self.send("change_labels", self.request(Method::PUT, &path).json(&body)).await?;
        let snapshot = snapshot(json(response).await?)?;

        let missing = add.iter().any(|label| snapshot.issue.bears(label).is_none());
        let left = change.remove.iter().any(|label| snapshot.issue.labels.contains(label));
        if missing || left {
            return Err(Error::Refused {
                reason: "GitLab answered 200 but did not change the labels: the access token's user needs at least \
                         the Planner role in the project (Reporter before GitLab 17.7), and the label must not be \
                         archived"
                    .to_owned(),
            });
        }
        Ok(snapshot)
    }
}

impl ProjectRef {
    fn in_path(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Path(path) => segment(path),
        }
    }
}

fn comma_separated(labels: &[Label]) -> String {
    labels.iter().map(Label::title).collect::<Vec<_>>().join(",")
}

pub(super) fn snapshot(json: IssueJson) -> Result<Snapshot, Error> {
    let unreadable = |what: &str| Error::Unavailable {
        reason: format!("its answer has no readable {what}"),
        retry_after: None,
    };
    let state = match json.state.as_str() {
        "opened" => State::Opened,
        "closed" => State::Closed,
        _ => return Err(unreadable("state")),
    };
    let type_name = json.work_item_type.or(json.issue_type);
    Ok(Snapshot {
        reference: IssueRef { project_id: json.project_id, iid: json.iid },
        issue: Issue {
            state,
            work_item_type: type_name.as_deref().map_or(WorkItemType::Issue, WorkItemType::from_name),
            labels: json.labels.iter().map(|title| Label::new(title)).collect(),
        },
        created_at: json.created_at.as_deref().and_then(moment),
        updated_at: moment(&json.updated_at).ok_or_else(|| unreadable("updated_at"))?,
        comments: json.user_notes_count,
    })
}
