//! What a policy needs in GitLab. Pure.

use crate::calculator::label::{Label, LabelPattern};
use crate::calculator::policy::Policy;

/// What people call the board.
pub const BOARD: &str = "Platform Escalations";
/// What the webhook is for, and no other events.
pub const EVENTS: [&str; 4] =
    ["issues_events", "confidential_issues_events", "note_events", "confidential_note_events"];

/// A label as it should look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLabel {
    /// Its title.
    pub label: Label,
    /// `#rrggbb`.
    pub color: &'static str,
    /// What it means.
    pub description: String,
}

/// Every label that the policy names by its whole title, each once whatever its case.
#[must_use]
pub fn labels(policy: &Policy) -> Vec<WantedLabel> {
    let mut wanted: Vec<WantedLabel> = Vec::new();
    let mut want = |label: &Label, color, description: String| {
        if !wanted.iter().any(|known| known.label.is(label)) {
            wanted.push(WantedLabel { label: label.clone(), color, description });
        }
    };
    let highest = policy.bands.first().map(|band| &band.id);
    for band in &policy.bands {
        let color = if highest == Some(&band.id) { "#dc143c" } else { "#ed9121" };
        if let Some(label) = &band.label {
            want(label, color, format!("{} (kept by Escalator)", band.verdict));
        }
    }
    want(&policy.accepted, "#009966", "The TPM accepts this Platform Escalation".to_owned());
    want(&policy.declined, "#808080", "The TPM declines this Platform Escalation".to_owned());
    for question in &policy.questions {
        want(&question.yes(), "#1f75cb", format!("{}: yes", question.name));
        want(&question.no(), "#8fbc8f", format!("{}: no", question.name));
    }
    for source in &policy.sources {
        for label in titles(&source.labels) {
            want(label, "#36454f", source.name.clone());
        }
    }
    for other in &policy.disambiguations {
        for label in titles(&other.labels) {
            want(label, "#9400d3", other.name.clone());
        }
    }
    wanted
}

/// The board's lists from left to right, as an issue may go.
#[must_use]
pub fn board_lists(policy: &Policy) -> Vec<Label> {
    let bands = policy.bands.iter().rev().filter_map(|band| band.label.clone());
    bands.chain([policy.accepted.clone(), policy.declined.clone()]).collect()
}

fn titles(patterns: &[LabelPattern]) -> impl Iterator<Item = &Label> {
    patterns.iter().filter_map(|pattern| match pattern {
        LabelPattern::Title(label) => Some(label),
        LabelPattern::Scope(_) => None,
    })
}
