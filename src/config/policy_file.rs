//! `[policy]` as people write it, and its way into a checked [`Policy`].

use std::collections::BTreeSet;

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

/// The most points one question may have, so that no sum overflows.
const MAX_POINTS: u32 = 1000;

impl PolicyFile {
    /// The checked policy, or everything that is wrong with it.
    ///
    /// # Errors
    /// One [`Problem`] for each thing that would make the policy contradict itself.
    pub fn into_policy(self) -> Result<Policy, Vec<Problem>> {
        let mut problems = Vec::new();
        self.check_texts(&mut problems);
        self.check_uniqueness(&mut problems);
        self.check_bands(&mut problems);
        let policy = self.build();
        check_owned_labels(&policy, &mut problems);
        if problems.is_empty() { Ok(policy) } else { Err(problems) }
    }

    /// Texts of the policy become lines of a comment, where a line that starts with `/` would be a quick action.
    fn check_texts(&self, problems: &mut Vec<Problem>) {
        problems.extend(self.texts().into_iter().filter_map(|(key, text)| check_text(key, text)));
        for (key, title) in self.titles() {
            if title.contains([',', '"', '~', '`']) {
                problems.push(Problem::new(
                    key,
                    "is a label with a comma, a quote, a tilde or a backtick, which the comment cannot show; rename it",
                ));
            } else {
                problems.extend(check_text(key, title));
            }
        }
    }

    /// Every text that people read, with its key.
    fn texts(&self) -> Vec<(String, &str)> {
        let mut texts = vec![("policy.version".to_owned(), self.version.as_str())];
        for (index, source) in self.sources.iter().enumerate() {
            let at = |field| format!("policy.sources[{index}].{field}");
            texts.extend([(at("id"), source.id.as_str()), (at("name"), &source.name)]);
        }
        for (index, other) in self.disambiguations.iter().enumerate() {
            let at = |field| format!("policy.disambiguations[{index}].{field}");
            texts.extend([(at("id"), other.id.as_str()), (at("name"), &other.name)]);
            texts.push((at("destination"), &other.destination));
            texts.extend(other.link.as_deref().map(|link| (at("link"), link)));
        }
        for (index, question) in self.questions.iter().enumerate() {
            let at = |field| format!("policy.questions[{index}].{field}");
            texts.extend([(at("name"), question.name.as_str()), (at("text"), &question.text)]);
        }
        for (index, band) in self.bands.iter().enumerate() {
            let at = |field| format!("policy.bands[{index}].{field}");
            texts.extend([(at("id"), band.id.as_str()), (at("verdict"), &band.verdict)]);
            texts.push((at("meaning"), &band.meaning));
        }
        texts
    }

    /// Every label title of the policy, with its key.
    fn titles(&self) -> Vec<(String, &str)> {
        let mut titles = vec![
            ("policy.accepted_label".to_owned(), self.accepted_label.as_str()),
            ("policy.declined_label".to_owned(), self.declined_label.as_str()),
        ];
        let of_sources = self.sources.iter().map(|source| &source.labels).enumerate();
        for (index, labels) in of_sources {
            let key = format!("policy.sources[{index}].labels");
            titles.extend(labels.iter().map(|title| (key.clone(), title.as_str())));
        }
        let of_others = self.disambiguations.iter().map(|other| &other.labels).enumerate();
        for (index, labels) in of_others {
            let key = format!("policy.disambiguations[{index}].labels");
            titles.extend(labels.iter().map(|title| (key.clone(), title.as_str())));
        }
        for (index, question) in self.questions.iter().enumerate() {
            titles.push((format!("policy.questions[{index}].key"), &question.key));
        }
        for (index, band) in self.bands.iter().enumerate() {
            let key = format!("policy.bands[{index}].label");
            titles.extend(band.label.iter().map(|title| (key.clone(), title.as_str())));
        }
        titles
    }

    fn check_uniqueness(&self, problems: &mut Vec<Problem>) {
        let mut check = |list: &str, field: &str, values: Vec<String>| {
            let mut seen = BTreeSet::new();
            for (index, value) in values.iter().enumerate() {
                if !seen.insert(value.to_lowercase()) {
                    let key = format!("policy.{list}[{index}].{field}");
                    problems.push(Problem::new(key, "is used twice; each must be its own"));
                }
            }
        };
        check("sources", "id", self.sources.iter().map(|it| it.id.clone()).collect());
        check("disambiguations", "id", self.disambiguations.iter().map(|it| it.id.clone()).collect());
        check("questions", "key", self.questions.iter().map(|it| it.key.clone()).collect());
        check("bands", "id", self.bands.iter().map(|it| it.id.clone()).collect());
        check("bands", "from", self.bands.iter().map(|it| it.from.to_string()).collect());
        check("bands", "label", self.bands.iter().filter_map(|it| it.label.clone()).collect());
    }

    fn check_bands(&self, problems: &mut Vec<Problem>) {
        if self.sources.is_empty() {
            problems.push(Problem::new("policy.sources", "needs at least one source"));
        }
        if self.questions.is_empty() {
            problems.push(Problem::new("policy.questions", "needs at least one question"));
        }
        for (index, question) in self.questions.iter().enumerate() {
            if question.points > MAX_POINTS {
                let key = format!("policy.questions[{index}].points");
                problems.push(Problem::new(key, "must be at most 1000"));
            }
        }
        if !self.bands.iter().any(|band| band.from == 0) {
            problems.push(Problem::new(
                "policy.bands",
                "needs one band with from = 0, so that every score has a band",
            ));
        }
    }

    fn build(self) -> Policy {
        let patterns = |titles: Vec<String>| titles.iter().map(|title| LabelPattern::new(title)).collect();
        let mut bands: Vec<Band> = self.bands.into_iter().map(BandFile::build).collect();
        bands.sort_by_key(|band| std::cmp::Reverse(band.from));
        Policy {
            version: self.version,
            accepted: Label::new(&self.accepted_label),
            declined: Label::new(&self.declined_label),
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
            label: self.label.as_deref().map(Label::new),
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

fn check_text(key: String, text: &str) -> Option<Problem> {
    if text.trim().is_empty() {
        Some(Problem::new(key, "must not be empty"))
    } else if text.chars().any(char::is_control) {
        Some(Problem::new(key, "must be one line without control characters"))
    } else if text.trim_start().starts_with('/') {
        Some(Problem::new(key, "must not start with \"/\": GitLab would run it as a quick action"))
    } else {
        None
    }
}

/// A label that Escalator sets must not be one that it reads, or its own writing would change its own assessment.
fn check_owned_labels(policy: &Policy, problems: &mut Vec<Problem>) {
    for label in policy.owned_labels() {
        let labels = [label.clone()];
        let is_read = policy.sources.iter().any(|source| source.holds(WorkItemType::Other, &labels))
            || policy.disambiguations.iter().any(|other| other.holds(&labels))
            || policy.questions.iter().any(|question| label.value_in(&question.key).is_some())
            || policy.accepted.is(label)
            || policy.declined.is(label);
        if is_read {
            problems.push(Problem::new(
                "policy.bands",
                &format!(
                    "the label \"{label}\" is kept by Escalator and also read by the policy; use two labels"
                ),
            ));
        }
    }
}
