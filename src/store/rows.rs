//! Between columns and nouns: ids, times, and the JSON texts of the store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::calculator::agreement::{Decided, Involvement, Ruling};
use crate::calculator::assess::{Answer, Decision};
use crate::calculator::issue::Moment;
use crate::calculator::label::Label;
use crate::calculator::plan::{Author, Gesture, Hand};
use crate::calculator::standing::Standing;
use crate::trace_parent::TraceParent;

/// A whole number of milliseconds; absurdly long durations end at the largest.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A trace that cannot be read is no reason not to do the work.
pub(super) fn trace(text: Option<String>) -> Option<TraceParent> {
    text?.parse().ok()
}

/// A standing as the ledger's JSON.
#[derive(Serialize, Deserialize)]
struct StandingJson {
    sources: Vec<String>,
    disambiguations: Vec<String>,
    answers: std::collections::BTreeMap<String, String>,
    score: u32,
    band: String,
    decision: String,
}

pub(super) fn standing_to_json(standing: &Standing) -> Result<String, Error> {
    write(&StandingJson {
        sources: standing.sources.clone(),
        disambiguations: standing.disambiguations.clone(),
        answers: standing
            .answers
            .iter()
            .map(|(key, answer)| (key.clone(), answer.name().to_owned()))
            .collect(),
        score: standing.score,
        band: standing.band.clone(),
        decision: standing.decision.name().to_owned(),
    })
}

pub(super) fn standing_from_json(text: &str) -> Result<Standing, Error> {
    let json: StandingJson = read(text)?;
    let answers = json
        .answers
        .into_iter()
        .map(|(key, name)| Ok((key, named(&name, &ANSWERS, Answer::name)?)))
        .collect::<Result<_, Error>>()?;
    Ok(Standing {
        sources: json.sources,
        disambiguations: json.disambiguations,
        answers,
        score: json.score,
        band: json.band,
        decision: named(&json.decision, &DECISIONS, Decision::name)?,
    })
}

const ANSWERS: [Answer; 4] = [Answer::Yes, Answer::No, Answer::Unanswered, Answer::Conflicting];
const DECISIONS: [Decision; 4] =
    [Decision::Undecided, Decision::Accepted, Decision::Declined, Decision::Conflicting];
const AUTHORS: [Author; 2] = [Author::Person, Author::Bot];
const GESTURES: [Gesture; 2] = [Gesture::Removed, Gesture::Added];
const INVOLVEMENTS: [Involvement; 2] = [Involvement::Watched, Involvement::Written];

pub(super) fn involvement(name: &str) -> Result<Involvement, Error> {
    named(name, &INVOLVEMENTS, Involvement::name)
}

pub(super) fn decided(name: &str, at: i64) -> Result<Decided, Error> {
    Ok(Decided { ruling: named(name, &Ruling::ALL, Ruling::name)?, at: Moment(at) })
}

fn named<T: Copy>(name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Result<T, Error> {
    all.iter()
        .copied()
        .find(|value| name_of(*value) == name)
        .ok_or_else(|| Error::Corrupt(format!("an unknown word, {name:?}")))
}

/// A hand as the JSON of a followed issue.
#[derive(Serialize, Deserialize)]
struct HandJson {
    label: String,
    gesture: String,
    author: String,
    user_id: Option<u64>,
    at: Option<i64>,
    band: String,
}

pub(super) fn hands_to_json(hands: &[Hand]) -> Result<String, Error> {
    let json: Vec<_> = hands
        .iter()
        .map(|hand| HandJson {
            label: hand.label.title().to_owned(),
            gesture: hand.gesture.name().to_owned(),
            author: hand.author.name().to_owned(),
            user_id: hand.user_id,
            at: hand.at.map(|at| at.0),
            band: hand.band.clone(),
        })
        .collect();
    write(&json)
}

pub(super) fn hands_from_json(text: &str) -> Result<Vec<Hand>, Error> {
    let json: Vec<HandJson> = read(text)?;
    json.into_iter()
        .map(|hand| {
            Ok(Hand {
                label: Label::new(&hand.label),
                gesture: named(&hand.gesture, &GESTURES, Gesture::name)?,
                author: named(&hand.author, &AUTHORS, Author::name)?,
                user_id: hand.user_id,
                at: hand.at.map(Moment),
                band: hand.band,
            })
        })
        .collect()
}

/// Labels as a sorted JSON list, so that equal sets are equal texts.
pub(super) fn labels_to_json(labels: &[Label]) -> Result<String, Error> {
    let mut titles: Vec<&str> = labels.iter().map(Label::title).collect();
    titles.sort_unstable();
    titles.dedup();
    write(&titles)
}

pub(super) fn labels_from_json(text: &str) -> Result<Vec<Label>, Error> {
    let titles: Vec<String> = read(text)?;
    Ok(titles.iter().map(|title| Label::new(title)).collect())
}

fn write(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Corrupt(error.to_string()))
}

fn read<'text, T: Deserialize<'text>>(text: &'text str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(error.to_string()))
}
