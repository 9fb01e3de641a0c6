//! Building a world from Rust: groups, projects, people, labels, webhooks, issues.

use super::act::{Caller, NewIssue, Via};
use super::label_edit::DEFAULT_COLOR;
use super::nouns::{GroupId, IssueId, Kind, Place, Token, UserId, Visibility};
use super::world::{ROOT, take};
use super::{Actor, Hook, Refusal, Sandbox};
use crate::clock::now;

impl Sandbox {
    /// The group of that path; made if missing, with its parents.
    pub fn group(&self, path: &str) -> GroupId {
        self.shared.change(|world| world.group_at(path))
    }

    /// The project of that path, private; made if missing, with its group.
    pub fn project(&self, path_with_namespace: &str) -> u64 {
        self.shared.change(|world| world.project_at(path_with_namespace, None))
    }

    /// The project of that path, made with this id.
    pub fn project_with_id(&self, id: u64, path_with_namespace: &str) -> u64 {
        self.shared.change(|world| world.project_at(path_with_namespace, Some(id)))
    }

    /// Archives a project, which makes it read-only, or brings it back.
    pub fn archive(&self, project_id: u64, archived: bool) {
        self.shared.change(|world| {
            if let Some(project) = world.projects.get_mut(&project_id) {
                project.archived = archived;
            }
        });
    }

    /// Says who may see a project.
    pub fn visibility(&self, project_id: u64, visibility: Visibility) {
        self.shared.change(|world| {
            if let Some(project) = world.projects.get_mut(&project_id) {
                project.visibility = visibility;
            }
        });
    }

    /// The person of that username; made if missing.
    pub fn user(&self, username: &str) -> UserId {
        self.named_user(username, username)
    }

    /// The person of that username; made with this name if missing.
    pub fn named_user(&self, username: &str, name: &str) -> UserId {
        self.shared.change(|world| world.user_named(username, name, false))
    }

    /// The bot of that username; made if missing.
    pub fn bot(&self, username: &str) -> UserId {
        self.shared.change(|world| world.user_named(username, username, true))
    }

    /// Gives a user a role in a project or group; 0 takes it away.
    pub fn member(&self, user: UserId, path: &str, access_level: u8) {
        let place = self.at(path);
        self.shared.change(|world| match access_level {
            0 => world.members.remove(&(user, place)),
            level => world.members.insert((user, place), level),
        });
    }

    /// A new access token, with scopes such as `["api"]`.
    pub fn token(&self, user: UserId, scopes: &[&str]) -> String {
        self.token_until(user, scopes, None)
    }

    /// The same for a token that ends by itself on that day, such as `2026-05-28`.
    pub fn token_until(&self, user: UserId, scopes: &[&str], expires_on: Option<&str>) -> String {
        let text = format!("glpat-{:020x}", fastrand::u128(..) >> 48);
        self.shared.change(|world| {
            let token = Token {
                id: take(&mut world.ids.token),
                user,
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                revoked: false,
                created_at: now(),
                expires_on: expires_on.map(str::to_owned),
            };
            world.tokens.insert(text.clone(), token);
        });
        text
    }

    /// Makes a token worthless.
    pub fn revoke(&self, token: &str) {
        self.shared.change(|world| {
            if let Some(token) = world.tokens.get_mut(token) {
                token.revoked = true;
            }
        });
    }

    /// The label of that title in a project or group; made if missing.
    pub fn label(&self, path: &str, title: &str) -> u64 {
        self.coloured_label(path, title, DEFAULT_COLOR, None)
    }

    /// The label of that title; made with this look if missing. A title that GitLab refuses gives 0.
    pub fn coloured_label(&self, path: &str, title: &str, color: &str, description: Option<&str>) -> u64 {
        let place = self.at(path);
        self.shared.change(|world| {
            if let Some(label) = world.label_at(place, title) {
                return label.id;
            }
            let made = world.make_label(place, title, color, description.map(str::to_owned));
            made.unwrap_or_default()
        })
    }

    /// Archives a label: it stays where it is, and cannot be put on anything.
    pub fn archive_label(&self, label_id: u64) {
        self.shared.change(|world| {
            if let Some(label) = world.labels.get_mut(&label_id) {
                label.archived = true;
            }
        });
    }

    /// A new webhook of a project or group.
    pub fn hook(&self, path: &str, hook: Hook) -> u64 {
        let place = self.at(path);
        self.shared.change(|world| world.post.subscribe(place, hook, None))
    }

    /// A new issue, by `root` if nobody else is named.
    #[must_use]
    pub fn issue(&self, project_id: u64) -> IssueBuilder {
        IssueBuilder {
            sandbox: self.clone(),
            by: ROOT,
            via: Via::WorkItem,
            project_id,
            new: NewIssue {
                iid: None,
                title: "Something is wrong".into(),
                description: String::new(),
                kind: Kind::Issue,
                confidential: false,
                labels: Vec::new(),
            },
        }
    }

    /// Lets a user do things, as at the web page.
    #[must_use]
    pub fn by(&self, user: UserId) -> Actor {
        Actor::new(self.clone(), Caller::person(user))
    }

    /// The place of that path. A path that nobody has made becomes a group.
    fn at(&self, path: &str) -> Place {
        self.shared.quietly(|world| match world.place(path) {
            Some(place) => place,
            None => Place::Group(world.group_at(path)),
        })
    }
}

/// An issue that is about to be written.
#[derive(Debug)]
pub struct IssueBuilder {
    sandbox: Sandbox,
    by: UserId,
    via: Via,
    project_id: u64,
    new: NewIssue,
}

impl IssueBuilder {
    /// Who writes it.
    #[must_use]
    pub fn by(mut self, user: UserId) -> Self {
        self.by = user;
        self
    }

    /// Its type.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.new.kind = kind;
        self
    }

    /// Through which code of GitLab.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// Its labels. Titles that do not exist become labels of the project.
    #[must_use]
    pub fn labels<T: Into<String>>(mut self, titles: impl IntoIterator<Item = T>) -> Self {
        self.new.labels = titles.into_iter().map(Into::into).collect();
        self
    }

    /// Seen by Planners and above only.
    #[must_use]
    pub fn confidential(mut self) -> Self {
        self.new.confidential = true;
        self
    }

    /// Its title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.new.title = title.into();
        self
    }

    /// Its description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.new.description = description.into();
        self
    }

    /// Its number, instead of the next free one.
    #[must_use]
    pub fn iid(mut self, iid: u64) -> Self {
        self.new.iid = Some(iid);
        self
    }

    /// Writes it, which tells the webhooks `open`.
    ///
    /// # Panics
    ///
    /// If the author may not, or the number is taken: a test that builds an impossible world is wrong.
    pub fn create(self) -> IssueId {
        match self.try_create() {
            Ok(issue) => issue,
            Err(refusal) => panic!("this issue cannot be created: {refusal}"),
        }
    }

    /// Writes it, if GitLab lets the author.
    pub fn try_create(self) -> Result<IssueId, Refusal> {
        let caller = Caller { user: self.by, via: self.via, chain: None };
        self.sandbox.shared.change(|world| world.create_issue(&caller, self.project_id, self.new))
    }
}
