//! The plan: which labels change, and which are left alone because a person decided.

use std::collections::BTreeSet;

use escalator::calculator::assess::assess;
use escalator::calculator::issue::{Issue, Moment};
use escalator::calculator::label::Label;
use escalator::calculator::own_users::OwnUsers;
use escalator::calculator::plan::{
    Author, Gesture, Hand, LabelEvent, Memory, Plan, hand, last_event, plan, suspicions,
};
use escalator::calculator::standing::Standing;

use super::{incident, policy, score_labels};

const BOT: u64 = 7;
const PERSON: u64 = 8;
const OTHER_BOT: u64 = 9;
const FORMER_BOT: u64 = 6;

/// What is remembered after looking at an issue with these labels.
fn memory(labels: &[&str], hands: Vec<Hand>) -> Memory {
    let policy = policy();
    let issue = incident(labels);
    Memory { standing: Standing::of(&assess(&issue, policy)), labels: issue.labels, hands }
}

fn event(id: u64, user_id: u64, gesture: Gesture, label: &str) -> LabelEvent {
    LabelEvent { id, user_id, at: Moment(0), label: Some(Label::new(label)), gesture }
}

/// One whole look: suspicions, events, plan.
fn look(issue: &Issue, memory: Option<&Memory>, events: &[LabelEvent]) -> Plan {
    let policy = policy();
    let assessment = assess(issue, policy);
    let own = OwnUsers::new(BOT, BTreeSet::from([FORMER_BOT]));
    let hands = suspicions(&assessment, issue, memory, policy)
        .iter()
        .filter_map(|suspicion| {
            let by_bot = last_event(suspicion, events).is_some_and(|event| event.user_id == OTHER_BOT);
            let author = if by_bot { Author::Bot } else { Author::Person };
            hand(suspicion, events, &own, author, &assessment.band.id)
        })
        .collect();
    plan(&assessment, issue, memory, hands, policy)
}

fn changes(plan: &Plan) -> (Vec<&str>, Vec<&str>) {
    (plan.add.iter().map(Label::title).collect(), plan.remove.iter().map(Label::title).collect())
}

