//! What to take back on one issue, and what stays as it is and why. Pure.
//!
//! The ledger tells what Escalator wrote, GitLab's label events whose hand came last. Moments are compared within the ledger
//! only: GitLab's clock need not agree with ours, so of its events the order counts.

use std::fmt;

use crate::calculator::label::Label;
use crate::calculator::own_users::OwnUsers;
use crate::calculator::plan::{Gesture, LabelEvent};
use crate::clock::Millis;
use crate::store::{Act, Origin, Stage, Written};

/// The issue as GitLab shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct There {
    /// Its labels.
    pub labels: Vec<Label>,
    /// What was ever done to its labels.
    pub events: Vec<LabelEvent>,
    /// Our comments: by one of our users, and with our marker.
    pub comments: Vec<Comment>,
}

/// A comment of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// GitLab's id of it.
    pub id: u64,
    /// How it reads.
    pub text: Text,
}

/// How a comment reads, beside what we last wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// As we wrote it.
    AsWritten,
    /// Otherwise.
    Otherwise,
    /// Nobody remembers what we wrote.
    Unknown,
}

/// What to do about an issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Labels to take off, as the issue spells them.
    pub take_off: Vec<Label>,
    /// Labels to put back.
    pub put_back: Vec<Label>,
    /// Comments to delete.
    pub delete: Vec<u64>,
    /// What stays as it is.
    pub left: Vec<Left>,
}

impl Plan {
    /// Whether there is nothing to take back.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.take_off.is_empty() && self.put_back.is_empty() && self.delete.is_empty()
    }
}

/// Something that Escalator wrote and that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What.
    pub what: Thing,
    /// Why.
    pub why: Why,
}

/// A part of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A label.
    Label(Label),
    /// A comment, by GitLab's id.
    Comment(u64),
}

impl fmt::Display for Thing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(formatter, "label {:?}", label.title()),
            Self::Comment(note_id) => write!(formatter, "comment {note_id}"),
        }
    }
}

/// Why something stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The last hand on the label is somebody else's.
    Touched,
    /// A person asked for the label by a comment.
    AskedFor,
    /// An undo was here already, and it is not known how far back it went.
    EarlierUndo,
    /// Put back, the label would push another one of its scope off the issue.
    PushesOff,
    /// There is no such label any more.
    NoSuchLabel,
    /// Somebody changed the comment's text.
    Reworded,
    /// Nobody knows whether the comment still reads as we wrote it.
    Uncertain,
    /// The comment was there before; how it read then, nobody keeps.
    OlderText,
    /// The comment is gone; how it read, nobody keeps.
    Gone,
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Touched => "touched since by somebody else",
            Self::AskedFor => "a person asked for it by a comment",
            Self::EarlierUndo => "an earlier undo was here; how far back it went is not kept",
            Self::PushesOff => "another label of its scope is there, which it would push off",
            Self::NoSuchLabel => "the label itself is deleted or renamed",
            Self::Reworded => "reworded since by somebody else",
            Self::Uncertain => "whether it reads as it was written is not known",
            Self::OlderText => "it was there before; the text it had then is not kept",
            Self::Gone => "a second comment that was deleted; its text is not kept",
        })
    }
}

/// What to take back of an issue of all that was written since that moment.
///
/// A label is as Escalator found it again if only Escalator's hand was on it since, and is left alone if anybody else's was
/// the last. Applied twice, it changes nothing the second time: what an undo did stands, and is never undone itself.
#[must_use]
pub fn plan(writes: &[Written], since: Millis, there: &There, own: &OwnUsers) -> Plan {
    let recent: Vec<&Written> = writes.iter().filter(|written| written.at >= since).collect();
    let mut plan = Plan::default();
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
    spare_what_would_be_pushed_off(&mut plan, there);
    plan_comments(&mut plan, writes, since, there);
    plan
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

fn plan_comments(plan: &mut Plan, writes: &[Written], since: Millis, there: &There) {
    let recent: Vec<&Written> = writes.iter().filter(|written| written.at >= since).collect();
    let mut leave = |note_id, why| plan.left.push(Left { what: Thing::Comment(note_id), why });
    for comment in &there.comments {
        let edited = |written: &&&Written| written.write.act == Act::CommentEdited(comment.id);
        match comment.text {
            _ if !posted_since(comment.id, writes, since) => {
                if recent.iter().filter(edited).any(|written| is_escalators(written)) {
                    leave(comment.id, Why::OlderText);
                }
            }
            Text::AsWritten => plan.delete.push(comment.id),
            Text::Otherwise => leave(comment.id, Why::Reworded),
            Text::Unknown => leave(comment.id, Why::Uncertain),
        }
    }
    for written in &recent {
        let Act::CommentDeleted(note_id) = written.write.act else { continue };
        if there.comments.iter().any(|comment| comment.id == note_id) {
            continue;
        }
        match written.write.origin {
            Origin::Service | Origin::Backfill => leave(note_id, Why::Gone),
            // An undo that was broken off. Asking GitLab once more does no harm.
            Origin::Undo if !is_done(&written.write.act, &recent) && !plan.delete.contains(&note_id) => {
                plan.delete.push(note_id);
            }
            Origin::Undo | Origin::Command => {}
        }
    }
}

/// Whether a comment of ours is new since then. One whose posting was broken off has no id in the ledger; then it must not
/// have been known before that.
fn posted_since(note_id: u64, writes: &[Written], since: Millis) -> bool {
    let until_known = writes.iter().take_while(|written| note_of(written) != Some(note_id));
    let posted = Act::CommentPosted(Some(note_id));
    until_known.chain(writes.iter().filter(|written| written.write.act == posted)).any(|written| {
        written.at >= since
            && is_escalators(written)
            && (written.write.act == posted || written.write.act == Act::CommentPosted(None))
    })
}

fn is_done(act: &Act, recent: &[&Written]) -> bool {
    recent.iter().any(|written| written.stage == Stage::Done && written.write.act == *act)
}

/// Whether Escalator wrote it by itself.
fn is_escalators(written: &Written) -> bool {
    match written.write.origin {
        Origin::Service | Origin::Backfill => true,
        Origin::Command | Origin::Undo => false,
    }
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

fn note_of(written: &Written) -> Option<u64> {
    match written.write.act {
        Act::CommentPosted(note_id) => note_id,
        Act::CommentEdited(note_id) | Act::CommentDeleted(note_id) => Some(note_id),
        Act::LabelAdded(_) | Act::LabelRemoved(_) => None,
    }
}
