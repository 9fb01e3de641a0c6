//! What people decided, and whether the score says the same.

use escalator::calculator::agreement::{Agreement, Comparison, Involvement, Ruling, compare, ruling};
use escalator::calculator::assess::assess;
use escalator::calculator::issue::{Issue, State};
use escalator::calculator::standing::Standing;
use proptest::prelude::*;

use super::laws::issues;
use super::{incident, issue, policy, score_labels};

const ACCEPTED: &str = "escalation-decision::accepted";
const DECLINED: &str = "escalation-decision::declined";
const HIGHEST: &str = "Platform-Escalation";

fn ruled(issue: &Issue, involvement: Involvement, before: Option<Ruling>) -> Option<Ruling> {
    ruling(&assess(issue, policy()), issue, involvement, before, policy())
}

fn closed(titles: &[&str]) -> Issue {
    Issue { state: State::Closed, ..incident(titles) }
}

fn compared(ruling: Ruling, issue: &Issue) -> Comparison {
    compare(ruling, &Standing::of(&assess(issue, policy())), policy())
}

#[test]
fn a_label_decides_whoever_wrote_on_the_issue_and_both_decide_nothing() {
    for involvement in [Involvement::Watched, Involvement::Written] {
        for issue in [incident, closed] {
            let of = |titles: &[&str]| ruled(&issue(titles), involvement, Some(Ruling::Escalated));
            assert_eq!(of(&[ACCEPTED]), Some(Ruling::Accepted));
            assert_eq!(of(&[DECLINED, HIGHEST]), Some(Ruling::Declined));
            assert_eq!(of(&[ACCEPTED, DECLINED]), None);
        }
    }
}

#[test]
fn where_nothing_was_written_people_decide_by_the_highest_bands_label_and_by_closing() {
    let of = |issue: &Issue| ruled(issue, Involvement::Watched, Some(Ruling::Closed));
    assert_eq!(of(&incident(&[HIGHEST])), Some(Ruling::Escalated));
    assert_eq!(of(&closed(&[HIGHEST])), Some(Ruling::Escalated));
    assert_eq!(of(&closed(&["platform-escalation-possible"])), Some(Ruling::Closed));
    assert_eq!(of(&incident(&["platform-escalation-possible"])), None);
}

#[test]
fn where_something_was_written_only_what_people_decided_before_is_left_of_it() {
    for issue in [incident(&[HIGHEST]), closed(&[HIGHEST]), incident(&[]), closed(&[])] {
        let of = |before| ruled(&issue, Involvement::Written, before);
        assert_eq!(of(Some(Ruling::Escalated)), Some(Ruling::Escalated));
        for before in [None, Some(Ruling::Closed), Some(Ruling::Accepted), Some(Ruling::Declined)] {
            assert_eq!(of(before), None);
        }
    }
}

#[test]
fn each_band_is_compared_with_each_decision() {
    let (same, otherwise, open) = (Comparison::Same, Comparison::Otherwise, Comparison::Open);
    for (score, escalated, not) in [
        (0, otherwise, same),
        (2, otherwise, same),
        (3, open, open),
        (4, open, open),
        (5, same, otherwise),
        (7, same, otherwise),
    ] {
        let issue = incident(&score_labels(score));
        for ruling in [Ruling::Accepted, Ruling::Escalated] {
            assert_eq!(compared(ruling, &issue), escalated, "{score}");
        }
        for ruling in [Ruling::Declined, Ruling::Closed] {
            assert_eq!(compared(ruling, &issue), not, "{score}");
        }
    }
}

#[test]
fn what_comes_from_no_source_or_is_something_else_is_none_whatever_its_score() {
    let something_else = incident(&[score_labels(7), vec!["STAR"]].concat());
    for issue in [issue(&score_labels(7)), something_else] {
        assert_eq!(compared(Ruling::Declined, &issue), Comparison::Same);
        assert_eq!(compared(Ruling::Accepted, &issue), Comparison::Otherwise);
    }
}

#[test]
fn a_band_that_the_policy_no_longer_has_says_nothing() {
    let mut standing = Standing::of(&assess(&incident(&score_labels(7)), policy()));
    standing.band = "of-yore".to_owned();
    assert_eq!(compare(Ruling::Accepted, &standing, policy()), Comparison::Open);
}

#[test]
fn the_ratio_is_of_what_the_score_says_something_about() {
    let of = |same, otherwise, open| Agreement { same, otherwise, open }.ratio();
    assert_eq!([of(3, 1, 9), of(0, 2, 0)], [Some(0.75), Some(0.0)]);
    assert_eq!([of(0, 0, 9), of(0, 0, 0)], [None, None]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_acceptance_agrees_with_the_label_that_escalator_would_set_and_a_refusal_with_none(mut issue in issues()) {
        issue.labels.retain(|label| label.value_in("escalation-decision").is_none());
        let wanted = assess(&issue, policy()).wanted.map(|label| label.title().to_owned());
        let (accepted, declined) = match wanted.as_deref() {
            Some("platform-escalation") => (Comparison::Same, Comparison::Otherwise),
            Some(_) => (Comparison::Open, Comparison::Open),
            None => (Comparison::Otherwise, Comparison::Same),
        };
        prop_assert_eq!(compared(Ruling::Accepted, &issue), accepted);
        prop_assert_eq!(compared(Ruling::Declined, &issue), declined);
    }

    #[test]
    fn a_decision_does_not_change_what_it_is_compared_with(issue in issues(), accepted: bool) {
        let mut decided = issue.clone();
        decided.labels.push(if accepted { policy().accepted.clone() } else { policy().declined.clone() });
        for ruling in Ruling::ALL {
            prop_assert_eq!(compared(ruling, &decided), compared(ruling, &issue));
        }
    }

    #[test]
    fn every_comparison_is_counted_once(counts in prop::array::uniform3(0..50_usize)) {
        let all = Comparison::ALL.into_iter().zip(counts);
        let agreement = Agreement::of(all.clone().flat_map(|(comparison, count)| vec![comparison; count]));
        for (comparison, count) in all {
            prop_assert_eq!(agreement.count(comparison) as usize, count);
        }
        prop_assert!(agreement.ratio().is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
    }
}
