//! The things of a GitLab: users, groups, projects, labels, issues, notes.

use std::collections::BTreeSet;

use crate::clock::Millis;

/// A user's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

/// A group's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

/// Names one issue, as people and the REST API do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueId {
    /// The project's numeric id.
    pub project_id: u64,
    /// The issue's number within its project.
    pub iid: u64,
}

/// Where labels, members and webhooks live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A project, by id.
    Project(u64),
    /// A group.
    Group(GroupId),
}

/// The type of a work item that belongs to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A plain issue.
    Issue,
    /// An incident.
    Incident,
    /// A task.
    Task,
}

impl Kind {
    /// As webhooks spell it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Issue => "Issue",
            Self::Incident => "Incident",
            Self::Task => "Task",
        }
    }

    /// As the REST API's `issue_type` spells it.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Incident => "incident",
            Self::Task => "task",
        }
    }

    /// Reads the REST API's `issue_type`.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Issue, Self::Incident, Self::Task].into_iter().find(|kind| kind.slug() == slug)
    }
}

/// Whether an issue is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Open.
    Opened,
    /// Closed.
    Closed,
}

impl State {
    /// As GitLab spells it everywhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }

    /// GitLab's number for it.
    #[must_use]
    pub fn id(self) -> u8 {
        match self {
            Self::Opened => 1,
            Self::Closed => 2,
        }
    }
}

/// Who may see a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Members only; everybody else gets 404.
    Private,
    /// Everybody.
    Public,
}

impl Visibility {
    /// As the REST API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    /// As webhooks spell it.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            Self::Private => 0,
            Self::Public => 20,
        }
    }
}

/// Whether a label was put on or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabelAction {
    /// Put on.
    Add,
    /// Taken off.
    Remove,
}

impl LabelAction {
    /// As the REST API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

/// A person or a bot.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub id: UserId,
    pub username: String,
    pub name: String,
    pub bot: bool,
    /// Administrators own everything. Only `root` is one.
    pub admin: bool,
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub id: u64,
    pub user: UserId,
    pub scopes: Vec<String>,
    pub revoked: bool,
    pub created_at: Millis,
    /// `2026-05-28`, if it ends by itself.
    pub expires_on: Option<String>,
}

impl Token {
    /// Whether its last day is over, given this day or time, such as `2026-05-28T10:00:00.000Z`.
    pub fn ended(&self, today: &str) -> bool {
        self.expires_on.as_deref().is_some_and(|end| end <= today)
    }

    pub fn may_write(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "api")
    }

    pub fn may_read(&self) -> bool {
        self.may_write() || self.scopes.iter().any(|scope| scope == "read_api")
    }
}

/// A group, which holds projects, groups and labels.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub id: GroupId,
    pub full_path: String,
    pub parent: Option<GroupId>,
}

/// A project, which holds issues and labels.
#[derive(Debug, Clone)]
pub(super) struct Project {
    pub id: u64,
    pub full_path: String,
    pub group: GroupId,
    pub archived: bool,
    pub visibility: Visibility,
    pub created_at: Millis,
}

/// A label of a project or a group.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub id: u64,
    pub place: Place,
    pub title: String,
    pub color: String,
    pub description: Option<String>,
    pub archived: bool,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// An issue board.
#[derive(Debug, Clone)]
pub(super) struct Board {
    pub id: u64,
    pub place: Place,
    pub name: String,
    /// Ids of lists and of their labels, from left to right.
    pub lists: Vec<(u64, u64)>,
}

/// An issue, incident or task.
#[derive(Debug, Clone)]
pub(super) struct Issue {
    /// The id that is unique on the whole instance.
    pub global_id: u64,
    pub id: IssueId,
    pub title: String,
    pub description: String,
    pub kind: Kind,
    pub state: State,
    pub confidential: bool,
    pub author: UserId,
    pub labels: BTreeSet<u64>,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub updated_by: Option<UserId>,
    pub last_edited: Option<(Millis, UserId)>,
    pub closed: Option<(Millis, UserId)>,
    pub severity: String,
    pub moved_to: Option<u64>,
}

/// A comment on an issue, or a line of its activity if `system`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Unique on the whole instance.
    pub id: u64,
    /// Who wrote it.
    pub author_id: UserId,
    /// The author's username.
    pub author_username: String,
    /// Markdown, after quick actions were taken out.
    pub body: String,
    /// Seen by Planners and above only.
    pub internal: bool,
    /// Written by GitLab itself to tell of a change.
    pub system: bool,
    /// When it was written.
    pub created_at: Millis,
    /// When it was last edited.
    pub updated_at: Millis,
    /// Who edited it last.
    pub updated_by: Option<UserId>,
    /// The thread it belongs to.
    pub discussion_id: String,
    /// Whether that is a thread of more than one note, or was.
    pub in_thread: bool,
}

/// A reaction on a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Award {
    /// Unique on the whole instance.
    pub id: u64,
    /// The note.
    pub note_id: u64,
    /// Whose it is.
    pub user: UserId,
    /// The emoji, without colons.
    pub name: String,
    /// When.
    pub created_at: Millis,
}

/// One label put on or taken off an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEvent {
    /// Unique on the whole instance.
    pub id: u64,
    /// Who did it.
    pub user: UserId,
    /// When.
    pub created_at: Millis,
    /// The label's id, which outlives the label.
    pub label_id: u64,
    /// The label's title at that time.
    pub label: String,
    /// Put on or taken off.
    pub action: LabelAction,
}
