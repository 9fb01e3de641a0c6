//! The nouns: an issue as GitLab shows it, and nothing of it that a person wrote except its labels.

use super::label::Label;

/// Which issue: all that a webhook has to leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueRef {
    /// The numeric id of the project, which survives renames and moves.
    pub project_id: u64,
    /// The number of the issue within its project.
    pub iid: u64,
}

impl std::fmt::Display for IssueRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}#{}", self.project_id, self.iid)
    }
}

/// A moment by GitLab's clock: milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

/// Whether an issue is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// GitLab's `opened`.
    Opened,
    /// GitLab's `closed`; moved issues are closed too.
    Closed,
}

impl State {
    /// GitLab's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }
}

/// GitLab's work item type. Only some matter by name; the others are one to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkItemType {
    /// A plain issue.
    Issue,
    /// An incident.
    Incident,
    /// Task, test case, requirement, and whatever GitLab adds.
    Other,
}

impl WorkItemType {
    /// Reads GitLab's word in any of its spellings: `Incident` in webhooks, `INCIDENT` or `incident` in the API.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        if name.eq_ignore_ascii_case("issue") {
            Self::Issue
        } else if name.eq_ignore_ascii_case("incident") {
            Self::Incident
        } else {
            Self::Other
        }
    }

    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Incident => "incident",
            Self::Other => "other",
        }
    }
}

/// An issue as GitLab shows it, reduced to what the rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Whether it is open.
    pub state: State,
    /// Incident or not.
    pub work_item_type: WorkItemType,
    /// Its labels, in GitLab's order.
    pub labels: Vec<Label>,
}

impl Issue {
    /// The issue's own spelling of a label, if it bears it in any case.
    #[must_use]
    pub fn bears(&self, label: &Label) -> Option<&Label> {
        self.labels.iter().find(|own| own.is(label))
    }
}

/// What a webhook's body shows of an issue. A hint only: bodies come late, twice and out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    /// Which issue.
    pub issue: IssueRef,
    /// Whether it is open, if the body tells.
    pub state: Option<State>,
    /// Its type, if the body tells (GitLab 17.2 and later).
    pub work_item_type: Option<WorkItemType>,
    /// Those of its labels that the policy reads, after the event.
    pub labels: Vec<Label>,
    /// Whether it comes from a source, or did before the event, or the body cannot rule it out; or whether it may bear
    /// traces of ours, as a list shows them.
    pub may_have_source: bool,
}
