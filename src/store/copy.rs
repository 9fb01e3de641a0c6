//! Copies a SQLite store into an empty PostgreSQL one, so that a small team can grow: all of it or nothing.

use std::path::{Path, PathBuf};
use std::pin::pin;

use futures_util::SinkExt;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use tokio_postgres::{Client, CopyInSink};

use super::postgres::{self, TABLES};
use super::sqlite::Sqlite;
use super::{Error, OpenError};
use crate::clock::Millis;

/// Tables that tell of the process and not of the work.
const OF_THE_PROCESS: [&str; 3] = ["heartbeat", "pause", "duty"];
/// Tables that number their rows by themselves, and have to go on behind those that were copied.
const LEDGERS: [&str; 3] = ["ledger", "write_ledger", "write_stop"];
/// So many bytes are sent at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How far it came in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copying {
    /// The table.
    pub table: &'static str,
    /// How many of its rows are copied.
    pub done: u64,
    /// How many it has.
    pub rows: u64,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is nothing to copy.
    #[error("{0} does not exist; let store.url name the SQLite store that is to be copied")]
    NoSource(PathBuf),
    /// One of the two cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The target is in use.
    #[error(
        "the target's table {0} is not empty, and a copy would mix two stores; name an empty database or schema"
    )]
    NotEmpty(&'static str),
    /// It broke off.
    #[error("nothing was copied: {0}")]
    Broken(#[from] Error),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<tokio_postgres::Error> for CopyError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// Copies every table in one transaction. Nobody may serve from the source meanwhile. Returns what each table has.
pub(super) async fn copy(
    from: &Path,
    to: &str,
    now: Millis,
    mut tell: impl FnMut(Copying),
) -> Result<Vec<Copying>, CopyError> {
    if !from.exists() {
        return Err(CopyError::NoSource(from.to_owned()));
    }
    // Also brings it up to date, and frees what a dead process had claimed.
    let _held = Sqlite::open(from, now)?;
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut session = postgres::prepared(to).await?;
    let transaction = session.transaction().await?;
    let mut copied = Vec::new();
    let tables = || TABLES.into_iter().filter(|(table, _)| !OF_THE_PROCESS.contains(table));
    for (table, _) in tables() {
        refuse_unless_empty(transaction.client(), table).await?;
    }
    for (table, columns) in tables() {
        copied.push(copy_table(&source, transaction.client(), table, columns, &mut tell).await?);
    }
    for table in LEDGERS {
        let next_id = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) FROM {table}"
        );
        transaction.batch_execute(&next_id).await?;
    }
    transaction.commit().await?;
    Ok(copied)
}

/// Looks, and keeps others from writing until the end.
async fn refuse_unless_empty(client: &Client, table: &'static str) -> Result<(), CopyError> {
    client.batch_execute(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")).await?;
    let row = client.query_typed_one(&format!("SELECT EXISTS (SELECT FROM {table})"), &[]).await?;
    if row.try_get(0)? { Err(CopyError::NotEmpty(table)) } else { Ok(()) }
}

async fn copy_table(
    source: &Connection,
    client: &Client,
    table: &'static str,
    columns: &str,
    tell: &mut impl FnMut(Copying),
) -> Result<Copying, CopyError> {
    let rows = source.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
    let mut copying = Copying { table, done: 0, rows };
    tell(copying);
    let sink: CopyInSink<bytes::Bytes> =
        client.copy_in(&format!("COPY {table} ({columns}) FROM STDIN")).await?;
    let mut sink = pin!(sink);
    let mut statement = source.prepare(&format!("SELECT {columns} FROM {table}"))?;
    let width = statement.column_count();
    let mut found = statement.query([])?;
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    while let Some(row) = found.next()? {
        write_row(&mut chunk, row, width)?;
        copying.done += 1;
        if chunk.len() >= CHUNK_BYTES {
            sink.send(std::mem::take(&mut chunk).into()).await?;
            tell(copying);
        }
    }
    sink.send(chunk.into()).await?;
    sink.finish().await?;
    tell(copying);
    Ok(copying)
}

/// A row in the text form of PostgreSQL's COPY.
fn write_row(out: &mut Vec<u8>, row: &Row<'_>, width: usize) -> Result<(), CopyError> {
    for column in 0..width {
        if column > 0 {
            out.push(b'\t');
        }
        match row.get_ref(column)? {
            ValueRef::Null => out.extend(b"\\N"),
            ValueRef::Integer(number) => out.extend(number.to_string().bytes()),
            ValueRef::Text(text) => write_text(out, text),
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                let broken = "a value that is neither a number nor a text".to_owned();
                return Err(Error::Corrupt(broken).into());
            }
        }
    }
    out.push(b'\n');
    Ok(())
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            byte => out.push(*byte),
        }
    }
}
