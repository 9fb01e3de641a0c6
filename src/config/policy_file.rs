//! `[policy]` as people write it, and its way into a [`Policy`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::calculator::issue::WorkItemType;
use crate::calculator::label::{Label, LabelPattern};
use crate::calculator::policy::{Band, Disambiguation, Policy, Question, Source};

/// `[policy]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// What the comment and the ledger call this policy; change it whenever you change the policy.
    pub version: String,
    /// The label by which the TPM accepts.
    pub accepted_label: String,
    /// The label by which the TPM declines.
    pub declined_label: String,
    /// Where Platform Escalations come from.
    pub sources: Vec<SourceFile>,
    /// What looks like one and is not.
    pub disambiguations: Vec<DisambiguationFile>,
    /// The calculator.
    pub questions: Vec<QuestionFile>,
    /// What a score means.
    pub bands: Vec<BandFile>,
}

/// `[[policy.sources]]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Short and stable.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Labels that tell it; `key::*` matches every label of a scope.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Work item types that tell it.
    #[serde(default)]
    pub types: Vec<WorkItemTypeFile>,
}

/// A work item type that can tell a source.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkItemTypeFile {
    /// A plain issue.
    Issue,
    /// An incident.
    Incident,
}

/// `[[policy.disambiguations]]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisambiguationFile {
    /// Short and stable.
    pub id: String,
    /// What it is.
    pub name: String,
    /// Labels that tell it; `key::*` matches every label of a scope.
    pub labels: Vec<String>,
    /// Where it goes instead.
    pub destination: String,
    /// Where to read about that.
    pub link: Option<String>,
}

/// `[[policy.questions]]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionFile {
    /// The scope of its labels: `<key>::yes`, `<key>::no`.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What is asked.
    pub text: String,
    /// What a yes adds to the score.
    #[schemars(range(max = 1000))]
    pub points: u32,
}

/// `[[policy.bands]]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BandFile {
    /// Short and stable.
    pub id: String,
    /// The lowest score of the band.
    pub from: u32,
    /// The label that Escalator keeps on issues of this band.
    pub label: Option<String>,
    /// The verdict, as the comment's headline says it.
    pub verdict: String,
    /// What happens next.
    pub meaning: String,
}

impl PolicyFile {
    /// The checked policy, or everything that is wrong with it.
    ///
    /// # Errors
    /// One [`Problem`] for each thing that would make the policy contradict itself.
    pub fn into_policy(self) -> Result<Policy, Vec<Problem>> {
        let problems = self.contradictions();
        if problems.is_empty() { Ok(self.build()) } else { Err(problems) }
    }

    fn build(self) -> Policy {
        let patterns = |titles: Vec<String>| titles.iter().map(|title| LabelPattern::new(title)).collect();
        let mut bands: Vec<Band> = self.bands.into_iter().map(BandFile::build).collect();
        bands.sort_by_key(|band| std::cmp::Reverse(band.from));
        Policy {
            version: self.version,
            accepted: Label::meant_by(&self.accepted_label),
            declined: Label::meant_by(&self.declined_label),
            sources: self
                .sources
                .into_iter()
                .map(|source| Source {
                    id: source.id,
                    name: source.name,
                    labels: patterns(source.labels),
                    work_item_types: source.types.into_iter().map(WorkItemTypeFile::build).collect(),
                })
                .collect(),
            disambiguations: self
                .disambiguations
                .into_iter()
                .map(|other| Disambiguation {
                    id: other.id,
                    name: other.name,
                    labels: patterns(other.labels),
                    destination: other.destination,
                    link: other.link,
                })
                .collect(),
            questions: self
                .questions
                .into_iter()
                .map(|question| Question {
                    key: question.key,
                    name: question.name,
                    text: question.text,
                    points: question.points,
                })
                .collect(),
            bands,
        }
    }
}

impl BandFile {
    fn build(self) -> Band {
        Band {
            id: self.id,
            from: self.from,
            label: self.label.as_deref().map(Label::meant_by),
            verdict: self.verdict,
            meaning: self.meaning,
        }
    }
}

impl WorkItemTypeFile {
    fn build(self) -> WorkItemType {
        match self {
            Self::Issue => WorkItemType::Issue,
            Self::Incident => WorkItemType::Incident,
        }
    }
}
