//! Which webhooks lead here: of each watched place and of the groups above it, else of its projects.
//!
//! Reads each list once, whoever needs it, and no more projects of a group than [`MOST_PROJECTS`].

use std::collections::HashMap;

use super::Surgery;
use super::finding::{Check, Finding};
use super::hook_address::{leads_to, shown};
use super::roles::named;
use crate::config::WEBHOOK_PATH;
use crate::gitlab::{Error, Hook, Place, Project};

/// Each takes a call of its own.
const MOST_PROJECTS: usize = 20;
const ROLES: &str =
    "the access token may not see webhooks: that takes a Maintainer of the project, or an Owner of the group";

/// A webhook and where it is.
pub(super) type Placed = (Place, Hook);

/// What was found for one place.
struct Look {
    place: Place,
    here: Vec<Placed>,
    /// Addresses that look like Escalator's and are not this one's.
    elsewhere: Vec<String>,
    /// Places whose webhooks could not be read.
    hidden: Vec<(Place, Error)>,
}

impl Look {
    fn lacks(&self) -> bool {
        self.here.is_empty() && !self.is_hidden()
    }

    fn is_hidden(&self) -> bool {
        self.here.is_empty() && self.hidden.iter().any(|(place, _)| *place == self.place)
    }
}

/// A search, with what it has read.
pub(super) struct Search<'a> {
    surgery: &'a Surgery<'a>,
    url: &'a str,
    read: HashMap<Place, Result<Vec<Hook>, Error>>,
    /// Every webhook that leads here, once.
    pub found: Vec<Placed>,
}

impl<'a> Search<'a> {
    pub fn new(surgery: &'a Surgery<'a>, url: &'a str) -> Self {
        Self { surgery, url, read: HashMap::new(), found: Vec::new() }
    }

    /// Whether GitLab tells us of what happens in a place; `projects` are those of a group.
    pub async fn cover(&mut self, place: &Place, projects: &[Project]) -> Finding {
        self.surgery.tell(place, "webhooks");
        let live: Vec<&Project> = projects.iter().filter(|project| !project.archived).collect();
        let mut looks = vec![self.look(place).await];
        if looks.iter().all(|look| look.here.is_empty()) && !live.is_empty() {
            looks.clear();
            for project in live.iter().take(MOST_PROJECTS) {
                looks.push(self.look(&Place::Project(project.path.clone())).await);
            }
        }
        for placed in looks.iter().flat_map(|look| &look.here) {
            if !self.found.iter().any(|(_, hook)| hook.id == placed.1.id) {
                self.found.push(placed.clone());
            }
        }
        judge(place, self.url, &looks, live.len())
    }

    /// Looks at a place and then at the groups above it, until one has a webhook that leads here.
    async fn look(&mut self, place: &Place) -> Look {
        let mut look =
            Look { place: place.clone(), here: Vec::new(), elsewhere: Vec::new(), hidden: Vec::new() };
        for place in with_groups_above(place) {
            // The Community Edition has no webhooks of groups.
            if matches!(place, Place::Group(_)) && !self.surgery.instance.enterprise {
                continue;
            }
            match self.hooks(&place).await {
                Ok(hooks) => {
                    let (here, other): (Vec<_>, Vec<_>) =
                        hooks.into_iter().partition(|hook| leads_to(&hook.url, self.url));
                    let others = other.iter().map(|hook| shown(&hook.url));
                    look.elsewhere.extend(others.filter(|url| url.ends_with(WEBHOOK_PATH)));
                    look.here.extend(here.into_iter().map(|hook| (place.clone(), hook)));
                }
                Err(error) => look.hidden.push((place, error)),
            }
            if !look.here.is_empty() {
                break;
            }
        }
        look
    }

    async fn hooks(&mut self, place: &Place) -> Result<Vec<Hook>, Error> {
        if let Some(read) = self.read.get(place) {
            return read.clone();
        }
        let hooks = self.surgery.gitlab.hooks(place).await;
        self.read.insert(place.clone(), hooks.clone());
        hooks
    }
}

fn with_groups_above(place: &Place) -> Vec<Place> {
    let (Place::Group(path) | Place::Project(path)) = place;
    let above = path.rmatch_indices('/').map(|(end, _)| Place::Group(path[..end].to_owned()));
    std::iter::once(place.clone()).chain(above).collect()
}

fn judge(place: &Place, url: &str, looks: &[Look], projects: usize) -> Finding {
    let subject = place.to_string();
    let limit = if looks.len() == MOST_PROJECTS && projects > MOST_PROJECTS {
        format!("; looked at {MOST_PROJECTS} of {projects} projects only")
    } else {
        String::new()
    };
    let lacking: Vec<&Look> = looks.iter().filter(|look| look.lacks()).collect();
    if !lacking.is_empty() {
        return absent(place, url, &lacking, &limit);
    }
    if let Some(look) = looks.iter().find(|look| look.is_hidden()) {
        return Finding::skipped(Check::Webhook, subject, &format!("{}{limit}", why_hidden(look)));
    }
    let mut owners: Vec<String> =
        looks.iter().flat_map(|look| &look.here).map(|(owner, _)| owner.to_string()).collect();
    owners.dedup();
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    Finding::ok(Check::Webhook, subject, format!("webhooks lead to {url}: of {}{limit}", named(&owners)))
}

fn absent(place: &Place, url: &str, lacking: &[&Look], limit: &str) -> Finding {
    let mut found = format!("no webhook leads to {url}");
    let lacking_places: Vec<String> = lacking.iter().map(|look| look.place.to_string()).collect();
    if lacking_places != [place.to_string()] {
        let lacking_places: Vec<&str> = lacking_places.iter().map(String::as_str).collect();
        found = format!("{found} from {}", named(&lacking_places));
    }
    let mut elsewhere: Vec<&str> =
        lacking.iter().flat_map(|look| &look.elsewhere).map(String::as_str).collect();
    elsewhere.sort_unstable();
    elsewhere.dedup();
    if !elsewhere.is_empty() {
        found = format!("{found}; there are webhooks that lead to {}", named(&elsewhere));
    }
    let remedy = format!(
        "run `escalator setup`, or make a webhook to that address in Settings > Webhooks of the {place}; or correct \
         webhook.url"
    );
    // A group above may have one that only its Owners see.
    if lacking.iter().any(|look| !look.hidden.is_empty()) {
        let found = format!("{found}; webhooks of the groups above are seen by their Owners only{limit}");
        return Finding::warn(Check::Webhook, place.to_string(), found, remedy);
    }
    Finding::fail(Check::Webhook, place.to_string(), format!("{found}{limit}"), remedy)
}

fn why_hidden(look: &Look) -> String {
    let other =
        look.hidden.iter().find(|(_, error)| !matches!(error, Error::NotFound | Error::Refused { .. }));
    other.map_or_else(|| ROLES.to_owned(), |(_, error)| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_above_a_project_are_known_by_its_path() {
        let group = |path: &str| Place::Group(path.to_owned());
        let project = Place::Project("a/b/c".to_owned());
        assert_eq!(with_groups_above(&project), [project, group("a/b"), group("a")]);
        assert_eq!(with_groups_above(&group("a")), [group("a")]);
    }
}
