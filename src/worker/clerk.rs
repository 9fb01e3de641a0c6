//! The clerk: reads notes that may be commands, and answers each of them once.
//!
//! Apart from the looks at issues, as a person would be: it sets labels, and the look that follows finds them. Reads what
//! is asked from GitLab, never from a webhook's body, and keeps, logs and echoes nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::after_failure::{Failure, Next, RetryPolicy, after_failure};
use super::gate::Gate;
use super::lease::Lease;
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::policy::Policy;
use crate::clock::{self, Millis};
use crate::command;
use crate::comment::ReplyRenderer;
use crate::config::settings::Mode;
use crate::gitlab::{Audience, Client, Note, ProjectRef, User};
use crate::identity::Identity;
use crate::store::{self, Act, Answered, Origin, Reading, Store, Walk, Write};

/// How often it looks whether there is something to read. Somebody waits for the answer.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it waits when the store does not answer.
const PAUSE: Duration = Duration::from_secs(10);
/// How long the commands of an issue wait to which nothing may be written.
const STOPPED: Duration = Duration::from_secs(10 * 60);
/// Older notes are no commands any more: who wrote one has long done it otherwise.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The name of the one watermark: the first start.
const FIRST_START: &str = "first start";
/// What comes of each command if all is well; shown in the metrics from the start.
const WELL_ANSWERED: [(&str, &str); 6] = [
    ("explain", "explain"),
    ("recheck", "done"),
    ("answer", "done"),
    ("accept", "done"),
    ("decline", "done"),
    ("help", "help"),
];

/// Answers commands.
#[derive(Clone)]
pub struct Clerk {
    /// What is to be read, and what was answered.
    pub store: Store,
    /// Where notes are read and answered.
    pub gitlab: Client,
    /// Closed while GitLab wants no calls.
    pub gate: Arc<Gate>,
    /// What a failure means.
    pub retry: RetryPolicy,
    /// Who we are.
    pub identity: Identity,
    /// The rule.
    pub policy: Arc<Policy>,
    /// The replies.
    pub replies: Arc<ReplyRenderer>,
    /// Who may read the comment, and so what is told of it.
    pub audience: Audience,
    /// Whether to write.
    pub mode: Mode,
    /// Usernames of those who may accept and decline.
    pub tpms: Arc<[String]>,
}

