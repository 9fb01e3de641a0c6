//! `escalator parked list|retry|drop`: what could not be done and why, and what is to become of it.
//!
//! Works beside a running service, on the same store.

use std::fmt::Write;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{CommandError, output, resume, runtime};
use crate::calculator::issue::IssueRef;
use crate::clock;
use crate::config::sources::Sources;
use crate::config::{StoreUrl, load};
use crate::store::{Parked, Stop, Store};

/// What to do with parked issues.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print each parked issue: since when, how often it was tried, why, and what to do; and whether writing is stopped.
    List {
        /// How to print it.
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// Put them back into the queue; a running service takes them up within seconds.
    Retry(Chosen),
    /// Forget them until they change again in GitLab.
    Drop(Chosen),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Which parked issues.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Issues as `parked list` prints them: the project's id, "#" and the issue's number, such as 42#7.
    #[arg(value_name = "ISSUE", value_parser = issue, required_unless_present = "all", conflicts_with = "all")]
    issues: Vec<IssueRef>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

pub(super) fn issue(text: &str) -> Result<IssueRef, String> {
    text.split_once('#')
        .and_then(|(project, iid)| {
            Some(IssueRef { project_id: project.parse().ok()?, iid: iid.parse().ok()? })
        })
        .ok_or_else(|| "expected the project's id, \"#\" and the issue's number, such as 42#7".to_owned())
}

pub(super) fn run(command: &Command, sources: &Sources) -> Result<(), CommandError> {
    let url = load(sources)?.store()?;
    runtime()?.block_on(async {
        let store = open_beside(&url).await?;
        match command {
            Command::List { format } => {
                let parked = store.parked().await.map_err(anyhow::Error::from)?;
                let stops = store.stops().await.map_err(anyhow::Error::from)?;
                output::print(&match format {
                    Format::Text => text(&parked, &stops),
                    Format::Json => json(&parked)?,
                })?;
            }
            Command::Retry(chosen) => {
                let (mut done, mut not_parked) = (0, Vec::new());
                for issue in chosen.among(&store).await? {
                    match store.retry_parked(issue, clock::now()).await.map_err(anyhow::Error::from)? {
                        true => done += 1,
                        false => not_parked.push(issue),
                    }
                }
                report("back in the queue", done, &not_parked)?;
            }
            Command::Drop(chosen) => {
                let (mut done, mut not_parked) = (0, Vec::new());
                for issue in chosen.among(&store).await? {
                    match store.drop_parked(issue).await.map_err(anyhow::Error::from)? {
                        true => done += 1,
                        false => not_parked.push(issue),
                    }
                }
                report("dropped", done, &not_parked)?;
            }
        }
        Ok(())
    })
}

/// The store, which a service may be using, and whose schema is that service's to change.
pub(super) async fn open_beside(url: &StoreUrl) -> Result<Store, CommandError> {
    let store = match url {
        StoreUrl::Sqlite(path) => Store::open_beside(path),
        StoreUrl::Postgres(url) => Store::connect_beside(url.expose()).await,
    };
    Ok(store.map_err(anyhow::Error::from)?)
}

impl Chosen {
    async fn among(&self, store: &Store) -> Result<Vec<IssueRef>, CommandError> {
        if !self.all {
            return Ok(self.issues.clone());
        }
        let parked = store.parked().await.map_err(anyhow::Error::from)?;
        Ok(parked.into_iter().map(|parked| parked.issue).collect())
    }
}

/// Says what was done; an issue that was not parked is a failure, after the others were seen to.
fn report(what: &str, done: usize, not_parked: &[IssueRef]) -> Result<(), CommandError> {
    output::print(&format!("{done} {what}\n"))?;
    if not_parked.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = not_parked.iter().map(ToString::to_string).collect();
    Err(CommandError::Failed(anyhow::anyhow!(
        "not parked: {}; see `escalator parked list`",
        names.join(", ")
    )))
}

fn text(parked: &[Parked], stops: &[Stop]) -> String {
    let mut out: String = stops.iter().map(resume::line).collect();
    if parked.is_empty() {
        return out + "Nothing is parked.\n";
    }
    for parked in parked {
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{}  since {}, tried {}\n    {}",
            parked.issue,
            parked.parked_at,
            if parked.attempts == 1 { "once".to_owned() } else { format!("{} times", parked.attempts) },
            parked.reason
        );
    }
    let _ = writeln!(out, "\nMend the cause, then: escalator parked retry ISSUE, or --all");
    out
}

/// The JSON form. Field names are a promise to scripts.
#[derive(Serialize)]
struct ParkedReport<'parked> {
    project_id: u64,
    iid: u64,
    parked_at: String,
    attempts: u32,
    reason: &'parked str,
}

fn json(parked: &[Parked]) -> Result<String, CommandError> {
    let report: Vec<_> = parked
        .iter()
        .map(|parked| ParkedReport {
            project_id: parked.issue.project_id,
            iid: parked.issue.iid,
            parked_at: parked.parked_at.to_string(),
            attempts: parked.attempts,
            reason: &parked.reason,
        })
        .collect();
    let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
    Ok(format!("{text}\n"))
}
