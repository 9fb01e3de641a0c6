//! The body of a delivery, reduced to a glimpse of one issue.
//!
//! Reads `issue`, `work_item` and `note` bodies of GitLab 16 to 19, confidential ones included, and keeps nothing of
//! them that a person wrote except label titles. Whatever is missing, unknown or of the wrong form is no error, and hides
//! nothing of the rest: GitLab counts errors and switches the webhook off.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lenient::{Lenient, Text};
use crate::calculator::issue::{Glimpse, IssueRef, State, WorkItemType};
use crate::calculator::label::Label;
use crate::calculator::policy::Policy;
use crate::command;
use crate::comment::{MARKER, digest};
use crate::store::{Echo, NoteRef};

/// What a body shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Somebody else's doing.
    Theirs(Glimpse),
    /// Somebody's note that begins with a mention, and of whom.
    Mentions(Glimpse, String),
    /// Escalator's own doing, perhaps long ago.
    Ours(Echo),
}

impl Sight {
    /// The issue that it is about.
    #[must_use]
    pub fn issue(&self) -> IssueRef {
        match self {
            Self::Theirs(glimpse) | Self::Mentions(glimpse, _) => glimpse.issue,
            Self::Ours(echo) => echo.glimpse.issue,
        }
    }
}

/// Why an authentic delivery does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// Not JSON, or not in GitLab's shape.
    Unparseable,
    /// Some other kind of event.
    OtherKind,
    /// An epic, or a note on something else: no issue of a project.
    NoIssue,
}

impl Ignored {
    /// One word for it, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unparseable => "unparseable",
            Self::OtherKind => "other_kind",
            Self::NoIssue => "no_issue",
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'body"))]
struct Body<'body> {
    object_kind: Lenient<Text<'body>>,
    user: Lenient<Id>,
    project: Lenient<Id>,
    project_id: Lenient<u64>,
    object_attributes: Lenient<Attributes<'body>>,
    issue: Lenient<Attributes<'body>>,
    labels: Lenient<Labels<'body>>,
    changes: Lenient<Changes<'body>>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(default)]
    id: Lenient<u64>,
}

/// Of an issue, a work item, or a note; a note has no `iid`.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'body"))]
struct Attributes<'body> {
    id: Lenient<u64>,
    updated_by_id: Lenient<u64>,
    /// The text of a note, looked at only to know whether it is ours and as we wrote it, or whom it is addressed to.
    note: Lenient<Text<'body>>,
    iid: Lenient<u64>,
    project_id: Lenient<u64>,
    state: Lenient<Text<'body>>,
    #[serde(rename = "type")]
    work_item_type: Lenient<Text<'body>>,
    /// Only incidents have one: the only hint at the type before GitLab 17.2.
    escalation_status: Option<IgnoredAny>,
    labels: Lenient<Labels<'body>>,
}

type Labels<'body> = Vec<Lenient<LabelJson<'body>>>;

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'body"))]
struct LabelJson<'body> {
    #[serde(default)]
    title: Lenient<Text<'body>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'body"))]
struct Changes<'body> {
    #[serde(default)]
    labels: Lenient<LabelsBefore<'body>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'body"))]
struct LabelsBefore<'body> {
    #[serde(default)]
    previous: Lenient<Labels<'body>>,
}

