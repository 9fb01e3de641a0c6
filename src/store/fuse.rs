//! The fuse: whether what is about to be written may be, or writing stops until a person has looked.
//!
//! Decides by what an engine reads in the transaction in which it notes the writes, so that all replicas count together.
//! Counts what is intended, for a write whose answer was lost may have been done; but counts once what is tried again and
//! again, or every outage of GitLab would end with a stop.

use super::claims::MOST_AHEAD;
use super::rows::millis;
use super::stops::{Stop, StopReason};
use super::writes::{Act, Origin, Stage, Write, Written};
use super::{Error, Store};
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::clock::Millis;

const MINUTE_MILLIS: i64 = 60_000;
const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
/// A label that was put on and taken off so often within an hour is not changed again.
const FLAPS: usize = 3;
/// No more entries of an issue than these are read, however often it was written to.
pub(super) const RECENT: i64 = 200;

/// What is known before something is written to an issue.
pub(super) struct Before {
    pub issue: IssueRef,
    pub now: Millis,
    /// Stops of this issue and of everything: those that hold, and those that were lifted within the last hour.
    pub stops: Vec<Kept>,
    /// The issue's last entries in the ledger, of the last hour, newest first.
    pub recent: Vec<Written>,
}

/// A stop, and when it was lifted.
pub(super) struct Kept {
    pub stop: Stop,
    pub lifted_at: Option<Millis>,
}

/// What follows for the writes.
pub(super) enum Verdict {
    /// They are not noted: writing is stopped.
    Held(Stop),
    /// They are not noted, and writing stops.
    Trip(Stop),
    /// They are noted, each in its stage, if there is room for them.
    Note(Vec<Stage>, Option<Room>),
}

/// For how much there is room within a minute.
pub(super) struct Room {
    /// No more than so many may have been intended …
    pub most: u32,
    /// … after this …
    pub since: Millis,
    /// … and until then.
    pub until: Millis,
    /// What follows otherwise.
    pub otherwise: Stop,
}

/// What became of an intention.
pub(super) enum Intention {
    Noted,
    /// Somebody has taken over.
    NotOurs,
    Held(Stop),
    Tripped(Stop),
}

/// Of which time [`Before`] tells: later than its beginning, and not later than its end.
pub(super) fn remembered(now: Millis) -> (Millis, Millis) {
    (Millis(now.0 - HOUR_MILLIS), latest(now))
}

/// What was noted later than this was noted by a clock that was ahead and has been set right since.
fn latest(now: Millis) -> Millis {
    Millis(now.0 + millis(MOST_AHEAD))
}

impl Before {
    pub fn verdict(&self, writes: &[Write], fuse: Option<u32>) -> Verdict {
        if writes.iter().any(|write| write.origin.heeds_stops())
            && let Some(stop) = self.holding()
        {
            return Verdict::Held(stop.clone());
        }
        let stages: Vec<Stage> = writes.iter().map(|write| self.stage(write)).collect();
        let new: Vec<&Act> = writes
            .iter()
            .zip(&stages)
            .filter(|(write, stage)| counts(write, **stage))
            .map(|(write, _)| &write.act)
            .collect();
        let Some(fuse) = fuse.filter(|_| !new.is_empty()) else {
            return Verdict::Note(stages, None);
        };
        if let Some(label) = new.iter().find_map(|act| self.flapping(act)) {
            let reason = StopReason::LabelFlaps(label.clone());
            return Verdict::Trip(Stop { issue: Some(self.issue), at: self.now, reason });
        }
        let otherwise = Stop { issue: None, at: self.now, reason: StopReason::TooManyWrites { fuse } };
        match usize::try_from(fuse).unwrap_or(usize::MAX).checked_sub(new.len()) {
            Some(most) => {
                let minute_ago = Millis(self.now.0 - MINUTE_MILLIS);
                let since = self.last_lifted(None).max(Some(minute_ago)).unwrap_or(minute_ago);
                let most = most.try_into().unwrap_or(u32::MAX);
                Verdict::Note(stages, Some(Room { most, since, until: latest(self.now), otherwise }))
            }
            None => Verdict::Trip(otherwise),
        }
    }

    /// A stop of everything comes first.
    fn holding(&self) -> Option<&Stop> {
        let holding = self.stops.iter().filter(|kept| kept.lifted_at.is_none()).map(|kept| &kept.stop);
        holding.min_by_key(|stop| stop.issue.is_some())
    }

    fn last_lifted(&self, issue: Option<IssueRef>) -> Option<Millis> {
        self.stops.iter().filter(|kept| kept.stop.issue == issue).filter_map(|kept| kept.lifted_at).max()
    }

    /// Whether the same was the last that was tried with this label or comment, since which nothing was surely done.
    /// Answers to two commands look alike before they have an id, and are two.
    fn stage(&self, write: &Write) -> Stage {
        if (write.origin, &write.act) == (Origin::Command, &Act::CommentPosted(None)) {
            return Stage::Intended;
        }
        let unfinished = self.recent.iter().take_while(|written| written.stage != Stage::Done);
        let last = unfinished.map(|written| &written.write).find(|last| last.act.same_thing(&write.act));
        if last == Some(write) { Stage::Repeated } else { Stage::Intended }
    }

    /// The label that an act would change once too often.
    fn flapping<'act>(&self, act: &'act Act) -> Option<&'act Label> {
        let (Act::LabelAdded(label) | Act::LabelRemoved(label)) = act else { return None };
        let lifted = self.last_lifted(Some(self.issue));
        let often = |act: &Act| {
            let same = self.recent.iter().filter(|written| {
                written.write.act == *act
                    && counts(&written.write, written.stage)
                    && lifted.is_none_or(|lifted| written.at > lifted)
            });
            same.count() >= FLAPS
        };
        let flaps = often(&Act::LabelAdded(label.clone())) && often(&Act::LabelRemoved(label.clone()));
        flaps.then_some(label)
    }
}

fn counts(write: &Write, stage: Stage) -> bool {
    write.origin.is_counted() && stage == Stage::Intended
}

impl Intention {
    /// Whether it is noted. Says it where writing has just stopped; whoever comes later is only told.
    pub fn told(self) -> Result<bool, Error> {
        match self {
            Self::Noted => Ok(true),
            Self::NotOurs => Ok(false),
            Self::Held(stop) => Err(Error::Stopped(stop)),
            Self::Tripped(stop) => {
                metrics::counter!("escalator_write_stops_total", "scope" => stop.scope()).increment(1);
                tracing::error!(remedy = stop.remedy(), "{stop}");
                Err(Error::Stopped(stop))
            }
        }
    }
}

impl Store {
    /// The same store with a fuse for writes: so many a minute, those of all replicas counted.
    #[must_use]
    pub fn with_fuse(self, writes_per_minute: u32) -> Self {
        Self { fuse: Some(writes_per_minute), ..self }
    }
}
