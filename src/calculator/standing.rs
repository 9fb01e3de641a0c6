//! Where an issue stands: an assessment reduced to what is worth remembering, and what changed between two.

use std::collections::BTreeMap;

use super::assess::{Answer, Assessment, Decision};
use super::label::Label;

/// An assessment as the ledger keeps it: ids and figures, never a text a person typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Ids of the sources that hold.
    pub sources: Vec<String>,
    /// Ids of the disambiguations that hold.
    pub disambiguations: Vec<String>,
    /// Every question's key with its answer.
    pub answers: BTreeMap<String, Answer>,
    /// The score.
    pub score: u32,
    /// The id of the band.
    pub band: String,
    /// What the TPM decided.
    pub decision: Decision,
}

impl Standing {
    /// What is worth remembering of an assessment.
    #[must_use]
    pub fn of(assessment: &Assessment<'_>) -> Self {
        Self {
            sources: assessment.sources.iter().map(|source| source.id.clone()).collect(),
            disambiguations: assessment.disambiguations.iter().map(|other| other.id.clone()).collect(),
            answers: assessment
                .answers
                .iter()
                .map(|answered| (answered.question.key.clone(), answered.answer))
                .collect(),
            score: assessment.score,
            band: assessment.band.id.clone(),
            decision: assessment.decision,
        }
    }
}

/// Which labels came and which went between two looks at an issue, spelled as GitLab spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelDifference {
    /// On it now and not before.
    pub added: Vec<Label>,
    /// On it before and not now.
    pub removed: Vec<Label>,
}

impl LabelDifference {
    /// Compares two sets of labels.
    #[must_use]
    pub fn between(before: &[Label], now: &[Label]) -> Self {
        let missing_in = |other: &[Label], label: &&Label| !other.contains(label);
        Self {
            added: now.iter().filter(|label| missing_in(before, label)).cloned().collect(),
            removed: before.iter().filter(|label| missing_in(now, label)).cloned().collect(),
        }
    }
}