/// Finds the issue that a body is about, and what the body shows of it.
///
/// # Errors
/// Why the delivery does not matter.
pub fn read(body: &[u8], policy: &Policy, own_user_id: Option<u64>) -> Result<Sight, Ignored> {
    let mut body = parse(body).map_err(|_| Ignored::Unparseable)?;
    let (attributes, note) = match body.object_kind.0.as_deref() {
        Some("issue" | "work_item") => (body.object_attributes.0.take(), None),
        Some("note") => (body.issue.0.take(), body.object_attributes.0.take()),
        Some(_) => return Err(Ignored::OtherKind),
        None => return Err(Ignored::Unparseable),
    };
    let user_id = body.user.0.as_ref().and_then(|user| user.id.0);
    let mentioned = note.as_ref().and_then(mentioned);
    let note = note.and_then(|note| comment_of_ours(&note, user_id));
    // Anybody can forge the marker. While we do not know our id, that costs one look, after which we do.
    let ours = own_user_id.map_or(note.is_some(), |own| user_id == Some(own));
    let glimpse = glimpse(body, attributes.ok_or(Ignored::NoIssue)?, policy)?;
    if !ours {
        return Ok(match mentioned {
            Some(name) => Sight::Mentions(glimpse, name),
            None => Sight::Theirs(glimpse),
        });
    }
    let traces = note.is_some()
        || glimpse.labels.iter().any(|label| policy.owned_labels().any(|owned| owned.is(label)));
    Ok(Sight::Ours(Echo { glimpse: Glimpse { may_have_source: traces, ..glimpse }, note }))
}

/// Checks the encoding once for the whole body, which is faster than once for each text of it. Where some text that
/// nobody looks at is damaged, the rest counts all the same.
fn parse(body: &[u8]) -> serde_json::Result<Body<'_>> {
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// Whom a note is addressed to. What it says is read from GitLab.
fn mentioned(note: &Attributes<'_>) -> Option<String> {
    note.note.0.as_deref().and_then(command::addressee).map(str::to_owned)
}

/// A note that begins with the marker, unless somebody edited it: the user of a note's events is always its author,
/// whoever edited it, and people's edits are not fought.
fn comment_of_ours(note: &Attributes<'_>, author_id: Option<u64>) -> Option<NoteRef> {
    let editor_id = note.updated_by_id.0;
    let untouched = editor_id.is_none() || editor_id == author_id;
    let text = note.note.0.as_deref().filter(|text| untouched && text.starts_with(MARKER))?;
    Some(NoteRef { id: note.id.0.and_then(storable)?, digest: Some(digest(text)) })
}

fn glimpse(body: Body<'_>, attributes: Attributes<'_>, policy: &Policy) -> Result<Glimpse, Ignored> {
    let project_id =
        attributes.project_id.0.or(body.project_id.0).or(body.project.0.and_then(|project| project.id.0));
    let issue = IssueRef {
        project_id: project_id.and_then(storable).ok_or(Ignored::NoIssue)?,
        iid: attributes.iid.0.and_then(storable).ok_or(Ignored::NoIssue)?,
    };
    let labels = titles(body.labels.0.or(attributes.labels.0));
    let labels_before = body.changes.0.and_then(|changes| changes.labels.0);
    let before = titles(labels_before.and_then(|labels| labels.previous.0));
    let work_item_type = attributes.work_item_type.0.as_deref().map(WorkItemType::from_name);
    let state = match attributes.state.0.as_deref() {
        Some("opened") => Some(State::Opened),
        Some("closed") => Some(State::Closed),
        Some(_) | None => None,
    };

    let assumed_type = work_item_type.unwrap_or(if attributes.escalation_status.is_some() {
        WorkItemType::Incident
    } else {
        WorkItemType::Issue
    });
    let from_source =
        policy.has_source(assumed_type, &labels) || policy.has_source(WorkItemType::Other, &before);
    Ok(Glimpse {
        issue,
        state,
        work_item_type,
        may_have_source: from_source && state != Some(State::Closed),
        labels: labels.into_iter().filter(|label| policy.reads(label)).collect(),
    })
}

/// Ids beyond what a database keeps are not GitLab's.
fn storable(id: u64) -> Option<u64> {
    i64::try_from(id).is_ok().then_some(id)
}

fn titles(labels: Option<Labels<'_>>) -> Vec<Label> {
    labels
        .into_iter()
        .flatten()
        .filter_map(|label| label.0?.title.0)
        .map(|title| Label::new(&title))
        .collect()
}