fn with(score: u32, more: &[&'static str]) -> Vec<&'static str> {
    [score_labels(score), more.to_vec()].concat()
}

#[test]
fn the_band_sets_its_label_and_takes_the_other_off_as_the_issue_spells_it() {
    let issue = incident(&with(5, &["Platform-Escalation-Possible"]));
    let before = memory(&with(3, &["Platform-Escalation-Possible"]), vec![]);
    let plan = look(&issue, Some(&before), &[]);
    assert_eq!(changes(&plan), (vec!["platform-escalation"], vec!["Platform-Escalation-Possible"]));
}

#[test]
fn a_label_in_another_case_is_the_label() {
    assert!(look(&incident(&with(5, &["Platform-Escalation"])), None, &[]).changes_no_label());
}

#[test]
fn a_label_that_a_person_removed_stays_off_until_the_band_changes() {
    let left = memory(&with(5, &["platform-escalation"]), vec![]);
    let events = [
        event(1, BOT, Gesture::Added, "platform-escalation"),
        event(2, PERSON, Gesture::Removed, "platform-escalation"),
    ];
    let plan = look(&incident(&with(5, &[])), Some(&left), &events);
    assert!(plan.changes_no_label());
    assert_eq!(plan.hands.len(), 1);
    assert_eq!((plan.hands[0].gesture, plan.hands[0].user_id), (Gesture::Removed, Some(PERSON)));

    let remembered = memory(&with(5, &[]), plan.hands);
    assert!(look(&incident(&with(7, &[])), Some(&remembered), &[]).changes_no_label(), "same band");
    let lower = look(&incident(&with(3, &[])), Some(&remembered), &[]);
    assert_eq!(changes(&lower), (vec!["platform-escalation-possible"], vec![]));
    assert!(lower.hands.is_empty());
}

#[test]
fn a_label_that_a_person_added_stays_on_until_the_band_changes() {
    let left = memory(&with(1, &[]), vec![]);
    let events = [event(3, PERSON, Gesture::Added, "platform-escalation")];
    let plan = look(&incident(&with(1, &["platform-escalation"])), Some(&left), &events);
    assert!(plan.changes_no_label());
    assert_eq!(plan.hands[0].gesture, Gesture::Added);

    let remembered = memory(&with(1, &["platform-escalation"]), plan.hands);
    let higher = look(&incident(&with(3, &["platform-escalation"])), Some(&remembered), &[]);
    assert_eq!(changes(&higher), (vec!["platform-escalation-possible"], vec!["platform-escalation"]));
}

#[test]
fn our_own_removal_that_was_not_recorded_is_no_hand() {
    let left = memory(&with(5, &["platform-escalation"]), vec![]);
    let events = [event(1, BOT, Gesture::Removed, "platform-escalation")];
    let plan = look(&incident(&with(5, &[])), Some(&left), &events);
    assert_eq!(changes(&plan), (vec!["platform-escalation"], vec![]));
    assert!(plan.hands.is_empty());
}

#[test]
fn what_the_bot_did_that_we_were_before_is_no_hand() {
    let left = memory(&with(5, &["platform-escalation"]), vec![]);
    let events = [event(1, FORMER_BOT, Gesture::Removed, "platform-escalation")];
    let plan = look(&incident(&with(5, &[])), Some(&left), &events);
    assert_eq!(changes(&plan), (vec!["platform-escalation"], vec![]));
    assert!(plan.hands.is_empty());
}

#[test]
fn a_removal_that_no_event_tells_is_no_hand() {
    let left = memory(&with(5, &["platform-escalation"]), vec![]);
    let plan = look(&incident(&with(5, &[])), Some(&left), &[]);
    assert_eq!(changes(&plan), (vec!["platform-escalation"], vec![]));
}

#[test]
fn with_a_lost_memory_our_own_label_is_corrected_and_a_persons_is_left_alone() {
    let issue = incident(&with(1, &["platform-escalation"]));
    let ours = [event(1, BOT, Gesture::Added, "platform-escalation")];
    assert_eq!(changes(&look(&issue, None, &ours)), (vec![], vec!["platform-escalation"]));
    let theirs = [event(1, PERSON, Gesture::Added, "platform-escalation")];
    assert!(look(&issue, None, &theirs).changes_no_label());
}

#[test]
fn what_another_bot_did_is_put_right_once_and_let_be_when_it_insists() {
    let label = "platform-escalation";
    let undone =
        (incident(&with(5, &[])), memory(&with(5, &[label]), vec![]), Gesture::Removed, Gesture::Added);
    let set = (incident(&with(1, &[label])), memory(&with(1, &[]), vec![]), Gesture::Added, Gesture::Removed);
    for (issue, left, theirs, ours) in [undone, set] {
        let mut events = vec![event(1, OTHER_BOT, theirs, label)];
        let first = look(&issue, Some(&left), &events);
        assert!(!first.changes_no_label() && first.hands.is_empty(), "{theirs:?}");

        events.push(event(2, BOT, ours, label));
        events.push(event(3, OTHER_BOT, theirs, label));
        let second = look(&issue, Some(&left), &events);
        assert!(second.changes_no_label(), "{theirs:?}");
        assert_eq!((second.hands[0].author, second.hands[0].user_id), (Author::Bot, Some(OTHER_BOT)));

        // A person's hand in between ends the quarrel: what the bot does then is its first time.
        events[1] = event(2, PERSON, ours, label);
        assert!(!look(&issue, Some(&left), &events).changes_no_label(), "{theirs:?}");
    }
}

#[test]
fn a_bot_that_insists_is_let_be_whatever_the_verdict_and_a_person_never() {
    let label = "platform-escalation";
    let left = memory(&with(1, &[]), vec![]);
    let issues = [
        incident(&with(1, &[label, "STAR"])),
        incident(&with(1, &[label, "escalation-decision::declined"])),
        super::issue(&with(1, &[label])),
    ];
    for issue in issues {
        let mut events = vec![event(1, OTHER_BOT, Gesture::Added, label)];
        assert_eq!(changes(&look(&issue, Some(&left), &events)), (vec![], vec![label]), "put right once");

        events.push(event(2, BOT, Gesture::Removed, label));
        events.push(event(3, OTHER_BOT, Gesture::Added, label));
        let second = look(&issue, Some(&left), &events);
        assert!(second.changes_no_label(), "{:?}", issue.labels);
        assert_eq!((second.hands[0].author, second.hands[0].gesture), (Author::Bot, Gesture::Added));
        let let_be = Memory { labels: issue.labels.clone(), hands: second.hands, ..left.clone() };
        assert!(look(&issue, Some(&let_be), &[]).changes_no_label(), "and not asked about again");

        events[2] = event(3, PERSON, Gesture::Added, label);
        assert_eq!(changes(&look(&issue, Some(&left), &events)), (vec![], vec![label]), "a person");
    }
}

#[test]
fn what_we_left_ourselves_needs_no_question_to_be_taken_off() {
    let policy = policy();
    let left = memory(&with(5, &["platform-escalation"]), vec![]);
    let declined = incident(&with(5, &["platform-escalation", "escalation-decision::declined"]));
    assert!(suspicions(&assess(&declined, policy), &declined, Some(&left), policy).is_empty());
}

#[test]
fn a_hand_is_over_once_the_person_takes_it_back() {
    let left = memory(&with(5, &["platform-escalation"]), vec![]);
    let events = [event(2, PERSON, Gesture::Removed, "platform-escalation")];
    let hands = look(&incident(&with(5, &[])), Some(&left), &events).hands;
    let remembered = memory(&with(5, &[]), hands);
    let again = look(&incident(&with(5, &["platform-escalation"])), Some(&remembered), &[]);
    assert!(again.changes_no_label() && again.hands.is_empty());
}

#[test]
fn disambiguation_decline_and_a_lost_source_take_off_even_what_a_person_added() {
    let left = memory(&with(1, &[]), vec![]);
    let events = [event(3, PERSON, Gesture::Added, "platform-escalation")];
    for more in ["STAR", "escalation-decision::declined"] {
        let issue = incident(&with(1, &["platform-escalation", more]));
        assert_eq!(
            changes(&look(&issue, Some(&left), &events)),
            (vec![], vec!["platform-escalation"]),
            "{more}"
        );
    }
    let no_source = super::issue(&with(1, &["platform-escalation"]));
    assert_eq!(changes(&look(&no_source, Some(&left), &events)), (vec![], vec!["platform-escalation"]));
}

#[test]
fn only_labels_of_the_policy_are_ever_touched() {
    let issue = incident(&["bug", "platform-escalation-other", "priority::1"]);
    assert!(look(&issue, None, &[]).changes_no_label());
}
