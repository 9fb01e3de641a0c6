//! What an undo takes back, as laws over any history of hands on an issue.

use std::collections::BTreeSet;

use escalator::calculator::issue::Moment;
use escalator::calculator::label::Label;
use escalator::calculator::own_users::OwnUsers;
use escalator::calculator::plan::{Gesture, LabelEvent};
use escalator::clock::Millis;
use escalator::store::{Act, Origin, Stage, Write, Written};
use escalator::undo::plan::{Comment, Left, Plan, Text, There, Thing, Why, plan};
use proptest::prelude::*;

const BOT: u64 = 9;
const FORMER_BOT: u64 = 5;
const PERSON: u64 = 7;
const LABELS: [&str; 2] = ["platform-escalation", "platform-escalation-possible"];

fn own() -> OwnUsers {
    OwnUsers::new(BOT, BTreeSet::from([FORMER_BOT]))
}

/// Who puts a label on or takes it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doer {
    Person,
    Ours(Origin, Luck),
}

/// What came of a write of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Luck {
    Done,
    /// GitLab did it, and nobody heard of that.
    Unheard,
    /// GitLab did not do it.
    Failed,
}

/// What happens on an issue.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Somebody turns a label over: on if it was off, and the other way round.
    Turn(usize, Doer),
    /// Somebody takes back what was written in so many of the last steps.
    Undo(usize),
}

/// A GitLab with one issue, the ledger, and what really happened.
#[derive(Debug, Clone, Default)]
struct World {
    labels: Vec<Label>,
    events: Vec<LabelEvent>,
    writes: Vec<Written>,
    /// Of each event: whose it was, and when.
    hands: Vec<(Doer, i64)>,
    now: i64,
}

impl World {
    fn after(steps: &[Step]) -> Self {
        let mut world = Self::default();
        for step in steps {
            match *step {
                Step::Turn(label, doer) => world.turn(&Label::new(LABELS[label]), doer),
                Step::Undo(steps) => {
                    let since = world.now - i64::try_from(steps).unwrap();
                    world.undo(since);
                }
            }
        }
        world
    }

    fn turn(&mut self, label: &Label, doer: Doer) {
        self.now += 1;
        let is_there = self.labels.contains(label);
        let (gesture, act) = if is_there {
            (Gesture::Removed, Act::LabelRemoved(label.clone()))
        } else {
            (Gesture::Added, Act::LabelAdded(label.clone()))
        };
        let user_id = if self.now % 3 == 0 { FORMER_BOT } else { BOT };
        let (user_id, luck) = match doer {
            Doer::Person => (PERSON, Luck::Done),
            Doer::Ours(origin, luck) => {
                self.note(Stage::Intended, &act, user_id, origin);
                if luck == Luck::Done {
                    self.note(Stage::Done, &act, user_id, origin);
                }
                (user_id, luck)
            }
        };
        if luck == Luck::Failed {
            return;
        }
        let id = u64::try_from(self.events.len()).unwrap();
        // Of the time by GitLab's clock nothing may depend.
        self.events.push(LabelEvent { id, user_id, at: Moment(0), label: Some(label.clone()), gesture });
        self.hands.push((doer, self.now));
        if is_there {
            self.labels.retain(|own| own != label);
        } else {
            self.labels.push(label.clone());
        }
    }

    fn note(&mut self, stage: Stage, act: &Act, user_id: u64, origin: Origin) {
        let write = Write { act: act.clone(), user_id, origin };
        self.writes.push(Written { at: Millis(self.now), stage, write });
    }

    fn plan(&self, since: i64) -> Plan {
        let there = There { labels: self.labels.clone(), events: self.events.clone(), comments: Vec::new() };
        plan(&self.writes, Millis(since), &there, &own())
    }

    /// Takes back, and gives what was planned.
    fn undo(&mut self, since: i64) -> Plan {
        let plan = self.plan(since);
        for label in plan.take_off.iter().chain(&plan.put_back) {
            self.turn(label, Doer::Ours(Origin::Undo, Luck::Done));
        }
        plan
    }

    fn bears(&self, label: &Label) -> bool {
        self.labels.contains(label)
    }

