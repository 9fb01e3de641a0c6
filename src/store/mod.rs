//! What Escalator remembers: the queue of issues to look at, the issues it follows, and the ledger.
//!
//! Durable: what an async call here has answered is on disk. The files here hold the nouns and the questions that the
//! other modules ask; each engine below answers all of them. Names only nouns of the calculator; knows nothing of HTTP,
//! GitLab or comments. Never stores a secret, a title, a description or a body.

mod claims;
mod echo;
mod followed;
mod ledger;
mod parked;
mod queue;
mod rows;
mod sqlite;
mod watermarks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::Millis;
use sqlite::Sqlite;

pub use claims::{Claim, Claimed, Release};
pub use echo::Echo;
pub use followed::{NoteRef, Recollection, Record};
pub use ledger::{Cause, Entry, OpenCause};
pub use parked::Parked;
pub use queue::{Depth, Marked};
pub use watermarks::Walk;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be written or read now (disk full, locked, I/O error); it may recover.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It holds something that this program cannot have written.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

impl Error {
    fn closed() -> Self {
        Self::Unavailable("it is closed".to_owned())
    }
}

/// Why a store could not be opened, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process serves from it.
    #[error("{0} is in use by another escalator; stop that one, or give this one its own store.url")]
    InUse(PathBuf),
    /// It was written by a newer program.
    #[error(
        "{path} has schema version {found}, this escalator knows {known}; \
         run the version that wrote it, or restore the backup from before the upgrade"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is damaged, or no database at all.
    #[error(
        "{path} is damaged or not a database ({reason}); restore a backup, or move the file away to start empty"
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The file system refuses.
    #[error("{path} cannot be opened ({reason}); check that its folder exists and is writable")]
    Inaccessible {
        /// The database file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// The store. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    /// Wakes a sleeping worker when an issue was marked.
    marked: Arc<Notify>,
}

/// What keeps it.
#[derive(Clone)]
enum Engine {
    Sqlite(Sqlite),
}

impl Store {
    /// Opens the store, creates it where there is none, and frees what a crashed process had claimed.
    ///
    /// # Errors
    /// Why it cannot be used and what to do. An existing file that is not understood is never touched.
    pub fn open(path: &Path, now: Millis) -> Result<Self, OpenError> {
        Ok(Self { engine: Engine::Sqlite(Sqlite::open(path, now)?), marked: Arc::default() })
    }

    /// Opens an existing store beside the process that serves from it, to see what is parked and to decide about it.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub fn open_beside(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { engine: Engine::Sqlite(Sqlite::open_beside(path)?), marked: Arc::default() })
    }

    /// Proves that something can be written durably: what readiness means.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot.
    pub async fn beat(&self, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.beat(now).await,
        }
    }
}
