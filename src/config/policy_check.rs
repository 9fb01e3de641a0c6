//! What a policy must not be: everything by which `[policy]` could contradict itself or GitLab.

use std::collections::BTreeSet;

use super::policy_file::PolicyFile;
use super::problem::Problem;
use crate::calculator::label::{Label, LabelPattern};

/// The most points one question may have, so that no sum overflows.
const MAX_POINTS: u32 = 1000;

impl PolicyFile {
    /// Everything that is wrong with it.
    pub(super) fn contradictions(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_texts(&mut problems);
        self.check_uniqueness(&mut problems);
        self.check_completeness(&mut problems);
        self.check_decisions(&mut problems);
        self.check_owned_labels(&mut problems);
        problems
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

    /// Ids, keys, scores and labels that tell things apart must do so. Labels have no case.
    fn check_uniqueness(&self, problems: &mut Vec<Problem>) {
        let mut check = |list: &str, field: &str, values: Vec<Option<String>>| {
            let mut seen = BTreeSet::new();
            for (index, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                if !seen.insert(value.trim().to_lowercase()) {
                    let key = format!("policy.{list}[{index}].{field}");
                    problems.push(Problem::new(key, "is used twice; each must be its own"));
                }
            }
        };
        check("sources", "id", self.sources.iter().map(|it| Some(it.id.clone())).collect());
        check("disambiguations", "id", self.disambiguations.iter().map(|it| Some(it.id.clone())).collect());
        check("questions", "key", self.questions.iter().map(|it| Some(it.key.clone())).collect());
        check("bands", "id", self.bands.iter().map(|it| Some(it.id.clone())).collect());
        check("bands", "from", self.bands.iter().map(|it| Some(it.from.to_string())).collect());
        check("bands", "label", self.bands.iter().map(|it| it.label.clone()).collect());
    }

    /// A policy needs something to look at, something to ask, and a band for every score.
    fn check_completeness(&self, problems: &mut Vec<Problem>) {
        if self.sources.is_empty() {
            problems.push(Problem::new("policy.sources", "needs at least one source"));
        }
        if self.questions.is_empty() {
            problems.push(Problem::new("policy.questions", "needs at least one question"));
        }
        for (index, source) in self.sources.iter().enumerate() {
            if source.labels.is_empty() && source.types.is_empty() {
                let key = format!("policy.sources[{index}]");
                problems.push(Problem::new(key, "has neither labels nor types, so no issue comes from it"));
            }
        }
        for (index, other) in self.disambiguations.iter().enumerate() {
            if other.labels.is_empty() {
                let key = format!("policy.disambiguations[{index}].labels");
                problems.push(Problem::new(key, "needs at least one label, or nothing is told apart by it"));
            }
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

    /// One label cannot mean yes and no.
    fn check_decisions(&self, problems: &mut Vec<Problem>) {
        if Label::meant_by(&self.accepted_label).is(&Label::meant_by(&self.declined_label)) {
            problems.push(Problem::new("policy.declined_label", "must not be policy.accepted_label"));
        }
    }

    /// A label that Escalator sets must not be one that it reads, or its own writing would change its own assessment.
    fn check_owned_labels(&self, problems: &mut Vec<Problem>) {
        for (index, band) in self.bands.iter().enumerate() {
            let Some(label) = band.label.as_deref().map(Label::meant_by) else { continue };
            let of_sources = self.sources.iter().flat_map(|source| &source.labels);
            let of_others = self.disambiguations.iter().flat_map(|other| &other.labels);
            let is_read = of_sources.chain(of_others).any(|title| LabelPattern::new(title).matches(&label))
                || self.questions.iter().any(|question| label.value_in(&question.key).is_some())
                || Label::meant_by(&self.accepted_label).is(&label)
                || Label::meant_by(&self.declined_label).is(&label);
            if is_read {
                problems.push(Problem::new(
                    format!("policy.bands[{index}].label"),
                    &format!("\"{label}\" is kept by Escalator and also read by the policy; use two labels"),
                ));
            }
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
