//! The command line: one file per command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

mod agreement;
mod backfill;
mod backfill_report;
mod backfill_walk;
mod config;
mod demo;
mod doctor;
mod output;
mod parked;
mod patience;
mod progress;
mod resume;
mod score;
mod score_report;
mod serve;
mod setup;
mod signals;
mod store;
mod undo;
mod undo_report;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::comment;
use crate::config::problem::Problems;
use crate::config::sources::Sources;
use crate::telemetry::print_panics;

/// Turns GitLab into an escalation desk: scores labelled issues, explains the score in one comment, and keeps the
/// escalation label right.
#[derive(Debug, Parser)]
#[command(name = "escalator", version, propagate_version = true)]
pub struct Cli {
    /// The configuration file; without it, ESCALATOR_CONFIG, and without that the built-in defaults.
    /// Environment variables such as ESCALATOR__GITLAB__URL win over the file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: everything on this machine with a GitLab sandbox inside; no account, no configuration, no network.
    Demo(demo::Arguments),
    /// Make labels, a board and webhooks in GitLab; shows first what it would do.
    Setup(setup::Arguments),
    /// Run the service.
    Serve,
    /// Assess the issues that exist already; on SQLite, `serve` must not run meanwhile.
    Backfill(backfill::Arguments),
    /// Check everything, from the configuration to each project's labels, and say what to do; writes nothing.
    Doctor(doctor::Arguments),
    /// Print one assessment, of labels you name or of an issue in GitLab.
    Score(score::Arguments),
    /// List, retry or drop what could not be done.
    #[command(subcommand)]
    Parked(parked::Command),
    /// Let writing to GitLab go on that was stopped: by the fuse, because there was too much of it, or by `undo`.
    Resume(resume::Arguments),
    /// Take back what Escalator wrote since a moment and nobody has touched since.
    ///
    /// First writing is stopped, beside a running service too, so that it does not write the same again; `escalator resume`
    /// lets it go on. Then labels become what they were, and comments that are new since then are deleted. Labels on which
    /// another hand came last, comments that somebody reworded or answered, and what a person asked for by a comment stay, and so do
    /// edits of older comments, whose text nobody keeps. Closed issues are changed as well. A repeat goes on.
    Undo(undo::Arguments),
    /// Say how often people decided as the score says, and list where they did not; made for `mode = "shadow"`.
    Agreement(agreement::Arguments),
    /// Bring the store's schema up to date, or copy it from SQLite to PostgreSQL.
    #[command(subcommand)]
    Store(store::Command),
    /// Check, show or describe the configuration.
    #[command(subcommand)]
    Config(config::Command),
}

/// Why a command ended without success.
#[derive(Debug)]
enum CommandError {
    /// Wrong usage or configuration: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Failed(anyhow::Error),
    /// Either, and the log tells already.
    Logged { exit_code: u8 },
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Logged { exit_code } => *exit_code,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => formatter.write_str(message),
            Self::Failed(error) => write!(formatter, "{error:#}"),
            Self::Logged { .. } => Ok(()),
        }
    }
}

impl From<Problems> for CommandError {
    fn from(problems: Problems) -> Self {
        Self::Usage(problems.to_string())
    }
}

impl From<comment::Error> for CommandError {
    fn from(error: comment::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the command that the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    print_panics();
    match run_command(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error.to_string());
            error.exit_code().into()
        }
    }
}

fn run_command(cli: Cli) -> Result<(), CommandError> {
    let sources = || Sources::from_environment(cli.config.as_deref());
    match cli.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Setup(arguments) => setup::run(&arguments, &sources()?),
        Command::Serve => serve::run(&sources()?),
        Command::Backfill(arguments) => backfill::run(&arguments, &sources()?),
        Command::Doctor(arguments) => doctor::run(&arguments, &sources()?),
        Command::Score(arguments) => score::run(&arguments, &sources()?),
        Command::Parked(command) => parked::run(&command, &sources()?),
        Command::Resume(arguments) => resume::run(&arguments, &sources()?),
        Command::Undo(arguments) => undo::run(&arguments, &sources()?),
        Command::Agreement(arguments) => agreement::run(&arguments, &sources()?),
        Command::Store(command) => store::run(&command, &sources()?),
        Command::Config(command) => config::run(&command, &sources()?),
    }
}

/// The runtime of commands that wait for something.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
