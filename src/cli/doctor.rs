//! `escalator doctor`: whether everything is as it should be, a line per check, and what to do where it is not.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use super::{CommandError, output, runtime};
use crate::config::load;
use crate::config::sources::Sources;
use crate::doctor::finding::{Finding, State};
use crate::doctor::{Visit, examine};

const SPINNER_INTERVAL: Duration = Duration::from_millis(100);
const PLAIN: &str = "\x1b[0m";

/// How to tell.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How to print it.
    #[arg(long, default_value = "text")]
    format: Format,
    /// Have GitLab send a test delivery of each webhook that leads here, and see how it is answered. One that succeeds
    /// switches on a webhook that GitLab had switched off.
    #[arg(long)]
    deliver: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let visit = if arguments.deliver { Visit::Deliver } else { Visit::Look };
    let progress = Progress::start();
    let loaded = load(sources);
    let findings = runtime()?.block_on(examine(&loaded, visit, &|what| progress.tell(what)));
    progress.end();
    output::print(&match arguments.format {
        Format::Text => text(&findings, std::io::stdout().is_terminal()),
        Format::Json => json(&findings)?,
    })?;
    let broken = count(&findings, State::Fail);
    if broken > 0 {
        return Err(CommandError::Failed(anyhow::anyhow!(
            "not as it should be: {broken}; what to do is said with each"
        )));
    }
    Ok(())
}

fn count(findings: &[Finding], state: State) -> usize {
    findings.iter().filter(|finding| finding.state == state).count()
}

fn text(findings: &[Finding], coloured: bool) -> String {
    let mut out = String::new();
    for finding in findings {
        let (mark, colour) = mark(finding.state);
        let mark = if coloured { format!("{colour}{mark:<5}{PLAIN}") } else { format!("{mark:<5}") };
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{mark} {}: {}", printable(&finding.subject), printable(&finding.found));
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(out, "      to do: {}", printable(remedy));
        }
    }
    let of = |state| count(findings, state);
    let _ = writeln!(
        out,
        "\nok: {}, warnings: {}, failures: {}, skipped: {}",
        of(State::Ok),
        of(State::Warn),
        of(State::Fail),
        of(State::Skipped)
    );
    out
}

fn mark(state: State) -> (&'static str, &'static str) {
    match state {
        State::Ok => ("ok", "\x1b[32m"),
        State::Warn => ("warn", "\x1b[33m"),
        State::Fail => ("fail", "\x1b[31m"),
        State::Skipped => ("-", "\x1b[2m"),
    }
}

/// One line, in which no control character reaches the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn json(findings: &[Finding]) -> Result<String, CommandError> {
    let text = serde_json::to_string_pretty(findings).map_err(anyhow::Error::from)?;
    Ok(format!("{text}\n"))
}

/// What is being read, on a terminal; elsewhere nobody watches.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn start() -> Self {
        Self(std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(SPINNER_INTERVAL);
            spinner
        }))
    }

    fn tell(&self, what: &str) {
        if let Some(spinner) = &self.0 {
            spinner.set_message(printable(what));
        }
    }

    fn end(self) {
        if let Some(spinner) = self.0 {
            spinner.finish_and_clear();
        }
    }
}
