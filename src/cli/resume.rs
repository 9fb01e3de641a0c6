//! `escalator resume`: lets writing go on that the fuse stopped, or whoever took back what was written.
//!
//! Works beside a running service, on the same store.

use anyhow::anyhow;
use clap::Args;

use super::parked::{issue, open_beside};
use super::{CommandError, output, runtime};
use crate::calculator::issue::IssueRef;
use crate::clock;
use crate::config::load;
use crate::config::sources::Sources;
use crate::store::Stop;

/// Which stops to lift.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only those of these issues, as `parked list` prints them, such as 42#7; without any, every stop there is.
    #[arg(value_name = "ISSUE", value_parser = issue)]
    issues: Vec<IssueRef>,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let url = load(sources)?.store()?;
    runtime()?.block_on(async {
        let store = open_beside(&url).await?;
        let (mut lifted, mut not_stopped) = (Vec::new(), Vec::new());
        if arguments.issues.is_empty() {
            lifted = store.resume(None, clock::now()).await.map_err(anyhow::Error::from)?;
        }
        for issue in &arguments.issues {
            let of_issue = store.resume(Some(*issue), clock::now()).await.map_err(anyhow::Error::from)?;
            if of_issue.is_empty() {
                not_stopped.push(issue.to_string());
            }
            lifted.extend(of_issue);
        }
        let stopped = store.stops().await.map_err(anyhow::Error::from)?;
        output::print(&text(&lifted, &stopped))?;
        if not_stopped.is_empty() {
            return Ok(());
        }
        let names = not_stopped.join(", ");
        Err(CommandError::Failed(if is_all_stopped(&stopped) {
            anyhow!("not stopped by itself: {names}; nothing is written to any issue until: escalator resume")
        } else {
            anyhow!("not stopped: {names}; see `escalator parked list`")
        }))
    })
}

fn text(lifted: &[Stop], stopped: &[Stop]) -> String {
    if lifted.is_empty() && stopped.is_empty() {
        return "Nothing is stopped.\n".to_owned();
    }
    let lifted = lifted.iter().map(|stop| {
        let goes_on = match stop.issue {
            Some(issue) if is_all_stopped(stopped) => {
                format!("Writing to {issue} goes on when all writing does, and not before.")
            }
            Some(issue) => format!("Writing to {issue} goes on."),
            None => "Writing goes on.".to_owned(),
        };
        format!("{goes_on} It was stopped since {}, because {}.\n", stop.at, stop.reason)
    });
    lifted.chain(stopped.iter().map(line)).collect()
}

fn is_all_stopped(stopped: &[Stop]) -> bool {
    stopped.iter().any(|stop| stop.issue.is_none())
}

/// What holds still, and the command that lifts it.
pub(super) fn line(stop: &Stop) -> String {
    let writing = match stop.issue {
        Some(issue) => format!("Writing to {issue}"),
        None => "Writing".to_owned(),
    };
    format!("{writing} is stopped since {}, because {}: {}\n", stop.at, stop.reason, stop.remedy())
}
