//! A watched group or project: seen, writable, with a role that is enough, and with its labels.
//!
//! A group is read as a whole, in calls that do not grow with its projects but for the pages of their list.

use std::collections::HashSet;

use super::finding::{Check, Finding};
use super::{Surgery, labels, roles};
use crate::gitlab::{Error, Place, Project};

const CHECKS: [Check; 6] =
    [Check::Role, Check::Archived, Check::Labels, Check::LabelTwins, Check::ScopedLabels, Check::Webhook];

impl Surgery<'_> {
    /// Everything about a place but its webhooks; and a group's projects.
    pub(super) async fn place(&self, place: &Place) -> Result<(Vec<Finding>, Vec<Project>), Error> {
        match place {
            Place::Group(path) => self.group(place, path).await,
            Place::Project(path) => self.project(place, path).await.map(|findings| (findings, Vec::new())),
        }
    }

    async fn group(&self, place: &Place, path: &str) -> Result<(Vec<Finding>, Vec<Project>), Error> {
        self.tell(place, "projects");
        let all = self.gitlab.projects_of_group(path, None).await?;
        let needed = roles::needed(&self.instance);
        let enough = if self.account.administrator {
            Vec::new()
        } else {
            self.gitlab.projects_of_group(path, Some(needed)).await?
        };
        let mut findings = vec![
            Finding::ok(Check::Visible, place.to_string(), format!("projects: {}", all.len())),
            roles::in_group(place, &self.account, needed, &all, &enough),
            archived(place, &all),
        ];
        self.tell(place, "labels");
        let present = self.gitlab.labels(place).await?;
        let mut below = Vec::new();
        for text in labels::searches(self.policy) {
            below.extend(self.gitlab.labels_within_group(path, &text).await?);
        }
        findings.extend(labels::findings(place, self.policy, &present, &below));
        findings.push(labels::scoped(place, &self.instance, &all.iter().collect::<Vec<_>>()));
        Ok((findings, all))
    }

    async fn project(&self, place: &Place, path: &str) -> Result<Vec<Finding>, Error> {
        self.tell(place, "role and labels");
        let project = self.gitlab.project(path).await?;
        let role = self.gitlab.role_in_project(path, self.account.id).await?;
        let present = self.gitlab.labels(place).await?;
        let mut findings = vec![
            Finding::ok(Check::Visible, place.to_string(), "the access token sees it"),
            roles::in_project(place, &self.account, roles::needed(&self.instance), role),
            archived(place, std::slice::from_ref(&project)),
        ];
        findings.extend(labels::findings(place, self.policy, &present, &[]));
        findings.push(labels::scoped(place, &self.instance, &[&project]));
        Ok(findings)
    }
}

/// In a group, archived projects are left alone; a project that is watched by name is meant to be worked on.
fn archived(place: &Place, projects: &[Project]) -> Finding {
    let count = projects.iter().filter(|project| project.archived).count();
    match place {
        Place::Project(_) if count > 0 => Finding::warn(
            Check::Archived,
            place.to_string(),
            "archived, so that nothing in it can be written",
            "unarchive it in Settings > General, or take it out of gitlab.projects",
        ),
        Place::Project(_) => Finding::ok(Check::Archived, place.to_string(), "not archived"),
        Place::Group(_) => {
            Finding::ok(Check::Archived, place.to_string(), format!("archived projects, left alone: {count}"))
        }
    }
}

/// A place that cannot be read: one failure, and nothing else about it.
pub(super) fn unseen(place: &Place, error: &Error) -> Vec<Finding> {
    let setting = match place {
        Place::Group(_) => "gitlab.groups",
        Place::Project(_) => "gitlab.projects",
    };
    let remedy = match error {
        Error::NotFound | Error::Refused { .. } | Error::Rejected { .. } => {
            format!("check its spelling in {setting}, and make the access token's user a member of it")
        }
        Error::Throttled { .. }
        | Error::Unavailable { .. }
        | Error::Unauthorized
        | Error::Unusable { .. } => "wait until GitLab answers, then run this again".to_owned(),
    };
    let mut findings = vec![Finding::fail(Check::Visible, place.to_string(), error.to_string(), remedy)];
    findings.extend(CHECKS.map(|check| Finding::skipped(check, place.to_string(), "it cannot be read")));
    findings
}

/// Places that are named twice are looked at once.
pub(super) fn distinct(places: Vec<Place>) -> Vec<Place> {
    let mut seen = HashSet::new();
    places.into_iter().filter(|place| seen.insert(place.clone())).collect()
}
