//! Notes: find our comment, write it, change it, remove one too many.

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::answer::{json, next_page};
use super::client::{Client, NoteTurn, PER_PAGE};
use super::error::Error;
use super::times::moment;
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::own_users::OwnUsers;

/// The fields we read of GitLab's note. Other people's bodies are only looked at for the marker, or for a command.
#[derive(Deserialize)]
struct NoteJson {
    id: u64,
    #[serde(rename = "type")]
    kind: Option<String>,
    body: String,
    #[serde(default)]
    system: bool,
    #[serde(default)]
    internal: bool,
    created_at: Option<String>,
    updated_at: Option<String>,
    author: Option<AuthorJson>,
}

#[derive(Deserialize)]
struct AuthorJson {
    id: u64,
    #[serde(default)]
    username: String,
}

/// Somebody's comment.
pub struct Note {
    /// GitLab's id of it.
    pub id: u64,
    /// Whose it is.
    pub author_id: u64,
    /// The author's username now.
    pub username: String,
    /// Who may read it.
    pub audience: Audience,
    /// Its text, which must not be kept, logged or echoed.
    pub body: String,
}

#[derive(Serialize)]
struct NoteBody<'body> {
    body: &'body str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    internal: bool,
}

/// A comment of ours.
pub struct OwnNote {
    /// GitLab's number.
    pub id: u64,
    /// Which of our users wrote it.
    pub author_id: u64,
    /// Whether anybody may have edited it since it was posted.
    pub edited: bool,
    /// Whether it is a thread, which GitLab makes of a comment with the first answer to it.
    pub in_thread: bool,
    /// Its text, which somebody may have changed; must not be kept, logged or echoed.
    pub body: String,
}

/// Who may read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever sees the issue.
    Everybody,
    /// Members from the Planner role up.
    Members,
}

impl Client {
    /// Our own comments on an issue, oldest first: written by one of our users *and* beginning with the marker, because
    /// anybody can forge a marker.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn own_notes(
        &self,
        issue: IssueRef,
        own: &OwnUsers,
        marker: &str,
    ) -> Result<Vec<OwnNote>, Error> {
        let request = self.request(Method::GET, &notes_path(issue)).query(&[
            ("sort", "asc"),
            ("order_by", "created_at"),
            ("activity_filter", "only_comments"),
        ]);
        let notes: Vec<NoteJson> = self.list("list_notes", request).await?;
        Ok(notes
            .into_iter()
            .filter(|note| !note.system && note.body.starts_with(marker))
            .filter_map(own_note)
            .filter(|note| own.include(note.author_id))
            .collect())
    }

    /// The comments that were written since a moment, oldest first, without those of deleted users. Read from the newest
    /// on, so that a long issue costs no more than a short one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn notes_since(&self, issue: IssueRef, since: Moment) -> Result<Vec<Note>, Error> {
        let mut request = self
            .request(Method::GET, &notes_path(issue))
            .query(&[("sort", "desc"), ("order_by", "created_at"), ("activity_filter", "only_comments")])
            .query(&[("per_page", PER_PAGE)]);
        let mut notes = Vec::new();
        loop {
            let response = self.send("list_notes", request).await?;
            let link = next_page(response.headers());
            let page: Vec<NoteJson> = json(response).await?;
            let is_new = |note: &NoteJson| {
                note.created_at.as_deref().and_then(moment).is_some_and(|created_at| created_at >= since)
            };
            let all_new = page.iter().all(is_new);
            notes.extend(page.into_iter().filter(is_new).filter_map(note));
            match link.filter(|_| all_new) {
                Some(link) => request = self.linked(&link)?,
                None => break,
            }
        }
        notes.reverse();
        Ok(notes)
    }

    /// Puts a reaction on a comment. One that is there already, and one on a comment that is gone, count as done.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn react(&self, issue: IssueRef, note_id: u64, emoji: &str) -> Result<(), Error> {
        let path = format!("{}/{note_id}/award_emoji", notes_path(issue));
        let request = self.request(Method::POST, &path).json(&serde_json::json!({"name": emoji}));
        match self.send("react", request).await {
            // GitLab's answer to the same reaction a second time, too.
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Posts a comment and returns its id.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unavailable`] the comment may exist all the same.
    pub async fn create_note(
        &self,
        issue: IssueRef,
        body: &str,
        audience: Audience,
        _turn: NoteTurn,
    ) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Created {
            id: u64,
        }
        let internal = match audience {
            Audience::Everybody => false,
            Audience::Members => true,
        };
        let request = self.request(Method::POST, &notes_path(issue)).json(&NoteBody { body, internal });
        let response = self.send("create_note", request).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Err(Error::Rejected { reason: "it took the whole comment for quick actions".to_owned() });
        }
        Ok(json::<Created>(response).await?.id)
    }

    /// Whose a comment is; `None` if GitLab names nobody.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] if it is gone.
    pub async fn note_author(&self, issue: IssueRef, note_id: u64) -> Result<Option<u64>, Error> {
        let path = format!("{}/{note_id}", notes_path(issue));
        let response = self.send("get_note", self.request(Method::GET, &path)).await?;
        Ok(json::<NoteJson>(response).await?.author.map(|author| author.id))
    }

    /// Replaces the body of a comment.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] if somebody deleted it.
    pub async fn update_note(&self, issue: IssueRef, note_id: u64, body: &str) -> Result<(), Error> {
        let path = format!("{}/{note_id}", notes_path(issue));
        let request = self.request(Method::PUT, &path).json(&NoteBody { body, internal: false });
        self.send("update_note", request).await.map(drop)
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] if it is gone already.
    pub async fn delete_note(&self, issue: IssueRef, note_id: u64) -> Result<(), Error> {
        let path = format!("{}/{note_id}", notes_path(issue));
        self.send("delete_note", self.request(Method::DELETE, &path)).await.map(drop)
    }
}

fn own_note(json: NoteJson) -> Option<OwnNote> {
    let edited = json.created_at.is_none() || json.created_at != json.updated_at;
    let in_thread = json.kind.as_deref() == Some("DiscussionNote");
    Some(OwnNote { id: json.id, author_id: json.author?.id, edited, in_thread, body: json.body })
}

/// A comment that somebody wrote who is still there.
fn note(json: NoteJson) -> Option<Note> {
    let author = json.author.filter(|_| !json.system)?;
    let audience = if json.internal { Audience::Members } else { Audience::Everybody };
    Some(Note { id: json.id, author_id: author.id, username: author.username, audience, body: json.body })
}

fn notes_path(issue: IssueRef) -> String {
    format!("/projects/{}/issues/{}/notes", issue.project_id, issue.iid)
}
