//! All the state of the sandbox, and how to find one's way in it. What may change it is in `act` and its neighbours.

use std::collections::BTreeMap;

use super::faults::Traffic;
use super::hooks::PostOffice;
use super::nouns::{
    Award, Board, Group, GroupId, Issue, IssueId, Label, LabelEvent, Note, Place, Project, Token, User,
    UserId, Visibility,
};
use super::refusal::Refusal;
use super::seed::Demo;
use super::{Options, access};
use crate::clock::{Millis, now};

/// Everything this GitLab knows.
#[derive(Debug)]
pub(super) struct World {
    pub options: Options,
    pub url: String,
    pub users: BTreeMap<UserId, User>,
    pub tokens: BTreeMap<String, Token>,
    pub groups: BTreeMap<GroupId, Group>,
    pub projects: BTreeMap<u64, Project>,
    pub members: BTreeMap<(UserId, Place), u8>,
    pub labels: BTreeMap<u64, Label>,
    pub boards: BTreeMap<u64, Board>,
    pub issues: BTreeMap<IssueId, Issue>,
    pub notes: BTreeMap<IssueId, Vec<Note>>,
    pub awards: Vec<Award>,
    pub label_events: BTreeMap<IssueId, Vec<LabelEvent>>,
    pub post: PostOffice,
    pub traffic: Traffic,
    pub demo: Option<Demo>,
    /// Grows with every change that a reader of the demo page could see.
    pub version: u64,
    pub ids: Ids,
}

/// The next free id of each kind, in the ranges of GitLab.com: note ids do not fit 31 bits.
#[derive(Debug)]
pub(super) struct Ids {
    pub user: u64,
    pub group: u64,
    pub project: u64,
    pub label: u64,
    pub board: u64,
    pub issue: u64,
    pub note: u64,
    pub label_event: u64,
    pub token: u64,
    pub award: u64,
    /// The highest issue number of each project.
    pub iids: BTreeMap<u64, u64>,
}

impl Ids {
    fn new() -> Self {
        Self {
            user: 1001,
            group: 501,
            project: 80_222_200,
            label: 41_000_001,
            board: 9_100_001,
            issue: 191_205_280,
            note: 2_150_000_001,
            label_event: 310_000_001,
            token: 7001,
            award: 9_000_001,
            iids: BTreeMap::new(),
        }
    }
}

/// Hands out an id and moves on.
pub(super) fn take(counter: &mut u64) -> u64 {
    let id = *counter;
    *counter += 1;
    id
}

/// `root`, who is always there and owns everything.
pub(super) const ROOT: UserId = UserId(1);

impl World {
    pub fn new(options: Options, url: String) -> Self {
        let root =
            User { id: ROOT, username: "root".into(), name: "Administrator".into(), bot: false, admin: true };
        Self {
            post: PostOffice::new(&options),
            options,
            url,
            users: BTreeMap::from([(ROOT, root)]),
            tokens: BTreeMap::new(),
            groups: BTreeMap::new(),
            projects: BTreeMap::new(),
            members: BTreeMap::new(),
            labels: BTreeMap::new(),
            boards: BTreeMap::new(),
            issues: BTreeMap::new(),
            notes: BTreeMap::new(),
            awards: Vec::new(),
            label_events: BTreeMap::new(),
            traffic: Traffic::default(),
            demo: None,
            version: 1,
            ids: Ids::new(),
        }
    }

    pub fn user_named(&mut self, username: &str, name: &str, bot: bool) -> UserId {
        let found = self.users.values().find(|user| user.username == username);
        if let Some(user) = found {
            return user.id;
        }
        let id = UserId(take(&mut self.ids.user));
        let user = User { id, username: username.into(), name: name.into(), bot, admin: false };
        self.users.insert(id, user);
        id
    }

    /// The group of that path; it and its parents are made if they are missing.
    pub fn group_at(&mut self, full_path: &str) -> GroupId {
        let found = self.groups.values().find(|group| group.full_path == full_path);
        if let Some(group) = found {
            return group.id;
        }
        let parent = full_path.rsplit_once('/').map(|(parent, _)| self.group_at(parent));
        let id = GroupId(take(&mut self.ids.group));
        let group = Group { id, full_path: full_path.into(), parent };
        self.groups.insert(id, group);
        id
    }

    pub fn project_at(&mut self, full_path: &str, wanted_id: Option<u64>) -> u64 {
        let found = self.projects.values().find(|project| project.full_path == full_path);
        if let Some(project) = found {
            return project.id;
        }
        let group = full_path.rsplit_once('/').map_or("root", |(group, _)| group);
        let group = self.group_at(group);
        let id = wanted_id.unwrap_or_else(|| take(&mut self.ids.project));
        let project = Project {
            id,
            full_path: full_path.into(),
            group,
            archived: false,
            visibility: Visibility::Private,
            created_at: now(),
        };
        self.projects.insert(id, project);
        id
    }

