//! Takes back on one issue: reads it afresh, plans, writes, and notes each write in the ledger before and after.
//!
//! Can be broken off anywhere and repeated. Writes although writing is stopped; whoever calls it has stopped it.

use super::plan::{Comment, Plan, Text, There, plan};
use crate::calculator::issue::IssueRef;
use crate::calculator::own_users::OwnUsers;
use crate::clock::{self, Millis};
use crate::comment::{MARKER, digest};
use crate::config::settings::Mode;
use crate::gitlab::{self, Client, LabelChange, OwnNote, ProjectRef};
use crate::identity::Identity;
use crate::store::{Act, NoteRef, Origin, Store, Write, Written};
use crate::worker::{Failure, Lease, own_users};

/// Whether an undo takes back, or tells what it would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It writes.
    Live,
    /// It tells.
    Dry,
}

impl From<Run> for Mode {
    fn from(run: Run) -> Self {
        match run {
            Run::Live => Self::Live,
            Run::Dry => Self::DryRun,
        }
    }
}

/// Takes back.
pub struct Hand {
    /// The ledger.
    pub store: Store,
    /// Where issues are read and changed.
    pub gitlab: Client,
    /// Who we are.
    pub identity: Identity,
    /// Since when.
    pub since: Millis,
    /// Whether to write.
    pub run: Run,
}

impl Hand {
    /// Takes back what was written on an issue and is as it was written, and adds to `taken` what that is, or would be in a
    /// dry run; what stays is told anew each time. Asks the lease right before each write.
    ///
    /// # Errors
    /// The [`Failure`], for the retry policy to decide about.
    pub async fn take_back(&self, issue: IssueRef, lease: &Lease, taken: &mut Plan) -> Result<(), Failure> {
        let own = self.own_users().await?;
        let writes = self.store.writes(issue, Millis(0)).await?;
        let there = self.look(issue, &writes, &own).await?;
        let plan = plan(&writes, self.since, &there, &own);
        taken.left.clone_from(&plan.left);
        match self.run {
            Run::Live => self.apply(issue, plan, own.now(), lease, taken).await,
            Run::Dry => {
                *taken = plan;
                Ok(())
            }
        }
    }

    /// Our users.
    ///
    /// # Errors
    /// If GitLab does not tell, or the store does not.
    pub async fn own_users(&self) -> Result<OwnUsers, Failure> {
        let replacements = self.gitlab.token_replacements();
        own_users(&self.gitlab, &self.store, &self.identity, self.run.into(), replacements).await
    }

    /// Reads of the issue what the ledger makes worth reading.
    async fn look(&self, issue: IssueRef, writes: &[Written], own: &OwnUsers) -> Result<There, Failure> {
        let recent =
            || writes.iter().filter(|written| written.at >= self.since).map(|written| &written.write.act);
        let snapshot = self.gitlab.issue(&ProjectRef::Id(issue.project_id), issue.iid).await?;
        let mut there = There { labels: snapshot.issue.labels, events: Vec::new(), comments: Vec::new() };
        if recent().any(|act| matches!(act, Act::LabelAdded(_) | Act::LabelRemoved(_))) {
            there.events = self.gitlab.label_events(issue).await?;
        }
        if recent().any(|act| !matches!(act, Act::LabelAdded(_) | Act::LabelRemoved(_))) {
            let known = self.store.recall(issue).await?.and_then(|known| known.note);
            let notes = self.gitlab.own_notes(issue, own, MARKER).await?;
            there.comments = notes.iter().map(|note| comment(note, known.as_ref())).collect();
        }
        Ok(there)
    }

    async fn apply(
        &self,
        issue: IssueRef,
        plan: Plan,
        user_id: u64,
        lease: &Lease,
        taken: &mut Plan,
    ) -> Result<(), Failure> {
        let by_us = |act| Write { act, user_id, origin: Origin::Undo };
        let put_back = plan.put_back.iter().cloned().map(Act::LabelAdded);
        let take_off = plan.take_off.iter().cloned().map(Act::LabelRemoved);
        let labels: Vec<Write> = put_back.chain(take_off).map(by_us).collect();
        if !labels.is_empty() {
            let change = LabelChange { add: plan.put_back.clone(), remove: plan.take_off.clone() };
            lease.intend(&self.store, issue, labels.clone()).await?;
            self.gitlab.change_labels(issue, &change).await?;
            taken.put_back.extend(plan.put_back);
            taken.take_off.extend(plan.take_off);
            self.store.took_back(issue, labels, clock::now()).await?;
        }
        for note_id in plan.delete {
            let deleted = vec![by_us(Act::CommentDeleted(note_id))];
            lease.intend(&self.store, issue, deleted.clone()).await?;
            match self.gitlab.delete_note(issue, note_id).await {
                // Gone already: an undo that was broken off did it, or somebody just now.
                Ok(()) | Err(gitlab::Error::NotFound) => taken.delete.push(note_id),
                Err(error) => return Err(error.into()),
            }
            self.store.took_back(issue, deleted, clock::now()).await?;
        }
        Ok(())
    }
}

fn comment(note: &OwnNote, known: Option<&NoteRef>) -> Comment {
    let remembered = known.filter(|known| known.id == note.id).and_then(|known| known.digest.as_ref());
    let text = match remembered {
        _ if note.in_thread => Text::Answered,
        _ if !note.edited => Text::AsWritten,
        Some(written) if *written == digest(&note.body) => Text::AsWritten,
        Some(_) => Text::Otherwise,
        None => Text::Unknown,
    };
    Comment { id: note.id, text }
}
