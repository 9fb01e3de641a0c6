//! What a backfill says: how far it came, what it would change, and a table at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::output;
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::config::settings::Mode;
use crate::gitlab::Place;
use crate::worker::{Changes, Written};

/// How often a line tells how far it came, where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// How often the bar is drawn again while nothing happens.
const BAR_INTERVAL: Duration = Duration::from_millis(200);
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

/// How far it came: a bar on a terminal, lines elsewhere; on standard error.
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

/// Lines every few seconds.
pub(super) struct Lines {
    started: Instant,
    said: Instant,
    done: u64,
    expected: Option<u64>,
}

impl Progress {
    pub fn start() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Bar(ProgressBar::no_length())
        } else {
            let now = Instant::now();
            Self::Lines(Mutex::new(Lines { started: now, said: now, done: 0, expected: None }))
        }
    }

    /// How many issues there are, if GitLab has counted them.
    pub fn expect(&self, expected: Option<u64>) {
        match self {
            Self::Bar(bar) => {
                bar.set_style(style(expected));
                if let Some(expected) = expected {
                    bar.set_length(expected);
                }
                bar.enable_steady_tick(BAR_INTERVAL);
            }
            Self::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.expected = expected;
                match expected {
                    Some(expected) => tell(&format!("{expected} issues to go through")),
                    None => tell("more than 10,000 issues to go through; GitLab does not count further"),
                }
            }
        }
    }

    pub fn one_more(&self) {
        match self {
            Self::Bar(bar) => bar.inc(1),
            Self::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.done += 1;
                if lines.said.elapsed() >= LINE_INTERVAL {
                    lines.said = Instant::now();
                    tell(&lines.text());
                }
            }
        }
    }

    /// Says something to whoever watches.
    pub fn say(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| tell(text)),
            Self::Lines(_) => tell(text),
        }
    }

    /// Prints a line of the result to standard output.
    pub fn print(&self, line: &str) {
        // A reader that is gone does not end the work.
        let print = || drop(output::print(&format!("{line}\n")));
        match self {
            Self::Bar(bar) => bar.suspend(print),
            Self::Lines(_) => print(),
        }
    }

    pub fn end(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines(lines) => tell(&lines.lock().unwrap_or_else(PoisonError::into_inner).text()),
        }
    }
}

fn style(expected: Option<u64>) -> ProgressStyle {
    let template = match expected {
        Some(_) => "{bar:40} {pos} of {len} issues, {rate} per second, {eta} left",
        None => "{spinner} {pos} issues, {rate} per second",
    };
    // The texts above are constant and right.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // Whoever cannot be written to does not show a bar.
        let _ = write!(out, "{:.1}", state.per_sec());
    })
}

impl Lines {
    fn text(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "counts of issues are far below 2^52")]
        let (done, expected) = (self.done as f64, self.expected.map(|expected| expected as f64));
        let per_second = done / self.started.elapsed().as_secs_f64().max(0.001);
        let mut text = match self.expected {
            Some(expected) => format!("{} of {expected} issues, {per_second:.1} per second", self.done),
            None => format!("{} issues, {per_second:.1} per second", self.done),
        };
        if let Some(left) = expected.map(|expected| (expected - done) / per_second)
            && let Ok(left) = Duration::try_from_secs_f64(left.ceil())
            && !left.is_zero()
        {
            // Writing into a String cannot fail.
            let _ = write!(text, ", about {} left", humantime::format_duration(left));
        }
        text
    }
}

fn tell(text: &str) {
    // There is nobody left to tell when standard error is closed.
    let _closed = writeln!(std::io::stderr().lock(), "escalator: {text}");
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