    /// Signing tokens came with 19.0; an older GitLab passes over them without a word.
    pub fn knows_signing(&self) -> bool {
        let major = self.options.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major >= 19)
    }

    /// The project or group of that path.
    pub fn place(&self, path: &str) -> Option<Place> {
        let project = self.projects.values().find(|project| project.full_path == path);
        let group = self.groups.values().find(|group| group.full_path == path);
        project.map(|project| Place::Project(project.id)).or(group.map(|group| Place::Group(group.id)))
    }

    /// A project by its id or its path, whoever asks.
    pub fn find_project(&self, id_or_path: &str) -> Option<&Project> {
        match id_or_path.parse::<u64>() {
            Ok(id) => self.projects.get(&id),
            Err(_) => self.projects.values().find(|project| project.full_path == id_or_path),
        }
    }

    pub fn find_group(&self, id_or_path: &str) -> Option<&Group> {
        match id_or_path.parse::<u64>() {
            Ok(id) => self.groups.get(&GroupId(id)),
            Err(_) => self.groups.values().find(|group| group.full_path == id_or_path),
        }
    }

    /// A group and all above it, nearest first.
    pub fn lineage(&self, group: GroupId) -> Vec<GroupId> {
        let mut line = Vec::new();
        let mut next = Some(group);
        while let Some(id) = next {
            line.push(id);
            next = self.groups.get(&id).and_then(|group| group.parent);
        }
        line
    }

    /// The places whose labels, members and webhooks count for a place: itself and the groups above.
    pub fn reach(&self, place: Place) -> Vec<Place> {
        let (own, group) = match place {
            Place::Project(id) => (Some(place), self.projects.get(&id).map(|project| project.group)),
            Place::Group(id) => (None, Some(id)),
        };
        let above = group.map(|id| self.lineage(id)).unwrap_or_default();
        own.into_iter().chain(above.into_iter().map(Place::Group)).collect()
    }

    /// The highest role of a user in a place, direct or inherited; `None` for strangers.
    pub fn access(&self, user: UserId, place: Place) -> Option<u8> {
        if self.users.get(&user).is_some_and(|user| user.admin) {
            return Some(access::OWNER);
        }
        self.reach(place).into_iter().filter_map(|place| self.members.get(&(user, place)).copied()).max()
    }

    pub fn can_see_project(&self, user: UserId, project: &Project) -> bool {
        project.visibility == Visibility::Public || self.access(user, Place::Project(project.id)).is_some()
    }

    pub fn can_see_issue(&self, user: UserId, issue: &Issue) -> bool {
        let Some(project) = self.projects.get(&issue.id.project_id) else {
            return false;
        };
        let trusted = self.access(user, Place::Project(project.id)) >= Some(access::PLANNER);
        self.can_see_project(user, project) && (!issue.confidential || trusted || issue.author == user)
    }

    /// A project as the user sees it: invisible is the same as missing.
    pub fn project_for(&self, user: UserId, id_or_path: &str) -> Result<&Project, Refusal> {
        self.find_project(id_or_path)
            .filter(|project| self.can_see_project(user, project))
            .ok_or(Refusal::NO_PROJECT)
    }

    /// Groups are private here: only members, of the group or of a project in it, see them.
    pub fn group_for(&self, user: UserId, id_or_path: &str) -> Result<&Group, Refusal> {
        let group = self.find_group(id_or_path).ok_or(Refusal::NO_GROUP)?;
        let member = self.access(user, Place::Group(group.id)).is_some();
        let inside = || {
            self.projects.values().any(|project| {
                self.lineage(project.group).contains(&group.id) && self.can_see_project(user, project)
            })
        };
        if member || inside() { Ok(group) } else { Err(Refusal::NO_GROUP) }
    }

    pub fn issue_for(&self, user: UserId, id: IssueId) -> Result<&Issue, Refusal> {
        self.issues.get(&id).filter(|issue| self.can_see_issue(user, issue)).ok_or(Refusal::NO_ISSUE)
    }

    pub fn username(&self, user: UserId) -> String {
        self.users.get(&user).map(|user| user.username.clone()).unwrap_or_default()
    }

    /// The labels of an issue in GitLab's order, by title.
    pub fn labels_of<'a>(&'a self, ids: impl IntoIterator<Item = &'a u64>) -> Vec<&'a Label> {
        let mut labels: Vec<&Label> = ids.into_iter().filter_map(|id| self.labels.get(id)).collect();
        labels.sort_by(|a, b| a.title.cmp(&b.title));
        labels
    }

    /// The notes of an issue, oldest first, system notes included.
    pub fn notes_of(&self, id: IssueId) -> &[Note] {
        self.notes.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn web_url(&self, issue: &Issue) -> String {
        let path = self
            .projects
            .get(&issue.id.project_id)
            .map(|project| project.full_path.as_str())
            .unwrap_or_default();
        let section = match issue.kind {
            super::Kind::Issue | super::Kind::Incident => "issues",
            super::Kind::Task => "work_items",
        };
        format!("{}/{path}/-/{section}/{}", self.url, issue.id.iid)
    }
}

/// A time as GitLab 19 writes it.
pub(super) fn iso(at: Millis) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    format!("{at:.3}")
}