    /// Whose hands were on a label and when, by our clock, the last one first.
    fn hands(&self, label: &Label) -> impl Iterator<Item = (Doer, i64)> {
        let of_label = |(event, _): &(&LabelEvent, &(Doer, i64))| event.label.as_ref() == Some(label);
        self.events.iter().zip(&self.hands).rev().filter(of_label).map(|(_, hand)| *hand)
    }

    /// How a label was before Escalator's own last writes, as far as they are since that moment; of a history without undo.
    fn before(&self, label: &Label, since: i64) -> bool {
        let own_writes = self.hands(label).take_while(|(doer, at)| is_escalators(*doer) && *at >= since);
        self.bears(label) != (own_writes.count() % 2 == 1)
    }
}

fn is_escalators(doer: Doer) -> bool {
    match doer {
        Doer::Ours(Origin::Service | Origin::Backfill, _) => true,
        Doer::Person | Doer::Ours(Origin::Command | Origin::Undo, _) => false,
    }
}

fn lucks() -> impl Strategy<Value = Luck> {
    prop::sample::select(vec![Luck::Done, Luck::Done, Luck::Done, Luck::Unheard, Luck::Failed])
}

fn turns() -> impl Strategy<Value = Step> {
    let ours = |origins: Vec<Origin>| {
        (prop::sample::select(origins), lucks()).prop_map(|(origin, luck)| Doer::Ours(origin, luck))
    };
    let doers = prop_oneof![
        6 => ours(vec![Origin::Service, Origin::Backfill]),
        1 => ours(vec![Origin::Command]),
        2 => Just(Doer::Person),
    ];
    (0..LABELS.len(), doers).prop_map(|(label, doer)| Step::Turn(label, doer))
}

fn histories() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(turns(), 0..12)
}

fn histories_with_undo() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(prop_oneof![6 => turns(), 1 => (0..12_usize).prop_map(Step::Undo)], 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_label_is_as_it_was_before_escalators_last_writes(steps in histories(), ago in 0..14_i64) {
        let mut world = World::after(&steps);
        let since = world.now - ago;
        let expected = LABELS.map(|title| world.before(&Label::new(title), since));
        world.undo(since);
        prop_assert_eq!(LABELS.map(|title| world.bears(&Label::new(title))), expected);
    }

    #[test]
    fn a_label_with_another_hand_on_it_since_is_left_alone(steps in histories_with_undo(), ago in 0..18_i64) {
        let world = World::after(&steps);
        let plan = world.plan(world.now - ago);
        for label in plan.take_off.iter().chain(&plan.put_back) {
            let last = world.hands(label).next().map(|(doer, _)| doer);
            let ours = matches!(last, Some(Doer::Ours(Origin::Service | Origin::Backfill | Origin::Undo, _)));
            prop_assert!(ours, "{label}: {last:?}");
        }
    }

    #[test]
    fn what_was_taken_back_stays_so_whenever_somebody_asks_again(
        steps in histories_with_undo(),
        ago in 0..18_i64,
        later in 0..18_i64,
    ) {
        let mut world = World::after(&steps);
        let since = world.now - ago;
        let taken_back = world.undo(since);
        prop_assert!(world.plan(since).changes_nothing(), "{:?}", world.plan(since));
        let again = world.plan(since + later);
        for label in taken_back.take_off.iter().chain(&taken_back.put_back) {
            prop_assert!(!again.take_off.contains(label) && !again.put_back.contains(label), "{again:?}");
        }
    }

    #[test]
    fn going_further_back_afterwards_is_like_going_there_at_once_or_it_says_so(
        steps in histories(),
        ago in 0..14_i64,
        earlier in 0..14_i64,
    ) {
        let mut at_once = World::after(&steps);
        let since = at_once.now - ago;
        let mut twice = at_once.clone();
        at_once.undo(since - earlier);
        twice.undo(since);
        let plan = twice.undo(since - earlier);
        for title in LABELS {
            let label = Label::new(title);
            let earlier_undo = Left { what: Thing::Label(label.clone()), why: Why::EarlierUndo };
            prop_assert!(at_once.bears(&label) == twice.bears(&label) || plan.left.contains(&earlier_undo));
        }
    }
}

