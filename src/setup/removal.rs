//! What to take away again: what we made, as long as no person has made it theirs. Reads only.

use super::plan::{Act, Step};
use super::wanted::BOARD;
use crate::gitlab::{Client, Error, Place};
use crate::store::{Made, MadeKind};

/// The steps that take away what was made: webhooks first, then boards, then labels.
///
/// # Errors
/// See [`Error`].
pub async fn plan_removal(gitlab: &Client, made: &[Made]) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for kind in [MadeKind::Webhook, MadeKind::Board, MadeKind::Label] {
        for made in made.iter().filter(|made| made.kind == kind) {
            let Some(place) = place_named(&made.place) else { continue };
            let found = match look(gitlab, &place, made).await {
                Err(Error::NotFound) => Found::Gone,
                found => found?,
            };
            let what = format!("{} \"{}\"", noun(kind), made.name);
            steps.push(match found {
                Found::Ours(id) => {
                    let act = Act::Remove(Made { id: Some(id), ..made.clone() });
                    Step { place, what, act }
                }
                Found::Gone => {
                    Step { place, what: format!("{what}, which is gone"), act: Act::Forget(made.clone()) }
                }
                Found::Theirs(why) => Step { place, what: format!("{what} stays: {why}"), act: Act::Tell },
            });
        }
    }
    Ok(steps)
}

enum Found {
    Ours(u64),
    Gone,
    Theirs(&'static str),
}

async fn look(gitlab: &Client, place: &Place, made: &Made) -> Result<Found, Error> {
    let fits = |id: u64, name: &str| made.id.map_or(made.name == name, |known| known == id);
    Ok(match made.kind {
        MadeKind::Webhook => {
            let hooks = gitlab.hooks(place).await?;
            hooks
                .iter()
                .find(|hook| fits(hook.id, &hook.url))
                .map_or(Found::Gone, |hook| Found::Ours(hook.id))
        }
        MadeKind::Board => match gitlab.boards(place).await?.iter().find(|board| fits(board.id, &board.name))
        {
            None => Found::Gone,
            Some(board) if board.name != BOARD => Found::Theirs("somebody renamed it"),
            Some(board) => Found::Ours(board.id),
        },
        MadeKind::Label => {
            let labels = gitlab.label_looks(place).await?;
            match labels.iter().find(|look| fits(look.id, look.label.title())) {
                None => Found::Gone,
                Some(look) if look.label.title() != made.name => Found::Theirs("somebody renamed it"),
                Some(look) if gitlab.is_on_an_issue(place, &look.label).await? => {
                    Found::Theirs("issues bear it")
                }
                Some(look) => Found::Ours(look.id),
            }
        }
    })
}

/// A place as it was written down.
fn place_named(text: &str) -> Option<Place> {
    match text.split_once(' ')? {
        ("group", path) => Some(Place::Group(path.to_owned())),
        ("project", path) => Some(Place::Project(path.to_owned())),
        (_, _) => None,
    }
}

fn noun(kind: MadeKind) -> &'static str {
    match kind {
        MadeKind::Label => "label",
        MadeKind::Board => "board",
        MadeKind::Webhook => "webhook",
    }
}
