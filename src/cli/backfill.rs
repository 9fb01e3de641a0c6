//! `escalator backfill`: assesses the issues that exist already.
//!
//! Looks at each with the same code as the service. Has a SQLite store for itself meanwhile; works beside the replicas that
//! share a PostgreSQL one.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use tokio::sync::watch;

use super::backfill_report::Tally;
use super::backfill_walk::{Ended, Walk};
use super::patience::{Interruption, Patience};
use super::progress::Progress;
use super::{CommandError, output, runtime};
use crate::comment::Renderer;
use crate::config::settings::Mode;
use crate::config::sources::Sources;
use crate::config::{Loaded, load};
use crate::gitlab::{Client, Place};
use crate::identity::Identity;
use crate::service::{audience, open_store, retry_policy, watched_places};
use crate::store::{self, OpenError, Origin};
use crate::worker::{Desk, Gate};

/// Where to look, and whether to write.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A group, with its subgroups, instead of what gitlab.groups and gitlab.projects name; repeat it for each.
    #[arg(long, value_name = "PATH")]
    group: Vec<String>,
    /// A project, likewise.
    #[arg(long, value_name = "PATH")]
    project: Vec<String>,
    /// Write nothing, neither to GitLab nor to the store; print what would change, an issue a line.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let loaded = load(sources)?;
    let places = places(arguments, &loaded)?;
    let access = loaded.gitlab()?;
    let renderer = Renderer::new(loaded.settings.comment.templates.as_deref())?;
    renderer.check(&loaded.policy)?;
    let gitlab = Client::new(&access).map_err(anyhow::Error::from)?;
    let url = loaded.store()?;
    runtime()?.block_on(async {
        let store = open_store(&url).await.map_err(explain)?;
        let mode = if arguments.dry_run { Mode::DryRun } else { loaded.settings.mode };
        let desk = Desk {
            store,
            gitlab,
            identity: Identity::default(),
            policy: Arc::new(loaded.policy.clone()),
            renderer,
            audience: audience(&loaded.settings.comment),
            mode,
            origin: Origin::Backfill,
        };
        walk(desk, &loaded, &places).await
    })
}

fn places(arguments: &Arguments, loaded: &Loaded) -> Result<Vec<Place>, CommandError> {
    let groups = arguments.group.iter().cloned().map(Place::Group);
    let mut named: Vec<_> = groups.chain(arguments.project.iter().cloned().map(Place::Project)).collect();
    if named.is_empty() {
        named = watched_places(&loaded.settings.gitlab);
    }
    if named.is_empty() {
        return Err(CommandError::Usage(
            "nowhere to look: name places with --group or --project, or set gitlab.groups or gitlab.projects"
                .to_owned(),
        ));
    }
    Ok(named)
}

fn explain(error: OpenError) -> CommandError {
    match error {
        OpenError::InUse(path) => CommandError::Failed(anyhow!(
            "{} is in use by another escalator, and a backfill needs it for itself: stop `escalator serve`, run the \
             backfill, and start it again; its first sweep finds what changed in between",
            path.display()
        )),
        other @ (OpenError::Newer { .. }
        | OpenError::Damaged { .. }
        | OpenError::Refused { .. }
        | OpenError::NewerSchema { .. }
        | OpenError::Older { .. }
        | OpenError::Foreign { .. }
        | OpenError::NotWhole { .. }
        | OpenError::Inaccessible { .. }) => CommandError::Failed(other.into()),
    }
}

/// Rather than wait for whoever is to look first.
async fn refuse_while_stopped(desk: &Desk) -> anyhow::Result<()> {
    let stops = desk.store.stops().await?;
    match stops.into_iter().find(|stop| desk.mode == Mode::Live && stop.issue.is_none()) {
        Some(stop) => Err(store::Error::Stopped(stop).into()),
        None => Ok(()),
    }
}

async fn walk(desk: Desk, loaded: &Loaded, places: &[Place]) -> Result<(), CommandError> {
    desk.own_users(desk.gitlab.token_replacements()).await.context("cannot begin")?;
    refuse_while_stopped(&desk).await?;
    let mode = desk.mode;
    let patience = Patience {
        gate: Gate::default(),
        retry: retry_policy(&loaded.settings.queue),
        store: desk.store.clone(),
        mode,
        progress: Progress::start(),
        interrupted: watch::Sender::new(None),
    };
    let policy = desk.policy_digest();
    let walk = Walk { desk, patience, at_once: loaded.settings.queue.workers, policy };
    let mut tally = Tally::new(mode);
    let progress = &walk.patience.progress;
    let ended = walk.patience.until_ended_or_stopped(walk.run(places, &mut tally)).await?;
    let ended = ended.map_err(anyhow::Error::from)?;
    progress.end();
    output::print(&tally.table())?;
    match ended {
        Ended::Complete if tally.failures() == 0 => Ok(()),
        Ended::Complete => Err(anyhow!("not everything could be looked at; the table says why").into()),
        Ended::Stopped => Err(interrupted(&walk.patience).into()),
    }
}

fn interrupted(patience: &Patience) -> anyhow::Error {
    match (&*patience.interrupted.borrow(), patience.mode) {
        (Some(Interruption::WritingStopped(why)), _) => {
            anyhow!("{why}, and the same backfill, which goes on from here")
        }
        (Some(Interruption::Signal) | None, Mode::Live | Mode::Shadow) => {
            anyhow!("stopped before the end; the next backfill goes on from here")
        }
        (Some(Interruption::Signal) | None, Mode::DryRun) => anyhow!("stopped before the end"),
    }
}
