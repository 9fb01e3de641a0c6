//! The rule of the specification's section 1, step by step.

use escalator::calculator::assess::{Answer, Decision, Verdict, assess};

use super::{incident, issue, policy, score_labels};

fn source_ids(labels: &[&str]) -> Vec<String> {
    assess(&issue(labels), policy()).sources.iter().map(|source| source.id.clone()).collect()
}

#[test]
fn each_source_is_told_by_each_of_its_labels_in_any_case() {
    for (label, source) in [
        ("SIRT", "sirt"),
        ("sirt", "sirt"),
        ("security-incident", "sirt"),
        ("incident", "incident"),
        ("Outage", "incident"),
        ("breaking change", "breaking-change"),
        ("BREAKING-CHANGE", "breaking-change"),
    ] {
        assert_eq!(source_ids(&[label]), [source], "{label}");
    }
}

#[test]
fn an_incident_needs_no_label() {
    assert_eq!(assess(&incident(&[]), policy()).sources[0].id, "incident");
}

#[test]
fn several_sources_are_all_named() {
    assert_eq!(source_ids(&["breaking change", "SIRT", "outage"]), ["sirt", "incident", "breaking-change"]);
}

#[test]
fn an_issue_without_a_source_is_not_looked_at_whatever_its_score() {
    let policy = policy();
    let assessment = assess(&issue(&score_labels(7)), policy);
    assert_eq!((assessment.verdict, assessment.score, assessment.wanted), (Verdict::NoSource, 7, None));
}

#[test]
fn each_disambiguation_keeps_the_label_away_whatever_the_score() {
    let policy = policy();
    for label in ["customer-enhancement", "star", "account-escalation", "support-request", "Planned-Change"] {
        let labels = [score_labels(7), vec![label]].concat();
        let assessment = assess(&incident(&labels), policy);
        assert_eq!((assessment.verdict, assessment.wanted), (Verdict::Disambiguated, None), "{label}");
        assert_eq!(assessment.disambiguations.len(), 1, "{label}");
    }
}

#[test]
fn other_values_of_a_question_are_unanswered_and_named() {
    let policy = policy();
    let assessment =
        assess(&incident(&["complexity::maybe", "Complexity::?", "financial-impact::YES"]), policy);
    let complexity = &assessment.answers[1];
    assert_eq!(complexity.answer, Answer::Unanswered);
    assert_eq!(complexity.not_understood.len(), 2);
    assert_eq!(assessment.answers[2].answer, Answer::Yes);
}

#[test]
fn a_declined_issue_keeps_no_label_and_an_accepted_one_keeps_the_bands() {
    let policy = policy();
    let declined = [score_labels(7), vec!["escalation-decision::declined"]].concat();
    assert_eq!(assess(&incident(&declined), policy).wanted, None);
    let accepted = [score_labels(5), vec!["escalation-decision::accepted"]].concat();
    assert_eq!(assess(&incident(&accepted), policy).wanted.unwrap().title(), "platform-escalation");
}

#[test]
fn an_accepted_issue_goes_up_and_never_down() {
    let policy = policy();
    let wanted = |score, present: &[&str]| {
        let labels = [score_labels(score), present.to_vec(), vec!["escalation-decision::accepted"]].concat();
        assess(&incident(&labels), policy).wanted.map(ToString::to_string)
    };
    assert_eq!(wanted(1, &["platform-escalation"]).as_deref(), Some("platform-escalation"));
    assert_eq!(wanted(0, &["platform-escalation-possible"]).as_deref(), Some("platform-escalation-possible"));
    assert_eq!(wanted(5, &["platform-escalation-possible"]).as_deref(), Some("platform-escalation"));
    assert_eq!(wanted(0, &[]), None);
}

#[test]
fn both_decisions_at_once_decide_nothing() {
    let policy = policy();
    let both =
        [score_labels(5), vec!["escalation-decision::accepted", "escalation-decision::declined"]].concat();
    let assessment = assess(&incident(&both), policy);
    assert_eq!(assessment.decision, Decision::Conflicting);
    assert_eq!(assessment.wanted.unwrap().title(), "platform-escalation");
}
