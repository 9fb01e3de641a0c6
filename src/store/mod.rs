//! What Escalator remembers: the queue of issues to look at, the issues it follows, and the ledgers.
//!
//! Durable: what an async call here has answered is on disk. The files here hold the nouns and the questions that the
//! other modules ask; each engine below answers all of them. Names only nouns of the calculator; knows nothing of HTTP,
//! GitLab or comments. Never stores a secret, a title, a description or a body.

mod claims;
mod commands;
mod copy;
mod decided;
mod duty;
mod echo;
mod followed;
mod fuse;
mod held;
mod inspection;
mod ledger;
mod made;
mod own_bots;
mod parked;
mod policies;
mod postgres;
mod queue;
mod rows;
mod sqlite;
mod stops;
mod taken_back;
mod watermarks;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::Millis;
use postgres::Postgres;
use sqlite::Sqlite;

pub use claims::{Claim, Claimed, Release};
pub use commands::{Answered, LabelCommand, Reading};
pub use copy::{CopyError, Copying};
pub use decided::DecidedIssue;
pub use duty::Duty;
pub use echo::Echo;
pub use followed::{NoteRef, Recollection, Record};
pub use held::Held;
pub use inspection::Inspection;
pub use ledger::{Cause, Entry, OpenCause};
pub use made::{Made, MadeKind};
pub use parked::Parked;
pub use policies::PolicyDigest;
pub use queue::{Depth, Marked};
pub use stops::{Stop, StopReason};
pub use watermarks::Walk;
pub use writes::{Act, Origin, Stage, Write, Written};

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be written or read now (disk full, locked, I/O error); it may recover.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It holds something that this program cannot have written.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// Nothing may be written to GitLab, or to this issue, until somebody lifts that.
    #[error("{0}; find out why, then: {remedy}", remedy = .0.remedy())]
    Stopped(Stop),
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
    /// PostgreSQL cannot be reached, refuses us, or will not do.
    #[error("the PostgreSQL of store.url cannot be used: {reason}")]
    Refused {
        /// What it says, and what to do.
        reason: String,
    },
    /// Its schema was made by a newer program that does not let this one read it.
    #[error(
        "the database of store.url has schema version {found}, this escalator knows {known}; \
         run the version that wrote it, or restore the backup from before the upgrade"
    )]
    NewerSchema {
        /// Its schema version.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// Its schema was made by an older program, or is not made yet, and this is no moment to change that.
    #[error(
        "the store of store.url has schema version {found}, and this escalator needs {known}; \
         bring it up to date: escalator store migrate"
    )]
    Older {
        /// Its schema version; 0 if there is none yet.
        found: i64,
        /// The one that this program works with.
        known: i64,
    },
    /// Tables of the same names are there already.
    #[error(
        "the schema of store.url holds another program's table {table}; give Escalator a schema of its own: \
         CREATE SCHEMA escalator; ALTER ROLE … SET search_path = escalator"
    )]
    Foreign {
        /// One of them.
        table: String,
    },
    /// A table, column or row of ours is missing.
    #[error(
        "the schema of store.url is not whole: {reason}; restore the backup as a whole, or begin with an empty schema"
    )]
    NotWhole {
        /// What is missing.
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

/// What bringing a schema up to date came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version that was there; 0 if there was none.
    pub from: i64,
    /// The version that is there.
    pub to: i64,
}

/// The store. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    /// Wakes a sleeping worker when an issue was marked.
    marked: Arc<Notify>,
    /// How many writes a minute are too many, if any are.
    fuse: Option<u32>,
}

/// What keeps it.
#[derive(Clone)]
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Opens the store, creates it where there is none, and frees what a crashed process had claimed.
    ///
    /// # Errors
    /// Why it cannot be used and what to do. An existing file that is not understood is never touched.
    pub fn open(path: &Path, now: Millis) -> Result<Self, OpenError> {
        Ok(Self { engine: Engine::Sqlite(Sqlite::open(path, now)?), marked: Arc::default(), fuse: None })
    }

    /// Opens an existing store beside the process that serves from it, to see what is parked and to decide about it. Never
    /// changes its schema: whoever serves may be of the version that made it.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub fn open_beside(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { engine: Engine::Sqlite(Sqlite::open_beside(path)?), marked: Arc::default(), fuse: None })
    }

    /// Connects to the store in a PostgreSQL database, which other replicas may share, and brings its schema up to date.
    ///
    /// # Errors
    /// Why it cannot be used and what to do. A schema that is not understood is never touched.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        let marked = Arc::default();
        Ok(Self { engine: Engine::Postgres(Postgres::connect(url, &marked).await?), marked, fuse: None })
    }

    /// Connects to an existing store in a PostgreSQL database beside the replicas that share it. Never changes its schema.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub async fn connect_beside(url: &str) -> Result<Self, OpenError> {
        let marked = Arc::default();
        let engine = Engine::Postgres(Postgres::connect_beside(url, &marked).await?);
        Ok(Self { engine, marked, fuse: None })
    }

    /// Only brings the schema of a SQLite file up to date; creates it where there is none.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub fn migrate_file(path: &Path) -> Result<Migrated, OpenError> {
        Sqlite::migrate(path)
    }

    /// Copies a SQLite store into an empty PostgreSQL database, all of it or nothing. Returns what each table has.
    ///
    /// # Errors
    /// Why nothing was copied and what to do.
    pub async fn copy(
        from: &Path,
        to: &str,
        now: Millis,
        tell: impl FnMut(Copying),
    ) -> Result<Vec<Copying>, CopyError> {
        copy::copy(from, to, now, tell).await
    }

    /// Only brings the schema of a PostgreSQL database up to date.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub async fn migrate(url: &str) -> Result<Migrated, OpenError> {
        postgres::migrate(url).await
    }

    /// Whether other processes may work from the same store.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            Engine::Postgres(_) => true,
        }
    }

    /// Proves that a mark could be kept durably: what readiness means.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot.
    pub async fn beat(&self, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.beat(now).await,
            Engine::Postgres(postgres) => postgres.beat(now).await,
        }
    }
}