/// What an undo since 10 makes of this history of one label.
fn label_plan(hands: &[(Doer, i64)]) -> Plan {
    let mut world = World::default();
    for (doer, at) in hands {
        world.now = *at - 1;
        world.turn(&Label::new(LABELS[0]), *doer);
    }
    world.plan(10)
}

/// Why the label is left as it is.
fn left(hands: &[(Doer, i64)]) -> Vec<Why> {
    let plan = label_plan(hands);
    assert!(plan.changes_nothing(), "{plan:?}");
    plan.left.into_iter().map(|left| left.why).collect()
}

#[test]
fn what_was_written_again_after_an_undo_is_taken_back_whatever_the_undo_was() {
    let service = Doer::Ours(Origin::Service, Luck::Done);
    let undo = Doer::Ours(Origin::Undo, Luck::Done);
    let off = Plan { take_off: vec![Label::new(LABELS[0])], ..Plan::default() };
    assert_eq!(label_plan(&[(service, 9), (undo, 10), (service, 11)]), off);
    assert_eq!(label_plan(&[(service, 9), (service, 10), (service, 11), (undo, 12), (service, 13)]), off);
}

#[test]
fn what_is_left_alone_is_told_with_the_reason() {
    let service = Doer::Ours(Origin::Service, Luck::Done);
    let command = Doer::Ours(Origin::Command, Luck::Done);
    let undo = Doer::Ours(Origin::Undo, Luck::Done);
    assert_eq!(left(&[(service, 10), (Doer::Person, 11)]), [Why::Touched]);
    assert_eq!(left(&[(service, 10), (command, 11)]), [Why::AskedFor]);
    assert_eq!(left(&[(service, 9), (service, 10), (service, 11), (undo, 12)]), [Why::EarlierUndo]);
    // Nothing was written since, or GitLab did nothing.
    assert_eq!(left(&[(service, 8), (Doer::Person, 9)]), []);
    assert_eq!(left(&[(Doer::Person, 9), (Doer::Ours(Origin::Service, Luck::Failed), 10)]), []);
}

#[test]
fn a_label_that_was_deleted_or_renamed_is_told() {
    let mut world = World::after(&[Step::Turn(0, Doer::Ours(Origin::Service, Luck::Done))]);
    world.events[0].label = None;
    world.labels.clear();
    let gone = Left { what: Thing::Label(Label::new(LABELS[0])), why: Why::NoSuchLabel };
    assert_eq!(world.plan(0), Plan { left: vec![gone], ..Plan::default() });
}

#[test]
fn a_label_is_known_however_gitlab_spells_it() {
    let mut world = World::after(&[Step::Turn(0, Doer::Ours(Origin::Service, Luck::Done))]);
    let spelled = Label::new("Platform-Escalation");
    world.events[0].label = Some(spelled.clone());
    world.labels = vec![spelled.clone()];
    assert_eq!(world.plan(0), Plan { take_off: vec![spelled], ..Plan::default() });
}

#[test]
fn a_label_that_is_put_back_pushes_no_other_one_of_its_scope_off() {
    let [warm, hot, cold] = ["heat::warm", "heat::hot", "heat::cold"].map(Label::new);
    let service = Doer::Ours(Origin::Service, Luck::Done);
    let mut world = World { labels: vec![warm.clone()], ..World::default() };
    world.turn(&warm, service);
    world.turn(&hot, service);
    // One that goes is in nobody's way.
    let whole = Plan { take_off: vec![hot.clone()], put_back: vec![warm.clone()], ..Plan::default() };
    assert_eq!(world.plan(0), whole);

    world.turn(&hot, Doer::Person);
    world.turn(&cold, Doer::Person);
    let told: Vec<_> = world.plan(0).left.into_iter().map(|left| (left.what, left.why)).collect();
    assert_eq!(told, [(Thing::Label(hot), Why::Touched), (Thing::Label(warm), Why::PushesOff)]);
    assert!(world.plan(0).changes_nothing());
}

const NOTE: u64 = 100;

