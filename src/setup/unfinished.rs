//! What a run made that was stopped before it could write down the id. Pure.

use super::plan::{Act, Step};
use super::there::There;
use super::wanted::BOARD;
use crate::gitlab::Place;
use crate::store::{Made, MadeKind};

/// The steps that fill in the ids, so that a thing stays ours when it is renamed.
pub(super) fn plan_unfinished(there: &There, made: &[Made]) -> Vec<Step> {
    let unfinished = made.iter().filter(|made| made.id.is_none());
    unfinished
        .filter_map(|made| {
            let (place, id) = find(there, made)?;
            let what = format!("\"{}\", which a run made that broke off: its id", made.name);
            Some(Step { place, what, act: Act::Remember(Made { id: Some(id), ..made.clone() }) })
        })
        .collect()
}

fn find(there: &There, made: &Made) -> Option<(Place, u64)> {
    let here = |id: u64| (there.place.clone(), id);
    let is_here = made.place == there.place.to_string();
    match made.kind {
        MadeKind::Label if is_here => {
            there.labels.iter().find(|look| look.label.title() == made.name).map(|look| here(look.id))
        }
        MadeKind::Board if is_here && made.name == BOARD => {
            there.boards.iter().find(|board| board.name == BOARD).map(|board| here(board.id))
        }
        MadeKind::Label | MadeKind::Board => None,
        MadeKind::Webhook => {
            let (place, hooks) = there.hooks.iter().find(|(place, _)| made.place == place.to_string())?;
            hooks.iter().find(|hook| hook.url == made.name).map(|hook| (place.clone(), hook.id))
        }
    }
}
