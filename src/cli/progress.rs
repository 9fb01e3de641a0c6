//! How far a long walk came: a bar on a terminal, lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::output;

/// How often a line tells how far it came, where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// How often the bar is drawn again while nothing happens.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

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

    /// How many issues there are, if somebody has counted them.
    pub fn set_expected(&self, expected: Option<u64>) {
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
