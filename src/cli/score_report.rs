//! An assessment for `escalator score`: as JSON with stable names, and as text.

use std::fmt::Write;

use serde::Serialize;

use crate::calculator::assess::{Assessment, Verdict};
use crate::calculator::policy::Policy;

/// The JSON form. Field names are a promise to scripts.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `in-force`, `no-source`, `disambiguated` or `declined`.
    verdict: &'static str,
    score: u32,
    reachable: u32,
    highest: u32,
    band: String,
    /// The label that Escalator would keep on the issue.
    label: Option<String>,
    decision: &'static str,
    sources: Vec<String>,
    disambiguations: Vec<String>,
    questions: Vec<QuestionReport>,
    movers: Vec<MoverReport>,
    policy: String,
}

#[derive(Debug, Serialize)]
struct QuestionReport {
    key: String,
    answer: &'static str,
    earned: u32,
    points: u32,
    not_understood: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MoverReport {
    key: String,
    score: u32,
    band: String,
}

impl Report {
    pub fn new(assessment: &Assessment<'_>, policy: &Policy) -> Self {
        Self {
            verdict: match assessment.verdict {
                Verdict::NoSource => "no-source",
                Verdict::Disambiguated => "disambiguated",
                Verdict::Declined => "declined",
                Verdict::InForce => "in-force",
            },
            score: assessment.score,
            reachable: assessment.reachable,
            highest: policy.questions.iter().map(|question| question.points).sum(),
            band: assessment.band.id.clone(),
            label: assessment.wanted.map(ToString::to_string),
            decision: assessment.decision.name(),
            sources: assessment.sources.iter().map(|source| source.id.clone()).collect(),
            disambiguations: assessment.disambiguations.iter().map(|other| other.id.clone()).collect(),
            questions: assessment
                .answers
                .iter()
                .map(|answered| QuestionReport {
                    key: answered.question.key.clone(),
                    answer: answered.answer.name(),
                    earned: answered.points(),
                    points: answered.question.points,
                    not_understood: answered.not_understood.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            movers: assessment
                .movers
                .iter()
                .map(|mover| MoverReport {
                    key: mover.question.key.clone(),
                    score: mover.score,
                    band: mover.band.id.clone(),
                })
                .collect(),
            policy: policy.version.clone(),
        }
    }
}

/// The same for people.
pub(super) fn text(assessment: &Assessment<'_>, report: &Report) -> String {
    let mut out = String::new();
    let headline = match assessment.verdict {
        Verdict::InForce => assessment.band.verdict.clone(),
        Verdict::NoSource => "Not looked at: it comes from no source".to_owned(),
        Verdict::Disambiguated => "Not a Platform Escalation: it has a process of its own".to_owned(),
        Verdict::Declined => "Declined".to_owned(),
    };
    let label = report.label.as_deref().unwrap_or("none");
    // Writing into a String cannot fail.
    let _ = writeln!(out, "{headline}");
    let _ = writeln!(
        out,
        "score {} of {}, still reachable {}; label: {label}",
        report.score, report.highest, report.reachable
    );
    for source in &assessment.sources {
        let _ = writeln!(out, "source: {}", source.name);
    }
    for other in &assessment.disambiguations {
        let _ = writeln!(out, "goes to {}: {}", other.destination, other.name);
    }
    let _ = writeln!(out);
    let width = report.questions.iter().map(|question| question.key.chars().count()).max().unwrap_or(0);
    for question in &report.questions {
        let _ = writeln!(
            out,
            "  {:width$}  {:11}  {} of {}",
            question.key, question.answer, question.earned, question.points
        );
        for label in &question.not_understood {
            let _ = writeln!(out, "  {:width$}  not understood: {label:?}", "");
        }
    }
    if !assessment.movers.is_empty() {
        let _ = writeln!(out);
    }
    for mover in &assessment.movers {
        let _ = writeln!(
            out,
            "{} = yes would move this from {} to {}: {}",
            mover.question.name, assessment.score, mover.score, mover.band.verdict
        );
    }
    out
}
