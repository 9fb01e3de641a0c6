//! `escalator undo`: takes back what Escalator wrote since a moment, and nothing that a person has touched since.
//!
//! Works beside a running service, on the same store, and stops its writing first.

use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use futures_util::{StreamExt, future, stream};
use jiff::Timestamp;
use tokio::sync::watch;

use super::parked::open_beside;
use super::patience::{Patience, Undone};
use super::progress::Progress;
use super::undo_report::Tally;
use super::{CommandError, output, runtime};
use crate::calculator::issue::IssueRef;
use crate::clock::{self, Millis};
use crate::config::settings::Mode;
use crate::config::sources::Sources;
use crate::config::{Loaded, load};
use crate::gitlab::Client;
use crate::identity::Identity;
use crate::service::retry_policy;
use crate::store::{self, Release, StopReason};
use crate::undo::hand::{Hand, Run};
use crate::undo::plan::Plan;
use crate::worker::{Failure, Gate, Lease};

/// Since when, and whether to write.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Since when: a time such as 2026-11-26T10:00:00Z, or how long ago, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Since,
    /// Write nothing, neither to GitLab nor to the store; print what would be taken back and what not, a line each.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy)]
enum Since {
    At(Timestamp),
    Ago(Duration),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(Since::Ago(ago));
    }
    text.parse().map(Since::At).map_err(|_| {
        "expected a time with its zone, such as 2026-11-26T10:00:00Z, or how long ago, such as 2h".to_owned()
    })
}

impl Since {
    fn moment(self, now: Millis) -> Result<Millis, CommandError> {
        let moment = match self {
            Self::At(timestamp) => Millis(timestamp.as_millisecond()),
            Self::Ago(ago) => {
                Millis(now.0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)))
            }
        };
        if moment > now {
            return Err(CommandError::Usage("--since is in the future".to_owned()));
        }
        Ok(moment)
    }
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let since = arguments.since.moment(clock::now())?;
    let loaded = load(sources)?;
    let gitlab = Client::new(&loaded.gitlab()?).map_err(anyhow::Error::from)?;
    let url = loaded.store()?;
    runtime()?.block_on(async {
        let store = open_beside(&url).await?;
        let run = match loaded.settings.mode {
            _ if arguments.dry_run => Run::Dry,
            Mode::Live => Run::Live,
            Mode::DryRun | Mode::Shadow => {
                output::print(
                    "This mode writes nothing, so this only tells what would be taken back; with ESCALATOR__MODE=live it is.\n",
                )?;
                Run::Dry
            }
        };
        let hand = Hand { store, gitlab, identity: Identity::default(), since, run };
        take_back(hand, &loaded).await
    })
}

async fn take_back(hand: Hand, loaded: &Loaded) -> Result<(), CommandError> {
    let (run, store) = (hand.run, hand.store.clone());
    hand.own_users().await.context("cannot begin")?;
    if store.written_issues(hand.since, None).await.map_err(anyhow::Error::from)?.is_empty() {
        output::print("Nothing was written since then.\n")?;
        return Ok(());
    }
    match run {
        // Before anything else, so that nothing is written anew while it is taken back.
        Run::Live => {
            store.stop_writing(None, StopReason::Undo, clock::now()).await.map_err(anyhow::Error::from)?;
            output::print("All writing is stopped now, or the service would write it again.\n")?;
        }
        Run::Dry => {}
    }
    let patience = Patience {
        gate: Gate::default(),
        retry: retry_policy(&loaded.settings.queue),
        store,
        mode: run.into(),
        progress: Progress::start(),
        interrupted: watch::Sender::new(None),
    };
    let walk = Walk { hand, patience, at_once: loaded.settings.queue.workers };
    let mut tally = Tally::new(run);
    let progress = &walk.patience.progress;
    let ended = walk.patience.until_ended_or_stopped(walk.run(&mut tally)).await?;
    progress.end();
    output::print(&tally.table())?;
    if run == Run::Live {
        output::print(
            "\nWriting stays stopped. Mend the cause (the policy, mode), restart the service where that takes a restart, \
             then: escalator resume\n",
        )?;
    }
    match ended.map_err(anyhow::Error::from)? {
        Ended::Complete if tally.failures() == 0 => Ok(()),
        Ended::Complete => {
            Err(anyhow!("not everything could be taken back; the table says why, and a repeat goes on")
                .into())
        }
        Ended::Stopped => Err(anyhow!("stopped before the end; a repeat goes on from here").into()),
    }
}

/// Goes through the issues that were written to.
struct Walk {
    hand: Hand,
    patience: Patience,
    at_once: usize,
}

/// How it ended.
enum Ended {
    Complete,
    Stopped,
}

impl Walk {
    async fn run(&self, tally: &mut Tally) -> Result<Ended, store::Error> {
        let store = &self.hand.store;
        self.patience.progress.set_expected(Some(store.count_written_issues(self.hand.since).await?));
        let mut after = None;
        loop {
            let issues = store.written_issues(self.hand.since, after).await?;
            let Some(last) = issues.last() else { return Ok(Ended::Complete) };
            after = Some(*last);
            let mut taking = std::pin::pin!(
                stream::iter(&issues)
                    .take_while(|_| future::ready(!self.patience.is_interrupted()))
                    .map(async |issue| (*issue, self.take_back(*issue).await))
                    .buffered(self.at_once)
            );
            let (mut done, mut stopped) = (0, false);
            while let Some((issue, (taken, ended))) = taking.next().await {
                match ended {
                    Ok(()) => {}
                    Err(Undone::Gone) => tally.gone(),
                    Err(Undone::Failed(failure)) => tally.failed(issue, &failure),
                    Err(Undone::Stopped) => stopped = true,
                }
                self.patience.progress.one_more();
                for line in tally.taken_back(issue, &taken) {
                    self.patience.progress.print(&line);
                }
                done += 1;
            }
            if stopped || done < issues.len() {
                return Ok(Ended::Stopped);
            }
        }
    }

    /// What was taken back on an issue, and how that ended.
    async fn take_back(&self, issue: IssueRef) -> (Plan, Result<(), Undone>) {
        let mut taken = Plan::default();
        let ended = match self.hand.run {
            Run::Dry => {
                let endless = Lease::without_end();
                self.patience.persist(async || self.hand.take_back(issue, &endless, &mut taken).await).await
            }
            Run::Live => loop {
                match self.claim_and_take_back(issue, &mut taken).await {
                    Err(Undone::Failed(Failure::LeaseLost)) => {}
                    ended => break ended,
                }
            },
        };
        (taken, ended)
    }

    /// Takes back on an issue that nobody is looking at: a look that was under way when writing was stopped has ended with
    /// its claim. Afterwards the issue waits to be looked at, until writing is resumed.
    async fn claim_and_take_back(&self, issue: IssueRef, taken: &mut Plan) -> Result<(), Undone> {
        let store = &self.hand.store;
        let claim = self.patience.claim(issue).await?;
        let lease = Lease::of(&claim);
        let taking = self.patience.persist(async || self.hand.take_back(issue, &lease, taken).await);
        let ended = lease.guard(store, taking).await;
        store.finish(claim, Release::Paused, clock::now()).await?;
        ended
    }
}
