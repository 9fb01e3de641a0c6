//! The rule as data: sources, disambiguations, questions, bands and decisions.
//!
//! A [`Policy`] is only ever built by `config`, which has checked it: keys are unique, bands descend, at least one
//! question exists. Nothing here re-checks that.

use super::issue::WorkItemType;
use super::label::{Label, LabelPattern};

/// The whole rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What the comment and the ledger call this policy.
    pub version: String,
    /// Where Platform Escalations can come from (step 1).
    pub sources: Vec<Source>,
    /// What looks like one and is not (step 2).
    pub disambiguations: Vec<Disambiguation>,
    /// The calculator (step 3).
    pub questions: Vec<Question>,
    /// What a score means, highest first; the last one starts at 0 (step 4).
    pub bands: Vec<Band>,
    /// The TPM accepts with this label (step 5).
    pub accepted: Label,
    /// The TPM declines with this label (step 5).
    pub declined: Label,
}

/// One place that Platform Escalations come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Short and stable; used in the ledger and in metrics.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Labels that tell it.
    pub labels: Vec<LabelPattern>,
    /// Work item types that tell it.
    pub work_item_types: Vec<WorkItemType>,
}

/// One thing that looks like a Platform Escalation and has a process of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disambiguation {
    /// Short and stable.
    pub id: String,
    /// What it is.
    pub name: String,
    /// Labels that tell it.
    pub labels: Vec<LabelPattern>,
    /// Where it goes instead.
    pub destination: String,
    /// Where to read about that.
    pub link: Option<String>,
}

/// One question of the calculator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The scope of its labels: `<key>::yes`, `<key>::no`.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What is asked.
    pub text: String,
    /// What a yes adds to the score.
    pub points: u32,
}

impl Question {
    /// The label that answers yes.
    #[must_use]
    pub fn yes(&self) -> Label {
        Label::new(&format!("{}::yes", self.key))
    }

    /// The label that answers no.
    #[must_use]
    pub fn no(&self) -> Label {
        Label::new(&format!("{}::no", self.key))
    }
}

/// What a range of scores means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Short and stable.
    pub id: String,
    /// The lowest score of the band.
    pub from: u32,
    /// The label that Escalator keeps on issues of this band.
    pub label: Option<Label>,
    /// The verdict, as the comment's headline says it.
    pub verdict: String,
    /// What happens next.
    pub meaning: String,
}

impl Policy {
    /// The band of a score.
    #[must_use]
    pub fn band(&self, score: u32) -> &Band {
        self.bands.iter().find(|band| score >= band.from).unwrap_or(&self.bands[self.bands.len() - 1])
    }

    /// The labels that Escalator may set and remove, and no others.
    pub fn owned_labels(&self) -> impl Iterator<Item = &Label> {
        self.bands.iter().filter_map(|band| band.label.as_ref())
    }

    /// Whether one of these is a label that Escalator may set.
    #[must_use]
    pub fn owns_any(&self, labels: &[Label]) -> bool {
        self.owned_labels().any(|owned| labels.iter().any(|label| label.is(owned)))
    }

    /// Whether a label can change an assessment or is one that Escalator keeps: everything else is not our business.
    #[must_use]
    pub fn reads(&self, label: &Label) -> bool {
        let patterns = self
            .sources
            .iter()
            .flat_map(|source| &source.labels)
            .chain(self.disambiguations.iter().flat_map(|other| &other.labels));
        self.questions.iter().any(|question| label.value_in(&question.key).is_some())
            || patterns.into_iter().any(|pattern| pattern.matches(label))
            || self.owned_labels().any(|owned| owned.is(label))
            || self.accepted.is(label)
            || self.declined.is(label)
    }

    /// Whether an issue with this type and these labels comes from any source: the cheap question that a webhook asks.
    #[must_use]
    pub fn has_source(&self, work_item_type: WorkItemType, labels: &[Label]) -> bool {
        self.sources.iter().any(|source| source.holds(work_item_type, labels))
    }
}

impl Source {
    /// Whether an issue with this type and these labels comes from this source.
    #[must_use]
    pub fn holds(&self, work_item_type: WorkItemType, labels: &[Label]) -> bool {
        self.work_item_types.contains(&work_item_type) || bears_any(labels, &self.labels)
    }
}

impl Disambiguation {
    /// Whether an issue with these labels is this other thing.
    #[must_use]
    pub fn holds(&self, labels: &[Label]) -> bool {
        bears_any(labels, &self.labels)
    }
}

fn bears_any(labels: &[Label], patterns: &[LabelPattern]) -> bool {
    labels.iter().any(|label| patterns.iter().any(|pattern| pattern.matches(label)))
}
