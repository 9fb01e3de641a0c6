//! What the template sees: plain values, already made harmless.

use jiff::Timestamp;
use serde::Serialize;

use super::markdown::inline_code;
use crate::calculator::assess::{Answered, Assessment, Verdict};
use crate::calculator::issue::Moment;
use crate::calculator::label::{Label, LabelPattern};
use crate::calculator::plan::Hand;
use crate::calculator::policy::{Band, Disambiguation, Policy, Source};
use crate::calculator::standing::{LabelDifference, Standing};

/// Everything the template can name.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    verdict: &'static str,
    score: u32,
    reachable: u32,
    highest: u32,
    band: BandView,
    decision: &'static str,
    accepted_label: String,
    declined_label: String,
    held_label: Option<String>,
    sources: Vec<String>,
    all_sources: Vec<String>,
    disambiguations: Vec<DisambiguationView>,
    questions: Vec<QuestionView>,
    movers: Vec<MoverView>,
    open_labels: Vec<String>,
    hands: Vec<HandView>,
    history: Vec<HistoryView>,
    earlier: bool,
    policy_version: String,
}

#[derive(Debug, Clone, Serialize)]
struct BandView {
    id: String,
    verdict: String,
    meaning: String,
}

#[derive(Debug, Clone, Serialize)]
struct DisambiguationView {
    name: String,
    labels: Vec<String>,
    destination: String,
    link: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct QuestionView {
    key: String,
    name: String,
    text: String,
    answer: &'static str,
    earned: u32,
    points: u32,
    not_understood: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct MoverView {
    name: String,
    score: u32,
    band: BandView,
}

#[derive(Debug, Clone, Serialize)]
struct HandView {
    label: String,
    gesture: &'static str,
    author: &'static str,
    at: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct HistoryView {
    at: String,
    what: String,
    labels: Vec<String>,
}

/// One change as the history tells it.
#[derive(Debug, Clone, Copy)]
pub struct HistoryEntry<'entry> {
    /// When, by GitLab's clock.
    pub at: Moment,
    /// Where the issue stood; `None` for its first assessment.
    pub before: Option<&'entry Standing>,
    /// Where it stood then.
    pub after: &'entry Standing,
    /// Which labels did it.
    pub labels: &'entry LabelDifference,
}

/// More entries than this are not shown.
const LONGEST_HISTORY: usize = 10;
/// More labels than this are only counted: thousands of them would make a comment that GitLab refuses.
const MOST_LABELS_NAMED: usize = 20;

impl View {
    /// What the comment says about an assessment, the hands on it, and how it came about (oldest entry first).
    #[must_use]
    pub fn new(
        assessment: &Assessment<'_>,
        policy: &Policy,
        hands: &[Hand],
        history: &[HistoryEntry<'_>],
    ) -> Self {
        let told: Vec<_> = history.iter().filter_map(|entry| told(entry, policy)).collect();
        let in_force = assessment.verdict == Verdict::InForce;
        let held =
            assessment.wanted.filter(|label| in_force && Some(*label) != assessment.band.label.as_ref());
        Self {
            verdict: verdict(assessment.verdict),
            score: assessment.score,
            reachable: assessment.reachable,
            highest: policy.questions.iter().map(|question| question.points).sum(),
            band: band(assessment.band),
            decision: assessment.decision.name(),
            accepted_label: inline_code(policy.accepted.title()),
            declined_label: inline_code(policy.declined.title()),
            held_label: held.map(|label| inline_code(label.title())),
            sources: assessment.sources.iter().map(|source| source.name.clone()).collect(),
            all_sources: policy.sources.iter().map(all_of_source).collect(),
            disambiguations: assessment.disambiguations.iter().map(|other| disambiguation(other)).collect(),
            questions: assessment.answers.iter().map(question).collect(),
            movers: assessment
                .movers
                .iter()
                .map(|mover| MoverView {
                    name: mover.question.name.clone(),
                    score: mover.score,
                    band: band(mover.band),
                })
                .collect(),
            open_labels: open_labels(assessment),
            hands: hands.iter().filter(|hand| hand.counts_under(assessment.verdict)).map(hand).collect(),
            earlier: told.len() > LONGEST_HISTORY,
            history: told.into_iter().rev().take(LONGEST_HISTORY).collect(),
            policy_version: policy.version.clone(),
        }
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoSource => "no-source",
        Verdict::Disambiguated => "disambiguated",
        Verdict::Declined => "declined",
        Verdict::InForce => "in-force",
    }
}

fn band(band: &Band) -> BandView {
    BandView { id: band.id.clone(), verdict: band.verdict.clone(), meaning: band.meaning.clone() }
}

fn all_of_source(source: &Source) -> String {
    let types = source.work_item_types.iter().map(|kind| format!("work item type {}", kind.name()));
    let telling: Vec<_> = types.chain(patterns(&source.labels)).collect();
    format!("{}: {}", source.name, telling.join(", "))
}

fn patterns(patterns: &[LabelPattern]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| match pattern {
            LabelPattern::Title(title) => inline_code(title.title()),
            LabelPattern::Scope(scope) => inline_code(&format!("{scope}::*")),
        })
        .collect()
}

fn disambiguation(other: &Disambiguation) -> DisambiguationView {
    DisambiguationView {
        name: other.name.clone(),
        labels: patterns(&other.labels),
        destination: other.destination.clone(),
        link: other.link.clone(),
    }
}

fn question(answered: &Answered<'_>) -> QuestionView {
    QuestionView {
        key: answered.question.key.clone(),
        name: answered.question.name.clone(),
        text: answered.question.text.clone(),
        answer: answered.answer.name(),
        earned: answered.points(),
        points: answered.question.points,
        not_understood: named(answered.not_understood.iter().map(|label| inline_code(label.title()))),
    }
}

fn named(labels: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = labels.collect();
    let more = names.len().saturating_sub(MOST_LABELS_NAMED);
    names.truncate(MOST_LABELS_NAMED);
    names.extend((more > 0).then(|| format!("and {more} more")));
    names
}

/// The policy forbids characters in keys that could end the quotes or the code block.
fn open_labels(assessment: &Assessment<'_>) -> Vec<String> {
    assessment
        .answers
        .iter()
        .filter(|answered| answered.answer.is_open())
        .map(|answered| answered.question.yes().title().to_owned())
        .collect()
}

fn hand(hand: &Hand) -> HandView {
    HandView {
        label: inline_code(hand.label.title()),
        gesture: hand.gesture.name(),
        author: hand.author.name(),
        at: hand.at.map(minute),
    }
}

/// A line of the history; `None` where nothing changed that a reader would look for.
fn told(entry: &HistoryEntry<'_>, policy: &Policy) -> Option<HistoryView> {
    let after = entry.after;
    let what = match entry.before {
        None => format!("first assessed, score {}, {}", after.score, band_name(&after.band, policy)),
        Some(before) => {
            let mut changes = Vec::new();
            if before.score != after.score {
                changes.push(format!("score {} to {}", before.score, after.score));
            }
            if before.band != after.band {
                let (from, to) = (band_name(&before.band, policy), band_name(&after.band, policy));
                changes.push(format!("{from} to {to}"));
            }
            if before.decision != after.decision {
                changes.push(format!("decision {} to {}", before.decision.name(), after.decision.name()));
            }
            if before.sources.is_empty() != after.sources.is_empty() {
                changes.push(
                    if after.sources.is_empty() { "lost its source" } else { "has a source again" }
                        .to_owned(),
                );
            }
            if before.disambiguations != after.disambiguations {
                changes.push(
                    if after.disambiguations.is_empty() {
                        "no longer has a process of its own"
                    } else {
                        "has a process of its own"
                    }
                    .to_owned(),
                );
            }
            changes.join(", ")
        }
    };
    let signed = |sign: &'static str| move |label: &Label| format!("{sign}{}", inline_code(label.title()));
    let labels = entry.labels.added.iter().map(signed("+"));
    (!what.is_empty()).then(|| HistoryView {
        at: minute(entry.at),
        what,
        labels: named(labels.chain(entry.labels.removed.iter().map(signed("−")))),
    })
}

fn band_name(id: &str, policy: &Policy) -> String {
    let known = policy.bands.iter().find(|band| band.id == id);
    known.map_or_else(|| inline_code(id), |band| format!("\"{}\"", band.verdict))
}

/// To the minute, in UTC: readers are in every time zone.
fn minute(moment: Moment) -> String {
    Timestamp::from_millisecond(moment.0).map_or_else(
        |_| "an unknown time".to_owned(),
        |timestamp| timestamp.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
