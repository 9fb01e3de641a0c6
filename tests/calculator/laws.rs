//! Laws that hold for every issue, whatever labels it bears.

use escalator::calculator::assess::{Verdict, assess};
use escalator::calculator::issue::{Issue, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::plan::{Author, Gesture, Hand, Memory, Plan, Suspicion, plan, suspicions};
use escalator::calculator::policy::Policy;
use escalator::calculator::standing::Standing;
use proptest::prelude::*;

use super::policy;

/// Every label that the policy reads, some in another case, and some that it does not.
const TITLES: [&str; 33] = [
    "SIRT",
    "security-incident",
    "incident",
    "OUTAGE",
    "breaking change",
    "breaking-change",
    "customer-enhancement",
    "star",
    "account-escalation",
    "support-request",
    "planned-change",
    "cross-functionality::yes",
    "cross-functionality::no",
    "complexity::yes",
    "complexity::no",
    "Complexity::Yes",
    "complexity::perhaps",
    "financial-impact::yes",
    "financial-impact::no",
    "operational-impact::yes",
    "operational-impact::no",
    "operational-impact::",
    "customer-impact::yes",
    "customer-impact::no",
    "platform-escalation",
    "Platform-Escalation",
    "platform-escalation-possible",
    "escalation-decision::accepted",
    "escalation-decision::declined",
    "bug",
    "priority::1",
    "::yes",
    "🔥",
];

fn labels() -> impl Strategy<Value = Vec<Label>> {
    prop::sample::subsequence(TITLES.to_vec(), 0..=12)
        .prop_shuffle()
        .prop_map(|titles| titles.into_iter().map(Label::new).collect())
}

pub fn issues() -> impl Strategy<Value = Issue> {
    let types = prop::sample::select(vec![WorkItemType::Issue, WorkItemType::Incident, WorkItemType::Other]);
    (labels(), types).prop_map(|(labels, work_item_type)| Issue {
        state: State::Opened,
        work_item_type,
        labels,
    })
}

/// An issue as it was, and hands on it: which label, removed or added, in which band.
type Remembered = (Issue, Vec<(usize, bool, usize)>);

/// What may be remembered of an issue: nothing, or how it looked with some other labels, with any hands.
fn memories() -> impl Strategy<Value = Option<Remembered>> {
    prop::option::of((issues(), prop::collection::vec((0..2_usize, any::<bool>(), 0..3_usize), 0..3)))
}

fn memory(remembered: Option<Remembered>, policy: &Policy) -> Option<Memory> {
    let (issue, hands) = remembered?;
    let owned: Vec<&Label> = policy.owned_labels().collect();
    let hands = hands
        .into_iter()
        .map(|(label, removed, band)| Hand {
            label: owned[label].clone(),
            gesture: if removed { Gesture::Removed } else { Gesture::Added },
            author: Author::Person,
            user_id: None,
            at: None,
            band: policy.bands[band].id.clone(),
        })
        .collect();
    Some(Memory { standing: Standing::of(&assess(&issue, policy)), labels: issue.labels, hands })
}

/// Takes every suspicion for a person's hand, or none.
fn look(issue: &Issue, memory: Option<&Memory>, all_hands: bool, policy: &Policy) -> Plan {
    let assessment = assess(issue, policy);
    let hands = suspicions(&assessment, issue, memory, policy)
        .into_iter()
        .filter(|_| all_hands)
        .map(|Suspicion { label, gesture }| Hand {
            label,
            gesture,
            author: Author::Person,
            user_id: None,
            at: None,
            band: assessment.band.id.clone(),
        })
        .collect();
    plan(&assessment, issue, memory, hands, policy)
}

/// What GitLab does with a plan.
fn applied(issue: &Issue, plan: &Plan) -> Issue {
    let mut labels: Vec<Label> =
        issue.labels.iter().filter(|label| !plan.remove.contains(label)).cloned().collect();
    labels.extend(plan.add.iter().filter(|label| !issue.labels.contains(label)).cloned());
    Issue { labels, ..issue.clone() }
}

fn remembered(issue: &Issue, plan: &Plan, policy: &Policy) -> Memory {
    Memory {
        standing: Standing::of(&assess(issue, policy)),
        labels: issue.labels.iter().filter(|label| policy.reads(label)).cloned().collect(),
        hands: plan.hands.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_yes_never_lowers_the_score(issue in issues(), question in 0..5_usize) {
        let policy = policy();
        let before = assess(&issue, policy).score;
        let key = &policy.questions[question].key;
        let mut answered = issue.clone();
        answered.labels.retain(|label| label.value_in(key).is_none());
        answered.labels.push(policy.questions[question].yes());
        prop_assert!(assess(&answered, policy).score >= before);

        // Where a no stands already, the two are a conflict; that lowers nothing either.
        let mut added = issue;
        added.labels.push(policy.questions[question].yes());
        prop_assert!(assess(&added, policy).score >= before);
    }

    #[test]
    fn the_reachable_score_is_between_the_score_and_the_highest(issue in issues()) {
        let policy = policy();
        let assessment = assess(&issue, policy);
        prop_assert!(assessment.reachable >= assessment.score);
        prop_assert!(assessment.reachable <= 7);
    }

    #[test]
    fn the_reachable_score_is_what_answering_every_open_question_with_yes_gives(issue in issues()) {
        let policy = policy();
        let assessment = assess(&issue, policy);
        let mut answered = issue.clone();
        for open in assessment.answers.iter().filter(|answered| answered.answer.is_open()) {
            answered.labels.retain(|label| label.value_in(&open.question.key).is_none());
            answered.labels.push(open.question.yes());
        }
        prop_assert_eq!(assess(&answered, policy).score, assessment.reachable);
    }

    #[test]
    fn every_mover_says_truly_what_its_yes_would_do(issue in issues()) {
        let policy = policy();
        let assessment = assess(&issue, policy);
        for mover in &assessment.movers {
            let mut answered = issue.clone();
            answered.labels.retain(|label| label.value_in(&mover.question.key).is_none());
            answered.labels.push(mover.question.yes());
            let moved = assess(&answered, policy);
            prop_assert_eq!(moved.score, mover.score);
            prop_assert_eq!(&moved.band.id, &mover.band.id);
            prop_assert_ne!(&moved.band.id, &assessment.band.id);
        }
    }

    #[test]
    fn the_order_and_the_case_of_labels_do_not_matter(issue in issues()) {
        let policy = policy();
        let mut turned = issue.clone();
        turned.labels.reverse();
        turned.labels = turned.labels.iter().map(|label| Label::new(&label.title().to_uppercase())).collect();
        prop_assert_eq!(Standing::of(&assess(&issue, policy)), Standing::of(&assess(&turned, policy)));
    }

    #[test]
    fn a_disambiguated_sourceless_or_declined_issue_never_has_a_label_of_ours(
        issue in issues(), remembered in memories(), all_hands: bool,
    ) {
        let policy = policy();
        let memory = memory(remembered, policy);
        let after = applied(&issue, &look(&issue, memory.as_ref(), all_hands, policy));
        if assess(&issue, policy).verdict != Verdict::InForce {
            prop_assert!(policy.owned_labels().all(|label| after.bears(label).is_none()));
        }
    }

    #[test]
    fn without_hands_the_issue_bears_exactly_the_wanted_label(issue in issues()) {
        let policy = policy();
        let after = applied(&issue, &look(&issue, None, false, policy));
        let wanted = assess(&issue, policy).wanted.cloned();
        for label in policy.owned_labels() {
            prop_assert_eq!(after.bears(label).is_some(), wanted.as_ref() == Some(label));
        }
    }

    #[test]
    fn the_plan_applied_twice_changes_nothing_the_second_time(
        issue in issues(), before in memories(), all_hands: bool, all_hands_again: bool,
    ) {
        let policy = policy();
        let memory = memory(before, policy);
        let first = look(&issue, memory.as_ref(), all_hands, policy);
        let after = applied(&issue, &first);
        let second = look(&after, Some(&remembered(&after, &first, policy)), all_hands_again, policy);
        prop_assert!(second.changes_no_label(), "first {first:?}, then {second:?}");
        prop_assert_eq!(second.hands, first.hands);
    }

    #[test]
    fn a_plan_touches_only_labels_of_ours(issue in issues(), before in memories(), all_hands: bool) {
        let policy = policy();
        let memory = memory(before, policy);
        let plan = look(&issue, memory.as_ref(), all_hands, policy);
        for label in plan.add.iter().chain(&plan.remove) {
            prop_assert!(policy.owned_labels().any(|owned| owned.is(label)));
        }
    }
}
