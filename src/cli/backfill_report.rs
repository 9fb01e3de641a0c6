//! What a backfill says: what it would change, and a table at the end.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::config::settings::Mode;
use crate::gitlab::Place;
use crate::worker::{Changes, Written};

/// So many issues are named for each reason; the store knows all.
const NAMED: usize = 5;

/// What became of one issue.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Assessed(Changes),
    Closed,
    NoSource,
    Gone,
    Failed(String),
}

impl Outcome {
    /// Whether GitLab had to be asked.
    pub fn took_calls(&self) -> bool {
        match self {
            Self::Assessed(_) | Self::Gone | Self::Failed(_) => true,
            Self::Closed | Self::NoSource => false,
        }
    }
}

/// What became of all of them.
pub(super) struct Tally {
    mode: Mode,
    changed: usize,
    unchanged: usize,
    closed: usize,
    without_source: usize,
    gone: usize,
    failed: BTreeMap<String, Vec<IssueRef>>,
    unlisted: Vec<String>,
}

impl Tally {
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            changed: 0,
            unchanged: 0,
            closed: 0,
            without_source: 0,
            gone: 0,
            failed: BTreeMap::new(),
            unlisted: Vec::new(),
        }
    }

    /// Counts an issue. Gives the line to print of it, if this is a dry run.
    pub fn add(&mut self, issue: IssueRef, outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Assessed(changes) => {
                let count = if changes.none() { &mut self.unchanged } else { &mut self.changed };
                *count += 1;
                return (self.mode == Mode::DryRun).then(|| line(issue, &changes));
            }
            Outcome::Closed => self.closed += 1,
            Outcome::NoSource => self.without_source += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Failed(reason) => self.failed.entry(reason).or_default().push(issue),
        }
        None
    }

    /// Notes that a place could not be listed to its end.
    pub fn unlisted(&mut self, place: &Place, reason: &str) {
        self.unlisted.push(format!("{place}: {reason}"));
    }

    pub fn failures(&self) -> usize {
        self.unlisted.len() + self.failed.values().map(Vec::len).sum::<usize>()
    }

    /// The summary.
    pub fn table(&self) -> String {
        let changed = match self.mode {
            Mode::Live => "  changed",
            Mode::DryRun | Mode::Shadow => "  would change",
        };
        let failed = self.failed.values().map(Vec::len).sum();
        let rows = [
            ("assessed", self.changed + self.unchanged),
            (changed, self.changed),
            ("  unchanged", self.unchanged),
            ("skipped: closed", self.closed),
            ("skipped: no source", self.without_source),
            ("gone meanwhile", self.gone),
            ("failed", failed),
        ];
        let mut out = String::from("\n");
        // Writing into a String cannot fail.
        for (name, count) in rows {
            let _ = writeln!(out, "{name:20} {count:>8}");
        }
        for (reason, issues) in &self.failed {
            let named: Vec<_> = issues.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if issues.len() > NAMED { ", …" } else { "" };
            let _ = writeln!(out, "  {} of these ({}{more}): {reason}", issues.len(), named.join(", "));
        }
        for place in &self.unlisted {
            let _ = writeln!(out, "not listed to the end: {place}");
        }
        match self.mode {
            Mode::Live | Mode::DryRun => {}
            Mode::Shadow => {
                let _ = writeln!(
                    out,
                    "in shadow: nothing was written to GitLab, and what was found is in the store"
                );
            }
        }
        out
    }
}

/// An issue of a dry run.
fn line(issue: IssueRef, changes: &Changes) -> String {
    let signed = |sign: char, labels: &[Label]| -> Vec<String> {
        labels.iter().map(|label| format!("{sign}{:?}", label.title())).collect()
    };
    let mut labels = signed('+', &changes.added);
    labels.extend(signed('-', &changes.removed));
    let labels = if labels.is_empty() { "unchanged".to_owned() } else { labels.join(" ") };
    let comment = match changes.comment {
        Written::Unchanged => "unchanged",
        Written::Created | Written::WouldCreate => "created",
        Written::Edited | Written::WouldEdit => "edited",
    };
    format!("{issue}  score {}  {}  labels {labels}  comment {comment}", changes.score, changes.band)
}
