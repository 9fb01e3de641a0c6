//! Notes: find our comment, write it, change it, remove one too many.

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::client::{Client, json};
use super::error::Error;
use crate::calculator::issue::IssueRef;
use crate::calculator::own_users::OwnUsers;

/// The fields we read of GitLab's note. Other people's bodies are only looked at for the marker.
#[derive(Deserialize)]
struct NoteJson {
    id: u64,
    body: String,
    #[serde(default)]
    system: bool,
    author: Option<AuthorJson>,
}

#[derive(Deserialize)]
struct AuthorJson {
    id: u64,
}

#[derive(Serialize)]
struct NoteBody<'body> {
    body: &'body str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    internal: bool,
}

/// A comment of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnNote {
    /// GitLab's number.
    pub id: u64,
    /// Which of our users wrote it.
    pub author_id: u64,
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
            .filter_map(|note| note.author.map(|author| OwnNote { id: note.id, author_id: author.id }))
            .filter(|note| own.include(note.author_id))
            .collect())
    }

    /// Posts a comment and returns its id.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unavailable`] the comment may exist all the same.
    pub async fn create_note(&self, issue: IssueRef, body: &str, audience: Audience) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Created {
            id: u64,
        }
        let internal = match audience {
            Audience::Everybody => false,
            Audience::Members => true,
        };
        self.until_note_may_be_posted().await;
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

fn notes_path(issue: IssueRef) -> String {
    format!("/projects/{}/issues/{}/notes", issue.project_id, issue.iid)
}
