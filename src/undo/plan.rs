//! What to take back on one issue, and what stays as it is and why. Pure.
//!
//! The ledger tells what Escalator wrote, GitLab's label events whose hand came last. Moments are compared within the ledger
//! only: GitLab's clock need not agree with ours, so of its events the order counts.

use std::fmt;

use super::{comments, labels};
use crate::calculator::label::Label;
use crate::calculator::own_users::OwnUsers;
use crate::calculator::plan::LabelEvent;
use crate::clock::Millis;
use crate::store::{Origin, Written};

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
    /// However it reads, people have answered it.
    Answered,
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
    /// The answers to the comment would stand without it.
    Answered,
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
            Self::Answered => "people have answered it; their answers would stand without it",
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
    let mut plan = Plan::default();
    labels::plan(&mut plan, writes, since, there, own);
    comments::plan(&mut plan, writes, since, there);
    plan
}

/// Whether Escalator wrote it by itself.
pub(super) fn is_escalators(written: &Written) -> bool {
    match written.write.origin {
        Origin::Service | Origin::Backfill => true,
        Origin::Command | Origin::Undo => false,
    }
}
