//! Whether the labels of the policy exist, each once, and whether GitLab keeps one of each scope.
//!
//! Names only titles of the policy and what differs from them in case: titles are other people's text.

use super::finding::{Check, Finding};
use crate::calculator::label::Label;
use crate::calculator::policy::Policy;
use crate::gitlab::{Instance, ListedLabel, Place, Project};

const WHERE: &str = "Manage > Labels";

/// What people need to answer and to decide, and what Escalator sets.
fn wanted(policy: &Policy) -> Vec<Label> {
    let answers = policy.questions.iter().flat_map(|question| [question.yes(), question.no()]);
    let decisions = [policy.accepted.clone(), policy.declined.clone()];
    policy.owned_labels().cloned().chain(answers).chain(decisions).collect()
}

/// As few texts as find every wanted label, in whatever case: scopes instead of their values, and none that holds another.
pub(super) fn searches(policy: &Policy) -> Vec<String> {
    let mut texts: Vec<String> = wanted(policy)
        .iter()
        .map(|label| label.scope_and_value().map_or(label.title(), |(scope, _)| scope).to_lowercase())
        .collect();
    texts.sort_by_key(String::len);
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !kept.iter().any(|shorter| text.contains(shorter.as_str())) {
            kept.push(text);
        }
    }
    kept
}

/// A place's labels, and those further down in it.
pub(super) fn findings(
    place: &Place,
    policy: &Policy,
    present: &[ListedLabel],
    below: &[ListedLabel],
) -> Vec<Finding> {
    let wanted = wanted(policy);
    vec![there(place, &wanted, present), twins(place, &wanted, present, below)]
}

fn there(place: &Place, wanted: &[Label], present: &[ListedLabel]) -> Finding {
    let alike = |label: &Label| -> Vec<&ListedLabel> {
        present.iter().filter(|other| other.label.is(label)).collect()
    };
    let archived = wanted.iter().filter(|label| {
        let alike = alike(label);
        !alike.is_empty() && alike.iter().all(|other| other.archived)
    });
    let archived = titles(archived);
    if !archived.is_empty() {
        return Finding::fail(
            Check::Labels,
            place.to_string(),
            format!("archived, so that GitLab puts them on nothing: {archived}"),
            format!("unarchive them in {WHERE}"),
        );
    }
    let missing = titles(wanted.iter().filter(|label| alike(label).is_empty()));
    if missing.is_empty() {
        let found = format!("all {} labels of answers, decisions and bands are there", wanted.len());
        return Finding::ok(Check::Labels, place.to_string(), found);
    }
    Finding::warn(
        Check::Labels,
        place.to_string(),
        format!("missing: {missing}"),
        format!("make them in {WHERE} of the {place}, spelled like this, so that people can choose them"),
    )
}

fn twins(place: &Place, wanted: &[Label], present: &[ListedLabel], below: &[ListedLabel]) -> Finding {
    let spellings = |label: &Label| {
        let alike = present.iter().chain(below).map(|other| &other.label).filter(|other| other.is(label));
        let mut spellings: Vec<&Label> = alike.collect();
        spellings.sort();
        spellings.dedup();
        spellings
    };
    let twins: Vec<&Label> =
        wanted.iter().map(spellings).filter(|spellings| spellings.len() > 1).flatten().collect();
    if twins.is_empty() {
        return Finding::ok(Check::LabelTwins, place.to_string(), "no label is there twice in another case");
    }
    Finding::warn(
        Check::LabelTwins,
        place.to_string(),
        format!("labels that differ in case only, so that boards show half: {}", titles(twins)),
        format!(
            "keep the policy's spelling; put it on the issues of the others, then delete these in {WHERE}"
        ),
    )
}

fn titles<'label>(labels: impl IntoIterator<Item = &'label Label>) -> String {
    labels.into_iter().map(|label| format!("~\"{label}\"")).collect::<Vec<_>>().join(", ")
}

/// Whether an issue can have two labels of one scope. Works either way; on Free two answers can contradict each other.
pub(super) fn scoped(place: &Place, instance: &Instance, projects: &[&Project]) -> Finding {
    let found = if projects.iter().any(|project| project.premium) {
        "exclusive: an issue has one label of each scope (Premium)"
    } else if !instance.enterprise {
        "not exclusive (Free): two answers to one question count as none until someone removes one"
    } else {
        "unknown: GitLab shows this token no sign of a licence; without one, two answers to one question are possible"
    };
    Finding::ok(Check::ScopedLabels, place.to_string(), found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, sources::Sources};
    use crate::doctor::finding::State;

    fn policy() -> Policy {
        config::load(&Sources::default()).unwrap().policy
    }

    fn listed(titles: &[Label]) -> Vec<ListedLabel> {
        titles.iter().map(|label| ListedLabel { label: label.clone(), archived: false }).collect()
    }

    #[test]
    fn few_searches_find_every_label() {
        let policy = policy();
        let searches = searches(&policy);
        assert_eq!(searches.len(), 7, "{searches:?}");
        for label in wanted(&policy) {
            let title = label.title().to_lowercase();
            assert!(searches.iter().any(|text| title.contains(text)), "{label}");
        }
    }

    #[test]
    fn a_label_in_another_case_is_there_and_a_second_one_is_its_twin() {
        let (policy, place) = (policy(), Place::Group("acme".to_owned()));
        let mut labels = wanted(&policy);
        labels[0] = Label::new(&labels[0].title().to_uppercase());
        let states =
            |findings: Vec<Finding>| findings.iter().map(|finding| finding.state).collect::<Vec<_>>();
        assert_eq!(states(findings(&place, &policy, &listed(&labels), &[])), [State::Ok, State::Ok]);
        let twin = listed(&wanted(&policy)[..1]);
        assert_eq!(states(findings(&place, &policy, &listed(&labels), &twin)), [State::Ok, State::Warn]);
    }

    #[test]
    fn an_archived_label_is_as_good_as_none() {
        let (policy, place) = (policy(), Place::Group("acme".to_owned()));
        let mut labels = listed(&wanted(&policy));
        labels[0].archived = true;
        assert_eq!(findings(&place, &policy, &labels, &[])[0].state, State::Fail);
    }
}