impl Clerk {
    /// Works until told to stop; the issue in hand is read to its end first. Whoever has the duty next looks for replies
    /// before it posts any, and would not see one that GitLab is just about to make.
    pub async fn run(self, lease: Arc<Lease>, mut stop: watch::Receiver<bool>) {
        for (verb, outcome) in WELL_ANSWERED {
            count(Some(verb), outcome, 0);
        }
        let mut pause = INTERVAL;
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => return,
            }
            pause = match self.round(&lease, &mut stop).await {
                Ok(()) => INTERVAL,
                Err(Failure::LeaseLost) => {
                    tracing::info!("another replica reads comments for commands now");
                    PAUSE
                }
                Err(failure) => {
                    tracing::warn!(error = %failure, "could not read comments for commands; trying again");
                    PAUSE
                }
            };
        }
    }

    /// Remembers the first start: what was written before is no command.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn first_start(&self, now: Millis) -> Result<Moment, Failure> {
        match self.store.watermark(Walk::Commands, FIRST_START).await? {
            Some(known) => Ok(known),
            None => Ok(self.store.keep_first_watermark(Walk::Commands, FIRST_START, Moment(now.0)).await?),
        }
    }

    async fn round(&self, lease: &Lease, stop: &mut watch::Receiver<bool>) -> Result<(), Failure> {
        let first_start = self.first_start(clock::now()).await?;
        for reading in self.store.unread(clock::now()).await? {
            let pass = tokio::select! {
                biased;
                _ = stop.changed() => return Ok(()),
                pass = self.gate.pass() => pass,
            };
            match self.read(reading.issue, first_start, lease).await {
                Ok(comments) => self.store.end_reading(reading, comments).await?,
                Err(failure) => self.react(reading, &failure).await?,
            }
            pass.used();
        }
        Ok(())
    }

    async fn react(&self, reading: Reading, failure: &Failure) -> Result<(), Failure> {
        let issue = reading.issue;
        let again =
            |delay: Duration| Millis(clock::now().0 + i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
        match after_failure(failure, reading.attempts + 1, &self.retry) {
            Next::Retry(delay) => {
                tracing::warn!(%issue, ?delay, error = %failure, "could not answer commands; trying again");
                self.store.postpone_reading(reading, again(delay)).await?;
            }
            Next::PauseAll(pause) => {
                pause.tell(issue, failure);
                self.gate.pause_everywhere(pause, &self.store).await;
            }
            // Somebody is to have looked first; whoever lifts the stop has the notes read at once.
            Next::Park if matches!(failure, Failure::Store(store::Error::Stopped(_))) => {
                tracing::warn!(%issue, error = %failure, "commands wait");
                self.store.postpone_reading(reading, again(STOPPED)).await?;
            }
            // Whoever has the duty now reads it.
            Next::Leave => return Err(failure.clone()),
            Next::Park | Next::Drop => {
                tracing::error!(%issue, error = %failure, "gave up on the commands of an issue until somebody writes another");
                self.store.end_reading(reading, None).await?;
            }
        }
        Ok(())
    }

    /// Answers the commands of one issue, oldest first. Returns how many comments it has afterwards.
    async fn read(
        &self,
        issue: IssueRef,
        first_start: Moment,
        lease: &Lease,
    ) -> Result<Option<u64>, Failure> {
        let own = self.own_user().await?;
        let oldest = clock::now().0 - i64::try_from(OLDEST.as_millis()).unwrap_or(i64::MAX);
        let mut snapshot = self.gitlab.issue(&ProjectRef::Id(issue.project_id), issue.iid).await?;
        let notes = self.gitlab.notes_since(issue, first_start.max(Moment(oldest))).await?;
        let replies: BTreeMap<&str, u64> = notes
            .iter()
            .filter(|note| note.author_id == own.id)
            .filter_map(|note| Some((note.body.lines().next()?, note.id)))
            .collect();
        let mut posted = 0;
        for note in notes.iter().filter(|note| note.author_id != own.id) {
            let Some(request) = command::request(&note.body, &own.username) else { continue };
            let digest = digest(request);
            if self.store.is_answered(note.id, &digest).await? || self.gitlab.is_bot(note.author_id).await? {
                continue;
            }
            let asked = Asked { issue, note, request, digest: &digest, own: &own, replies: &replies, lease };
            let deed = self.answer(&asked, &mut snapshot).await?;
            posted += u64::from(deed.posted);
            let writes = asked.writes(deed.done);
            let answered = Answered {
                issue,
                note_id: note.id,
                digest,
                user_id: note.author_id,
                verb: deed.verb,
                outcome: deed.outcome,
                added: deed.added,
                removed: deed.removed,
                writes,
            };
            tracing::info!(
                %issue,
                note_id = note.id,
                user_id = note.author_id,
                verb = answered.verb,
                outcome = answered.outcome,
                "answered a command"
            );
            let (verb, outcome) = (answered.verb, answered.outcome);
            self.store.keep_answered(answered, clock::now()).await?;
            count(verb, outcome, 1);
        }
        Ok(snapshot.comments.map(|comments| comments + posted))
    }

    async fn own_user(&self) -> Result<User, Failure> {
        let own = self.gitlab.own_user().await?;
        self.identity.learn_name(&own.username);
        Ok(own)
    }
}

/// A command that is not answered yet.
pub(super) struct Asked<'asked> {
    pub issue: IssueRef,
    pub note: &'asked Note,
    pub request: &'asked str,
    pub digest: &'asked str,
    pub own: &'asked User,
    /// Our own notes on the issue, by their first lines.
    pub replies: &'asked BTreeMap<&'asked str, u64>,
    /// That of the clerk's duty.
    pub lease: &'asked Lease,
}

impl Asked<'_> {
    /// These acts as writes of ours.
    pub fn writes(&self, acts: impl IntoIterator<Item = Act>) -> Vec<Write> {
        acts.into_iter().map(|act| Write { act, user_id: self.own.id, origin: Origin::Command }).collect()
    }
}

/// Verbs and outcomes are words of ours, so that there are few of them.
fn count(verb: Option<&'static str>, outcome: &'static str, more: u64) {
    let verb = verb.unwrap_or("none");
    metrics::counter!("escalator_commands_total", "verb" => verb, "outcome" => outcome).increment(more);
}

/// By which an edit into another command is noticed, and nothing of it can be read.
fn digest(request: &str) -> String {
    let words = request.split_whitespace().collect::<Vec<_>>().join(" ");
    Sha256::digest(words.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
