//! The store in one SQLite file, for one process: a writing thread with group commit, and threads that only read.
//!
//! Durable: `synchronous = FULL`. A lock file keeps a second process away that would serve from it, too.

mod claims;
mod commands;
mod decided;
mod echo;
mod followed;
mod glance;
mod held;
mod inspect;
mod ledger;
mod made;
mod own_bots;
mod parked;
mod queue;
mod stops;
mod taken_back;
mod thread;
mod watermarks;
mod writes;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Error, Migrated, OpenError};
use crate::clock::Millis;
use glance::Glances;
use thread::{Purpose, Thread};

/// What leads from nothing to the schema that this program reads and writes, one version after the other. What stands
/// here has been released and never changes.
const MIGRATIONS: [&str; 9] = [
    include_str!("schema.sql"),
    include_str!("2_traceparent.sql"),
    include_str!("3_own_bot.sql"),
    include_str!("4_made.sql"),
    include_str!("5_writes.sql"),
    include_str!("6_commands.sql"),
    include_str!("7_stops.sql"),
    include_str!("8_decided.sql"),
    include_str!("9_open_causes.sql"),
];
const CHECK_DISK: &str = "check its disk: is it full, failing, or mounted read-only?";
/// How long a connection waits for another one's lock. A delivery may wait twice as long, for the batch before its own
/// and for its own, and GitLab gives up after 10 s.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The write-ahead log is cut back to this after a burst: 16 MiB.
const JOURNAL_SIZE_LIMIT_BYTES: i64 = 16 << 20;

/// The way to a database file.
#[derive(Clone)]
pub(super) struct Sqlite {
    writer: Thread,
    reader: Thread,
    /// Counting a long queue takes a while, and nobody else is to wait for it.
    counter: Thread,
    glances: Arc<Glances>,
    /// Held as long as the store is served from, so that no second process claims the same issues.
    _lock: Option<Arc<File>>,
}

impl Sqlite {
    /// Opens the file for a process that serves from it.
    pub fn open(path: &Path, now: Millis) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let writer = connect(path, flags).map_err(|error| open_error(path, &error))?;
        prepare(&writer, path)?;
        claims::free_all(&writer, now).map_err(|error| open_error(path, &error))?;
        Self::start(path, writer, Some(lock))
    }

    /// Only brings the schema up to date.
    pub fn migrate(path: &Path) -> Result<Migrated, OpenError> {
        let _lock = lock(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = connect(path, flags).map_err(|error| open_error(path, &error))?;
        let from = prepare(&connection, path)?;
        Ok(Migrated { from, to: version() })
    }

    /// Opens an existing file beside the process that serves from it.
    pub fn open_beside(path: &Path) -> Result<Self, OpenError> {
        let writer =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| open_error(path, &error))?;
        let (found, known) = (vet(&writer, path)?, version());
        if found < known {
            return Err(OpenError::Older { found, known });
        }
        configure(&writer).map_err(|error| open_error(path, &error))?;
        Self::start(path, writer, None)
    }

    fn start(path: &Path, writer: Connection, lock: Option<File>) -> Result<Self, OpenError> {
        let read_only =
            || connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| open_error(path, &error));
        let start = |connection, purpose| {
            Thread::start(connection, purpose).map_err(|error: std::io::Error| OpenError::Inaccessible {
                path: path.to_owned(),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            writer: start(writer, Purpose::Write)?,
            reader: start(read_only()?, Purpose::Read)?,
            counter: start(read_only()?, Purpose::Count)?,
            glances: Arc::new(Glances::new([read_only()?, read_only()?])),
            _lock: lock.map(Arc::new),
        })
    }

    pub async fn beat(&self, now: Millis) -> Result<(), Error> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO heartbeat (id, at) VALUES (1, ?1)")?
                    .execute([now.0])?;
                Ok(())
            })
            .await
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            Some(_) | None => Self::Unavailable(format!("{error}; {}", remedy(&error))),
        }
    }
}

/// What an operator can do. Nothing needs a restart.
fn remedy(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on its disk",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "end the other program that holds it, such as a backup or a database shell"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "make the database file and its folder writable"
        }
        _ => CHECK_DISK,
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Settings and migrations, once it is clear that the file is a store of ours or empty. Returns the version it had.
fn prepare(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let found = vet(connection, path)?;
    let prepared = configure(connection).and_then(|()| migrate_from(connection, found));
    prepared.map_err(|error| open_error(path, &error))?;
    Ok(found)
}

/// The version of a file that is a store of ours or empty, and none that this program does not know.
fn vet(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let failed = |error| open_error(path, &error);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = version();
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if found == 0 && tables > 0 {
        let reason = "it is another program's database".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), reason });
    }
    Ok(found)
}

fn version() -> i64 {
    MIGRATIONS.len().try_into().unwrap_or(i64::MAX)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES)
}

fn migrate_from(connection: &Connection, found: i64) -> rusqlite::Result<()> {
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        migrate(connection, version, migration)?;
    }
    Ok(())
}

/// One migration, unless another process was faster.
fn migrate(connection: &Connection, version: i64, migration: &str) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let now: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if now < version {
        connection.execute_batch(migration)?;
        connection.pragma_update(None, "user_version", version)?;
    }
    connection.execute_batch("COMMIT")
}

/// Takes the lock file beside the database, which the system releases even when the process is killed.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let inaccessible =
        |error: &std::io::Error| OpenError::Inaccessible { path: path.to_owned(), reason: error.to_string() };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| inaccessible(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(inaccessible(&error)),
    }
}

fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Damaged { path, reason },
        Some(_) | None => OpenError::Inaccessible { path, reason },
    }
}
