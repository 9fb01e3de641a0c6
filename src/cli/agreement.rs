//! `escalator agreement`: how often people decided as the score says, and where they did not.
//!
//! Only reads, beside a running service, on the same store.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use super::parked::{Format, open_beside};
use super::{CommandError, output, runtime};
use crate::calculator::agreement::{Agreement, Comparison, Ruling, compare};
use crate::calculator::assess::Answer;
use crate::calculator::policy::Policy;
use crate::calculator::standing::Standing;
use crate::clock::Millis;
use crate::config::load;
use crate::config::sources::Sources;
use crate::store::DecidedIssue;

/// How many decisions, and how to print them.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Of so many decided issues, those that were decided last.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    last: u32,
    /// How to print it.
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let loaded = load(sources)?;
    let url = loaded.store()?;
    let decided = runtime()?.block_on(async {
        let decided = open_beside(&url).await?.decided(arguments.last).await;
        Ok::<_, CommandError>(decided.map_err(anyhow::Error::from)?)
    })?;
    let compared: Vec<_> = decided
        .iter()
        .map(|issue| (issue, compare(issue.decided.ruling, &issue.standing, &loaded.policy)))
        .collect();
    output::print(&match arguments.format {
        Format::Text => text(&compared, &loaded.policy),
        Format::Json => json(&compared)?,
    })?;
    Ok(())
}

/// A decided issue, and how the decision is to the score.
type Compared<'decided> = (&'decided DecidedIssue, Comparison);

fn agreement(compared: &[Compared<'_>]) -> Agreement {
    Agreement::of(compared.iter().map(|(_, comparison)| *comparison))
}

/// Of the issues that were decided in one way.
fn agreement_where(ruling: Ruling, compared: &[Compared<'_>]) -> Agreement {
    let of_ruling = compared.iter().filter(|(issue, _)| issue.decided.ruling == ruling);
    Agreement::of(of_ruling.map(|(_, comparison)| *comparison))
}

fn otherwise<'decided>(compared: &[Compared<'decided>]) -> Vec<&'decided DecidedIssue> {
    let otherwise = |(_, comparison): &&Compared<'_>| *comparison == Comparison::Otherwise;
    compared.iter().filter(otherwise).map(|(issue, _)| *issue).collect()
}

fn text(compared: &[Compared<'_>], policy: &Policy) -> String {
    if compared.is_empty() {
        return "Nothing is decided yet.\n".to_owned();
    }
    let all = agreement(compared);
    let by_ruling = Ruling::ALL.map(|ruling| (ruling.name(), agreement_where(ruling, compared)));
    let mut out = format!("{:<12}{:>8}{:>12}{:>8}\n", "people", "same", "otherwise", "open");
    // Writing into a String cannot fail.
    for (name, row) in by_ruling.into_iter().chain([("all", all)]) {
        let _ = writeln!(out, "{name:<12}{:>8}{:>12}{:>8}", row.same, row.otherwise, row.open);
    }
    let _ = match all.ratio() {
        Some(ratio) => {
            writeln!(out, "\nagreement {:.1} %, of {} decided issues", ratio * 100.0, compared.len())
        }
        None => writeln!(out, "\nno agreement to tell: the score left all of it to people"),
    };
    for (place, issue) in otherwise(compared).into_iter().enumerate() {
        let heading = if place == 0 { "\nDecided otherwise, the latest first:\n\n" } else { "" };
        let _ = writeln!(
            out,
            "{heading}{}  {} at {}, {}\n    {}",
            issue.issue,
            issue.decided.ruling.name(),
            Millis(issue.decided.at.0),
            stood(&issue.standing),
            answers(&issue.standing, policy)
        );
    }
    out
}

/// Where an issue stands, in a few words.
fn stood(standing: &Standing) -> String {
    let mut stood = format!("score {}, {}", standing.score, standing.band);
    if standing.sources.is_empty() {
        stood.push_str(", no source");
    }
    for other in &standing.disambiguations {
        let _ = write!(stood, ", {other}");
    }
    stood
}

/// The questions by their answers, in the policy's order. Of one that the policy no longer has, the key is known still.
fn answers(standing: &Standing, policy: &Policy) -> String {
    let place = |key: &str| policy.questions.iter().position(|question| question.key == key);
    let mut keys: Vec<&String> = standing.answers.keys().collect();
    keys.sort_by_key(|key| place(key).unwrap_or(usize::MAX));
    let given = |answer: Answer| {
        let keys: Vec<_> = keys
            .iter()
            .filter(|key| standing.answers.get(**key) == Some(&answer))
            .map(|key| key.as_str())
            .collect();
        (!keys.is_empty()).then(|| format!("{}: {}", answer.name(), keys.join(", ")))
    };
    let all = [Answer::Yes, Answer::No, Answer::Unanswered, Answer::Conflicting];
    all.into_iter().filter_map(given).collect::<Vec<_>>().join("; ")
}

/// The JSON form. Field names are a promise to scripts.
#[derive(Serialize)]
struct Report<'decided> {
    decided: usize,
    agreement: Option<f64>,
    same: u32,
    otherwise: u32,
    open: u32,
    by_decision: BTreeMap<&'static str, Row>,
    disagreements: Vec<Disagreement<'decided>>,
}

#[derive(Serialize)]
struct Row {
    same: u32,
    otherwise: u32,
    open: u32,
}

impl From<Agreement> for Row {
    fn from(Agreement { same, otherwise, open }: Agreement) -> Self {
        Self { same, otherwise, open }
    }
}

#[derive(Serialize)]
struct Disagreement<'decided> {
    project_id: u64,
    iid: u64,
    decision: &'static str,
    decided_at: String,
    score: u32,
    band: &'decided str,
    sources: &'decided [String],
    disambiguations: &'decided [String],
    answers: BTreeMap<&'decided str, &'static str>,
}

impl<'decided> From<&'decided DecidedIssue> for Disagreement<'decided> {
    fn from(decided: &'decided DecidedIssue) -> Self {
        let DecidedIssue { issue, decided, standing } = decided;
        Self {
            project_id: issue.project_id,
            iid: issue.iid,
            decision: decided.ruling.name(),
            decided_at: Millis(decided.at.0).to_string(),
            score: standing.score,
            band: &standing.band,
            sources: &standing.sources,
            disambiguations: &standing.disambiguations,
            answers: standing.answers.iter().map(|(key, answer)| (key.as_str(), answer.name())).collect(),
        }
    }
}

fn json(compared: &[Compared<'_>]) -> Result<String, CommandError> {
    let all = agreement(compared);
    let report = Report {
        decided: compared.len(),
        agreement: all.ratio(),
        same: all.same,
        otherwise: all.otherwise,
        open: all.open,
        by_decision: Ruling::ALL
            .map(|ruling| (ruling.name(), agreement_where(ruling, compared).into()))
            .into(),
        disagreements: otherwise(compared).into_iter().map(Disagreement::from).collect(),
    };
    let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
    Ok(format!("{text}\n"))
}
