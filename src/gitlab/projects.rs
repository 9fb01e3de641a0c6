//! Projects and our role in them, found without writing: for a whole group in as many calls as the list has pages.

use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::json;
use super::client::Client;
use super::error::Error;
use super::path::segment;

/// A project, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Unique on the instance.
    pub id: u64,
    /// Its path, such as `acme/shop`.
    pub path: String,
    /// Read-only.
    pub archived: bool,
    /// Shows what only a Premium licence brings. GitLab names no plan to those who are not Owners, but leaves out of a
    /// project what its licence does not have: default templates of descriptions are as old as scoped labels, and of the
    /// same plan.
    pub premium: bool,
}

#[derive(Deserialize)]
struct ProjectJson {
    id: u64,
    path_with_namespace: String,
    #[serde(default)]
    archived: bool,
    /// There, and often null, with a licence.
    #[serde(default, deserialize_with = "is_there")]
    issues_template: bool,
}

fn is_there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl From<ProjectJson> for Project {
    fn from(json: ProjectJson) -> Self {
        Self {
            id: json.id,
            path: json.path_with_namespace,
            archived: json.archived,
            premium: json.issues_template,
        }
    }
}

impl Client {
    /// A project.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] where the token does not see it.
    pub async fn project(&self, path: &str) -> Result<Project, Error> {
        let request = self.request(Method::GET, &format!("/projects/{}", segment(path)));
        Ok(json::<ProjectJson>(self.send("project", request).await?).await?.into())
    }

    /// The projects of a group and its subgroups, archived ones too; if a role is given, those in which we have at least
    /// that.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] where the token does not see the group.
    pub async fn projects_of_group(&self, path: &str, role: Option<u8>) -> Result<Vec<Project>, Error> {
        let role = role.map(|role| ("min_access_level", role));
        let request = self
            .request(Method::GET, &format!("/groups/{}/projects", segment(path)))
            .query(&[("include_subgroups", "true"), ("with_shared", "false"), ("order_by", "id")])
            .query(&role.as_slice());
        let projects: Vec<ProjectJson> = self.list("list_projects", request).await?;
        Ok(projects.into_iter().map(Project::from).collect())
    }

    /// A user's role in a project, inherited ones included; `None` if it has none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn role_in_project(&self, path: &str, user_id: u64) -> Result<Option<u8>, Error> {
        #[derive(Deserialize)]
        struct MemberJson {
            access_level: u8,
        }
        let path = format!("/projects/{}/members/all/{user_id}", segment(path));
        match self.send("member", self.request(Method::GET, &path)).await {
            Ok(response) => Ok(Some(json::<MemberJson>(response).await?.access_level)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
