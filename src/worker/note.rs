//! The comment on an issue: one, ever, edited in place.
//!
//! Never searches for it by a text that a person could forge, and never posts before it has looked.

use super::after_failure::Failure;
use super::desk::Desk;
use super::lease::Lease;
use super::look::Written;
use crate::calculator::issue::IssueRef;
use crate::calculator::own_users::OwnUsers;
use crate::comment::{MARKER, Rendered};
use crate::config::settings::Mode;
use crate::gitlab::{self, Audience, OwnNote, Snapshot};
use crate::store::{Act, NoteRef};

impl Desk {
    /// Writes the comment if a reader would see a difference.
    pub(super) async fn write_note(
        &self,
        note: Option<NoteRef>,
        rendered: Rendered,
        snapshot: &Snapshot,
        own: &OwnUsers,
        lease: &Lease,
    ) -> Result<(Option<NoteRef>, Written), Failure> {
        let issue = snapshot.reference;
        if note.as_ref().is_some_and(|note| note.digest.as_ref() == Some(&rendered.digest)) {
            return Ok((note, Written::Unchanged));
        }
        match self.mode {
            Mode::Live => {}
            Mode::DryRun | Mode::Shadow => {
                tracing::info!(%issue, "{}: would write the comment", self.mode.name());
                let exists = note.is_some() || !self.own_notes(issue, snapshot, own).await?.is_empty();
                return Ok((note, if exists { Written::WouldEdit } else { Written::WouldCreate }));
            }
        }
        if let Some(note) = note {
            self.intend(issue, vec![Act::CommentEdited(note.id)], own, lease).await?;
            match self.gitlab.update_note(issue, note.id, &rendered.body).await {
                Ok(()) => {
                    return Ok((Some(NoteRef { digest: Some(rendered.digest), ..note }), Written::Edited));
                }
                // Somebody deleted it: as if there had never been one.
                Err(gitlab::Error::NotFound) => {}
                Err(refused @ gitlab::Error::Refused { .. }) => {
                    if self.is_ours(issue, note.id, own).await? {
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
        let (id, written) = self.find_or_create_note(&rendered.body, snapshot, own, lease).await?;
        Ok((Some(NoteRef { id, digest: Some(rendered.digest) }), written))
    }

    /// Whether a comment is the own one of the user that the access token belongs to now. One that is gone is nobody's.
    async fn is_ours(&self, issue: IssueRef, note_id: u64, own: &OwnUsers) -> Result<bool, Failure> {
        match self.gitlab.note_author(issue, note_id).await {
            Ok(author) => Ok(author == Some(own.now())),
            Err(gitlab::Error::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks before it posts: an earlier attempt may have posted without our hearing of it, and a lost store has
    /// forgotten what it posted. Of several, the comment of our user of now is kept: surely it can be edited again.
    async fn find_or_create_note(
        &self,
        body: &str,
        snapshot: &Snapshot,
        own: &OwnUsers,
        lease: &Lease,
    ) -> Result<(u64, Written), Failure> {
        let issue = snapshot.reference;
        let mut kept = None;
        let mut notes = self.own_notes(issue, snapshot, own).await?;
        notes.sort_by_key(|note| note.author_id != own.now());
        for note in notes {
            let act = if kept.is_none() { Act::CommentEdited } else { Act::CommentDeleted };
            self.intend(issue, vec![act(note.id)], own, lease).await?;
            let done = match kept {
                None => self.gitlab.update_note(issue, note.id, body).await,
                Some(_) => self.gitlab.delete_note(issue, note.id).await,
            };
            match done {
                Ok(()) => kept = kept.or(Some(note.id)),
                // Without the Maintainer role a former bot's comment is out of our reach, and stays as it is.
                Err(gitlab::Error::Refused { .. }) if note.author_id != own.now() => {}
                // Somebody was faster and deleted it.
                Err(gitlab::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match kept {
            Some(note_id) => Ok((note_id, Written::Edited)),
            None => {
                let turn = self.gitlab.turn_to_post().await;
                self.intend(issue, vec![Act::CommentPosted(None)], own, lease).await?;
                Ok((self.gitlab.create_note(issue, body, self.audience, turn).await?, Written::Created))
            }
        }
    }

    /// Our comments, oldest first. An issue without any comment needs no look; internal notes are not surely counted.
    pub(super) async fn own_notes(
        &self,
        issue: IssueRef,
        snapshot: &Snapshot,
        own: &OwnUsers,
    ) -> Result<Vec<OwnNote>, Failure> {
        let surely_none = snapshot.comments == Some(0) && self.audience == Audience::Everybody;
        if surely_none {
            return Ok(Vec::new());
        }
        Ok(self.gitlab.own_notes(issue, own, MARKER).await?)
    }
}