/// What an undo since 10 makes of these writes of the comment, and of how it reads now; `None`: it is gone.
fn comment_plan(writes: &[(i64, Stage, Act, Origin)], text: Option<Text>) -> Plan {
    let writes: Vec<Written> = writes
        .iter()
        .map(|(at, stage, act, origin)| {
            let write = Write { act: act.clone(), user_id: BOT, origin: *origin };
            Written { at: Millis(*at), stage: *stage, write }
        })
        .collect();
    let comments = text.into_iter().map(|text| Comment { id: NOTE, text }).collect();
    plan(&writes, Millis(10), &There { labels: Vec::new(), events: Vec::new(), comments }, &own())
}

fn delete() -> Plan {
    Plan { delete: vec![NOTE], ..Plan::default() }
}

fn leave(why: Why) -> Plan {
    Plan { left: vec![Left { what: Thing::Comment(NOTE), why }], ..Plan::default() }
}

#[test]
fn a_new_comment_is_deleted_if_it_reads_as_it_was_written() {
    let posted = [
        (10, Stage::Intended, Act::CommentPosted(None), Origin::Service),
        (11, Stage::Done, Act::CommentPosted(Some(NOTE)), Origin::Service),
        (12, Stage::Intended, Act::CommentEdited(NOTE), Origin::Backfill),
        (12, Stage::Done, Act::CommentEdited(NOTE), Origin::Backfill),
    ];
    assert_eq!(comment_plan(&posted, Some(Text::AsWritten)), delete());
    assert_eq!(comment_plan(&posted, Some(Text::Otherwise)), leave(Why::Reworded));
    assert_eq!(comment_plan(&posted, Some(Text::Unknown)), leave(Why::Uncertain));
    assert_eq!(comment_plan(&posted, Some(Text::Answered)), leave(Why::Answered));
    assert_eq!(comment_plan(&posted, None), Plan::default());
}

#[test]
fn a_comment_whose_posting_was_broken_off_is_new_unless_it_was_known_before() {
    let edited = |at| (at, Stage::Done, Act::CommentEdited(NOTE), Origin::Service);
    let attempt = |origin| (10, Stage::Intended, Act::CommentPosted(None), origin);
    assert_eq!(comment_plan(&[attempt(Origin::Service)], Some(Text::AsWritten)), delete());
    assert_eq!(comment_plan(&[attempt(Origin::Service), edited(11)], Some(Text::AsWritten)), delete());
    assert_eq!(comment_plan(&[edited(9), attempt(Origin::Service)], Some(Text::AsWritten)), Plan::default());
    // A reply to a command is another comment.
    assert_eq!(
        comment_plan(&[attempt(Origin::Command), edited(11)], Some(Text::AsWritten)),
        leave(Why::OlderText)
    );
}

#[test]
fn an_older_comment_that_was_edited_or_deleted_is_told() {
    let act = |act| (10, Stage::Intended, act, Origin::Service);
    assert_eq!(comment_plan(&[act(Act::CommentEdited(NOTE))], Some(Text::AsWritten)), leave(Why::OlderText));
    assert_eq!(comment_plan(&[act(Act::CommentEdited(NOTE))], None), Plan::default());
    assert_eq!(comment_plan(&[act(Act::CommentDeleted(NOTE))], None), leave(Why::Gone));
}

#[test]
fn an_undo_that_was_broken_off_is_gone_on_with_and_one_that_was_not_is_done() {
    let posted = (10, Stage::Done, Act::CommentPosted(Some(NOTE)), Origin::Service);
    let deletion = |stage| (11, stage, Act::CommentDeleted(NOTE), Origin::Undo);
    let broken_off = [posted.clone(), deletion(Stage::Intended)];
    assert_eq!(comment_plan(&broken_off, None), delete());
    assert_eq!(comment_plan(&broken_off, Some(Text::AsWritten)), delete());
    assert_eq!(comment_plan(&broken_off, Some(Text::Answered)), leave(Why::Answered));
    let whole = [posted, deletion(Stage::Intended), deletion(Stage::Done)];
    assert_eq!(comment_plan(&whole, None), Plan::default());
}
