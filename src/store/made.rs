//! What `setup` made in GitLab, so that it can take away exactly that and nothing of anybody else's.

use super::{Engine, Error, Store};

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeKind {
    /// A label.
    Label,
    /// An issue board.
    Board,
    /// A webhook.
    Webhook,
}

/// One thing that was made, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What it is.
    pub kind: MadeKind,
    /// Where, such as `group acme`.
    pub place: String,
    /// What it was called.
    pub name: String,
    /// GitLab's id; `None` from before it is made until GitLab has answered, so that a crash in between forgets nothing.
    pub id: Option<u64>,
}

impl MadeKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Board => "board",
            Self::Webhook => "webhook",
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, Error> {
        [Self::Label, Self::Board, Self::Webhook]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| Error::Corrupt(format!("it made a {name}")))
    }
}

impl Store {
    /// Everything that was made and not taken away.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn made(&self) -> Result<Vec<Made>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.made().await,
            Engine::Postgres(postgres) => postgres.made().await,
        }
    }

    /// Remembers a thing, in place of what was known of one of this name.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn keep_made(&self, made: &Made) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.keep_made(made.clone()).await,
            Engine::Postgres(postgres) => postgres.keep_made(made).await,
        }
    }

    /// Forgets a thing that is gone.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn forget_made(&self, made: &Made) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.forget_made(made.clone()).await,
            Engine::Postgres(postgres) => postgres.forget_made(made).await,
        }
    }
}
