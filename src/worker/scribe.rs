//! The scribe: asks GitLab's label events who caused the changes in the ledger, after the fact.
//!
//! Apart from the looks at issues, so that label and comment never wait for it, its failures fail nothing else, and a
//! burst of changes on one issue costs one call. Where GitLab names us, because somebody asked for the label by a command,
//! the cause is who gave the command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::Instrument;

use super::after_failure::{Failure, Next, RetryPolicy, after_failure};
use super::desk::Desk;
use super::gate::Gate;
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::label::Label;
use crate::calculator::own_users::OwnUsers;
use crate::calculator::plan::{Gesture, LabelEvent};
use crate::spans;
use crate::store::{Cause, LabelCommand, OpenCause};

/// How often it looks whether there is something to ask.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long it waits when GitLab does not answer or the store does not take it: the ledger is in no hurry.
const PAUSE: Duration = Duration::from_secs(60);
/// Here only the kind of failure matters. The store counts those that no waiting helps against.
const NO_ATTEMPTS: u32 = 0;
/// Events this much later than the change that was assessed can still be its cause: GitLab notes both within one
/// request, but not in one instant.
const SLACK_MILLIS: i64 = 2_000;

/// Completes the ledger.
#[derive(Clone)]
pub struct Scribe {
    /// Knows the ledger, GitLab, and who we are.
    pub desk: Arc<Desk>,
    /// Closed while GitLab wants no calls.
    pub gate: Arc<Gate>,
    /// What a failure means.
    pub retry: RetryPolicy,
}

impl Scribe {
    /// Works until told to stop. Breaking off in the middle is fine: what is not in the ledger yet is asked for again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut pause = INTERVAL;
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => return,
            }
            let round = tokio::select! {
                round = self.round() => round,
                _ = stop.changed() => return,
            };
            pause = match round {
                Ok(()) => INTERVAL,
                Err(failure) => {
                    tracing::warn!(error = %failure, "could not ask who changed labels; asking again");
                    PAUSE
                }
            };
        }
    }

    /// Asks about every issue whose ledger entries have no causes yet, once each.
    ///
    /// # Errors
    /// What keeps some of them open and may pass: GitLab or the store is not well.
    pub async fn round(&self) -> Result<(), Failure> {
        let mut by_issue: BTreeMap<IssueRef, Vec<OpenCause>> = BTreeMap::new();
        for cause in self.desk.store.open_causes().await? {
            by_issue.entry(cause.issue).or_default().push(cause);
        }
        let mut round = Ok(());
        for (issue, entries) in by_issue {
            let pass = self.gate.pass().await;
            match self.ask(issue).instrument(spans::causes(issue)).await {
                Ok(told) => {
                    for entry in &entries {
                        self.desk.store.settle_causes(entry.ledger_id, told.causes(entry)).await?;
                    }
                }
                Err(failure) => match after_failure(&failure, NO_ATTEMPTS, &self.retry) {
                    Next::Retry(_) | Next::Leave => round = Err(failure),
                    Next::PauseAll(pause) => {
                        self.gate.pause_everywhere(pause, &self.desk.store).await;
                        return Err(failure);
                    }
                    Next::Park | Next::Drop => {
                        tracing::warn!(%issue, error = %failure, "could not ask who changed labels");
                        for entry in &entries {
                            self.desk.store.postpone_causes(entry.ledger_id).await?;
                        }
                    }
                },
            }
            pass.used();
        }
        round
    }

    async fn ask(&self, issue: IssueRef) -> Result<Told, Failure> {
        let events = self.desk.gitlab.label_events(issue).await?;
        let commands = self.desk.store.label_commands(issue).await?;
        let own = self.desk.own_users(self.desk.gitlab.token_replacements()).await?;
        Ok(Told { events, commands, own })
    }
}

/// What is known of an issue's labels.
struct Told {
    events: Vec<LabelEvent>,
    commands: Vec<LabelCommand>,
    own: OwnUsers,
}

impl Told {
    /// For each label of an entry, the last event before it that did the same.
    fn causes(&self, entry: &OpenCause) -> Vec<Cause> {
        let added = entry.labels.added.iter().map(|label| (label, Gesture::Added));
        let removed = entry.labels.removed.iter().map(|label| (label, Gesture::Removed));
        added.chain(removed).filter_map(|(label, gesture)| self.cause(label, gesture, entry)).collect()
    }

    fn cause(&self, label: &Label, gesture: Gesture, entry: &OpenCause) -> Option<Cause> {
        let event = self
            .events
            .iter()
            .filter(|event| event.gesture == gesture && event.label.as_ref() == Some(label))
            .filter(|event| event.at.0 <= entry.at.0 + SLACK_MILLIS)
            .max_by_key(|event| event.id)?;
        let asked_by =
            if self.own.include(event.user_id) { self.asked_by(label, gesture, event.at) } else { None };
        let user_id = asked_by.unwrap_or(event.user_id);
        Some(Cause { label: label.clone(), gesture, event_id: event.id, user_id, at: event.at })
    }

    /// Who asked us for it by a command: the nearest in time, because the command's is our clock's and the event's GitLab's.
    fn asked_by(&self, label: &Label, gesture: Gesture, at: Moment) -> Option<u64> {
        let did_it = |command: &&LabelCommand| match gesture {
            Gesture::Added => command.added.is(label),
            Gesture::Removed => command.removed.as_ref().is_some_and(|removed| removed.is(label)),
        };
        let commands = self.commands.iter().filter(did_it);
        commands.min_by_key(|command| command.at.0.abs_diff(at.0)).map(|command| command.user_id)
    }
}
