//! The labels of an issue: whose hands were on each of them, and how it was before Escalator's.

use super::plan::{Left, Plan, There, Thing, Why, is_escalators};
use crate::calculator::label::Label;
use crate::calculator::own_users::OwnUsers;
use crate::calculator::plan::{Gesture, LabelEvent};
use crate::clock::Millis;
use crate::store::{Act, Origin, Stage, Written};

/// Plans what becomes of the labels.
pub(super) fn plan(plan: &mut Plan, writes: &[Written], since: Millis, there: &There, own: &OwnUsers) {
    let recent: Vec<&Written> = writes.iter().filter(|written| written.at >= since).collect();
    for label in labels(&recent) {
        let titles = titles(label, &there.events);
        if titles.is_empty() && done_by_escalator(label, &recent) {
            plan.left.push(Left { what: Thing::Label(label.clone()), why: Why::NoSuchLabel });
        }
        for title in titles {
            match before(title, &recent, &there.events, own) {
                Before::Unchanged => {}
                Before::Stays(why) => plan.left.push(Left { what: Thing::Label(title.clone()), why }),
                Before::Present if !there.labels.contains(title) => plan.put_back.push(title.clone()),
                Before::Absent if there.labels.contains(title) => plan.take_off.push(title.clone()),
                Before::Present | Before::Absent => {}
            }
        }
    }
    spare_what_would_be_pushed_off(plan, there);
}

/// How a label was before Escalator's last writes.
enum Before {
    Present,
    Absent,
    /// Escalator wrote nothing that GitLab did.
    Unchanged,
    Stays(Why),
}

/// Goes back from the newest event of the label as long as each is a write that the ledger knows.
fn before(title: &Label, recent: &[&Written], events: &[LabelEvent], own: &OwnUsers) -> Before {
    let mut newest_first: Vec<_> =
        events.iter().filter(|event| event.label.as_ref() == Some(title)).collect();
    newest_first.sort_unstable_by_key(|event| std::cmp::Reverse(event.id));
    let mut written =
        recent.iter().rev().filter(|written| label_of(written).is_some_and(|own| own.is(title)));
    let mut run: Vec<(Gesture, Origin)> = Vec::new();
    for event in &newest_first {
        // Put on twice: in between somebody took it off whom GitLab does not show any more.
        if run.last().is_some_and(|(gesture, _)| *gesture == event.gesture) {
            break;
        }
        let write = written.find(|written| gesture_of(written) == Some(event.gesture));
        let why = match write.map(|written| written.write.origin) {
            _ if !own.include(event.user_id) => Why::Touched,
            Some(Origin::Command) => Why::AskedFor,
            Some(origin @ (Origin::Service | Origin::Backfill | Origin::Undo)) => {
                run.push((event.gesture, origin));
                continue;
            }
            // Written before that moment.
            None => break,
        };
        let something_to_leave =
            why != Why::Touched || newest_first.iter().any(|event| is_known(event, recent, own));
        if run.is_empty() && something_to_leave {
            return Before::Stays(why);
        }
        break;
    }
    let ours_before = newest_first.get(run.len()).is_some_and(|event| own.include(event.user_id));
    before_run(&run, ours_before)
}

/// How a label was before a run of our writes, newest first. What an undo did is never undone: a run ends with what it took
/// back, and goes on behind it only where that was less than is to be taken back now. How far an undo went nobody keeps, so
/// that is sure only where the run goes back to somebody else's hand.
fn before_run(run: &[(Gesture, Origin)], ours_before: bool) -> Before {
    let by_undo = |(_, origin): &(Gesture, Origin)| *origin == Origin::Undo;
    let Some((oldest, _)) = run.iter().rfind(|write| !by_undo(write)) else { return Before::Unchanged };
    let undone = run.iter().position(by_undo);
    let found = |gesture: Gesture| match gesture {
        Gesture::Added => Before::Absent,
        Gesture::Removed => Before::Present,
    };
    match undone.map(|place| (place, run[place].0)) {
        // Undone to what was there before the oldest of them, or to something else.
        Some((0, gesture)) if ours_before && gesture == *oldest => Before::Stays(Why::EarlierUndo),
        Some((place, _)) if ours_before && place > 0 => found(run[place - 1].0),
        Some(_) | None => found(*oldest),
    }
}

/// Whether an event may be a write of ours since then.
fn is_known(event: &LabelEvent, recent: &[&Written], own: &OwnUsers) -> bool {
    own.include(event.user_id)
        && recent.iter().any(|written| {
            let same_label =
                label_of(written).zip(event.label.as_ref()).is_some_and(|(own, seen)| own.is(seen));
            same_label && gesture_of(written) == Some(event.gesture)
        })
}

/// Each label that was written, once.
fn labels<'written>(recent: &[&'written Written]) -> Vec<&'written Label> {
    let mut found: Vec<&Label> = Vec::new();
    for label in
        recent.iter().filter(|written| is_escalators(written)).filter_map(|written| label_of(written))
    {
        if !found.iter().any(|known| known.is(label)) {
            found.push(label);
        }
    }
    found
}

/// The label's spellings in GitLab, which are labels of their own. GitLab may spell it otherwise than the policy.
fn titles<'event>(label: &Label, events: &'event [LabelEvent]) -> Vec<&'event Label> {
    let mut found: Vec<&Label> = Vec::new();
    for title in events.iter().filter_map(|event| event.label.as_ref()) {
        if title.is(label) && !found.contains(&title) {
            found.push(title);
        }
    }
    found
}

fn done_by_escalator(label: &Label, recent: &[&Written]) -> bool {
    recent
        .iter()
        .filter(|written| written.stage == Stage::Done && is_escalators(written))
        .filter_map(|written| label_of(written))
        .any(|own| own.is(label))
}

/// GitLab lets only one label of a scope be, so putting one back may take off another that a person chose.
fn spare_what_would_be_pushed_off(plan: &mut Plan, there: &There) {
    let stays: Vec<&Label> = there.labels.iter().filter(|label| !plan.take_off.contains(label)).collect();
    let pushes_off = |label: &mut Label| {
        let scope = label.scope_and_value().map(|(scope, _)| scope);
        scope.is_some_and(|scope| stays.iter().any(|other| other.value_in(scope).is_some()))
    };
    let spared: Vec<Label> = plan.put_back.extract_if(.., pushes_off).collect();
    let left = |label| Left { what: Thing::Label(label), why: Why::PushesOff };
    plan.left.extend(spared.into_iter().map(left));
}

fn label_of(written: &Written) -> Option<&Label> {
    match &written.write.act {
        Act::LabelAdded(label) | Act::LabelRemoved(label) => Some(label),
        Act::CommentPosted(_) | Act::CommentEdited(_) | Act::CommentDeleted(_) => None,
    }
}

fn gesture_of(written: &Written) -> Option<Gesture> {
    match written.write.act {
        Act::LabelAdded(_) => Some(Gesture::Added),
        Act::LabelRemoved(_) => Some(Gesture::Removed),
        Act::CommentPosted(_) | Act::CommentEdited(_) | Act::CommentDeleted(_) => None,
    }
}
