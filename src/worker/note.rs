//! The comment on an issue: one, ever, edited in place.
//!
//! Never searches for it by a text that a person could forge, and never posts before it has looked.

use super::after_failure::Failure;
use super::desk::Desk;
use super::lease::Lease;
use super::look::Written;
use crate::calculator::issue::IssueRef;
use crate::comment::{MARKER, Rendered};
use crate::config::settings::Mode;
use crate::gitlab::{self, Audience, Snapshot};
use crate::store::NoteRef;

impl Desk {
    /// Writes the comment if a reader would see a difference.
    pub(super) async fn write_note(
        &self,
        note: Option<NoteRef>,
        rendered: Rendered,
        snapshot: &Snapshot,
        own_user_id: u64,
        lease: &Lease,
    ) -> Result<(Option<NoteRef>, Written), Failure> {
        let issue = snapshot.reference;
        if note.as_ref().is_some_and(|note| note.digest.as_ref() == Some(&rendered.digest)) {
            return Ok((note, Written::Unchanged));
        }
        match self.mode {
            Mode::Live => {}
            Mode::DryRun => {
                tracing::info!(%issue, "dry run: would write the comment");
                let exists =
                    note.is_some() || !self.own_notes(issue, snapshot, own_user_id).await?.is_empty();
                return Ok((note, if exists { Written::WouldEdit } else { Written::WouldCreate }));
            }
        }
        if let Some(note) = note {
            self.store.doubt_note(issue).await?;
            lease.check()?;
            match self.gitlab.update_note(issue, note.id, &rendered.body).await {
                Ok(()) => {
                    return Ok((Some(NoteRef { digest: Some(rendered.digest), ..note }), Written::Edited));
                }
                // Somebody deleted it: as if there had never been one.
                Err(gitlab::Error::NotFound) => {}
                Err(refused @ gitlab::Error::Refused { .. }) => {
                    if self.is_ours(issue, note.id, own_user_id).await? {
                        return Err(refused.into());
                    }
                    tracing::warn!(
                        %issue,
                        note_id = note.id,
                        "the comment is of a user whose access token we had before and stays as it is; writing another"
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
        let (id, written) = self.find_or_create_note(&rendered.body, snapshot, own_user_id, lease).await?;
        Ok((Some(NoteRef { id, digest: Some(rendered.digest) }), written))
    }

    /// Whether a comment is the access token's user's own. One that is gone is nobody's.
    async fn is_ours(&self, issue: IssueRef, note_id: u64, own_user_id: u64) -> Result<bool, Failure> {
        match self.gitlab.note_author(issue, note_id).await {
            Ok(author) => Ok(author == Some(own_user_id)),
            Err(gitlab::Error::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks before it posts: an earlier attempt may have posted without our hearing of it, and a lost store has
    /// forgotten what it posted.
    async fn find_or_create_note(
        &self,
        body: &str,
        snapshot: &Snapshot,
        own_user_id: u64,
        lease: &Lease,
    ) -> Result<(u64, Written), Failure> {
        let issue = snapshot.reference;
        let mut kept = None;
        for note_id in self.own_notes(issue, snapshot, own_user_id).await? {
            lease.check()?;
            let done = match kept {
                None => self.gitlab.update_note(issue, note_id, body).await,
                Some(_) => self.gitlab.delete_note(issue, note_id).await,
            };
            match done {
                Ok(()) => kept = kept.or(Some(note_id)),
                // Somebody was faster and deleted it.
                Err(gitlab::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match kept {
            Some(note_id) => Ok((note_id, Written::Edited)),
            None => {
                lease.check()?;
                Ok((self.gitlab.create_note(issue, body, self.audience).await?, Written::Created))
            }
        }
    }

    /// Our comments, oldest first. An issue without any comment needs no look; internal notes are not surely counted.
    pub(super) async fn own_notes(
        &self,
        issue: IssueRef,
        snapshot: &Snapshot,
        own_user_id: u64,
    ) -> Result<Vec<u64>, Failure> {
        let surely_none = snapshot.comments == Some(0) && self.audience == Audience::Everybody;
        if surely_none {
            return Ok(Vec::new());
        }
        Ok(self.gitlab.own_notes(issue, own_user_id, MARKER).await?)
    }
}
