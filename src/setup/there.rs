//! What is there already. Reads only.

use crate::gitlab::{Board, Client, Error, Hook, LabelLook, Place};

/// A watched place as it is.
#[derive(Debug)]
pub struct There {
    /// Which.
    pub place: Place,
    /// The labels it can use.
    pub labels: Vec<LabelLook>,
    /// Its boards.
    pub boards: Vec<Board>,
    /// Where its webhooks belong, and those that are there: the place itself, or each project of a group whose licence
    /// has no webhooks of groups.
    pub hooks: Vec<(Place, Vec<Hook>)>,
    /// Whether it is a group whose webhooks we may keep, or a project.
    pub full: bool,
}

/// Reads the places, without those that lie inside another one: what that has counts for them.
///
/// # Errors
/// See [`Error`], with the place that could not be read.
pub async fn read(gitlab: &Client, places: &[Place]) -> Result<Vec<There>, (Place, Error)> {
    let mut found = Vec::new();
    for place in outermost(places) {
        found.push(read_place(gitlab, place).await.map_err(|error| (place.clone(), error))?);
    }
    Ok(found)
}

async fn read_place(gitlab: &Client, place: &Place) -> Result<There, Error> {
    let labels = gitlab.label_looks(place).await?;
    let boards = gitlab.boards(place).await?;
    let (hooks, full) = match gitlab.hooks(place).await {
        Ok(hooks) => (vec![(place.clone(), hooks)], true),
        Err(Error::NotFound | Error::Refused { .. }) if matches!(place, Place::Group(_)) => {
            let mut hooks = Vec::new();
            for path in gitlab.live_projects(place).await? {
                let project = Place::Project(path);
                let there = gitlab.hooks(&project).await?;
                hooks.push((project, there));
            }
            (hooks, false)
        }
        Err(error) => return Err(error),
    };
    Ok(There { place: place.clone(), labels, boards, hooks, full })
}

/// The places that do not lie inside another one.
pub fn outermost(places: &[Place]) -> impl Iterator<Item = &Place> {
    places.iter().filter(|place| {
        let (Place::Group(path) | Place::Project(path)) = place;
        !places.iter().any(|other| match other {
            Place::Group(group) => {
                path.strip_prefix(group.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            Place::Project(_) => false,
        })
    })
}
