//! The schema: made and brought up to date by whoever comes first, and refused where it is not ours or not whole.
//!
//! One transaction under a lock, so there is no half of a migration. A newer schema is no hindrance as long as it says
//! that this program can still read it: so replicas can be replaced one after the other.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Transaction};

use super::error::explain;
use super::stops;
use crate::store::{Inspection, Migrated, OpenError};

/// What leads from nothing to the schema that this program reads and writes, one version after the other, each with the
/// oldest program that can work with it. What stands here has been released and never changes.
const MIGRATIONS: [(&str, i32); 8] = [
    (include_str!("schema.sql"), 1),
    (include_str!("2_own_bot.sql"), 1),
    (include_str!("3_made.sql"), 1),
    (include_str!("4_writes.sql"), 1),
    (include_str!("5_commands.sql"), 1),
    (include_str!("6_stops.sql"), 1),
    (include_str!("7_decided.sql"), 1),
    (include_str!("8_open_causes.sql"), 1),
];
/// Any number that other programs in the same database are not likely to use.
const LOCK: i64 = 0x0065_7363_616c_6174;
/// How long to wait for a replica that is just migrating.
const WAIT_FOR_OTHERS: &str = "SET LOCAL lock_timeout = 60000";
/// How long a migration waits for those who use a table, such as a backup: whoever comes to use it meanwhile waits behind
/// it, deliveries included, and they have little patience.
const WAIT_FOR_USERS: &str = "SET LOCAL lock_timeout = 500";
/// The wait before the next attempt, in which the others get on.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to try.
const PATIENCE: Duration = Duration::from_secs(60);

const IN_USE: &str = "its schema is to be brought up to date, and somebody uses a table all the time, such as a long backup; \
                      start again when that has ended (pg_stat_activity shows who it is)";

/// Every table of ours with its columns, in an order in which they can be filled.
pub(in crate::store) const TABLES: [(&str, &str); 16] = [
    (
        "queue",
        "project_id, iid, generation, marked_at, due_at, attempts, token, claimed_generation, parked_at, parked_reason, \
         traceparent",
    ),
    (
        "followed",
        "project_id, iid, state, work_item_type, labels, hands, note_id, note_digest, involvement, decision, \
         decided_at",
    ),
    ("echo", "project_id, iid, labels, note_id, note_digest"),
    (
        "ledger",
        "id, project_id, iid, at, recorded_at, policy_version, before, after, labels_added, labels_removed",
    ),
    ("ledger_cause", "ledger_id, label, gesture, event_id, user_id, at"),
    ("ledger_open_cause", "ledger_id, attempts"),
    ("write_ledger", "id, project_id, iid, recorded_at, stage, act, label, note_id, user_id, origin"),
    ("write_stop", "id, project_id, iid, stopped_at, reason, fuse, label, lifted_at"),
    ("watermark", "walk, place, at"),
    ("own_bot", "user_id, since"),
    ("made", "kind, place, name, id"),
    ("reading", "project_id, iid, asked, answered, due_at, attempts, comments"),
    ("command", "note_id, digest, project_id, iid, user_id, verb, outcome, label_added, label_removed, at"),
    ("heartbeat", "id, at"),
    ("pause", "id, until"),
    ("duty", "name, holder, until"),
];

/// Brings the schema up to date. Needs no right to change it where there is nothing to change.
pub(super) async fn migrate(client: &mut Client) -> Result<Migrated, OpenError> {
    if let Some(found) = found(client).await?
        && found.version >= version()
    {
        return check_readable(client, &found).await.map(|()| found.unchanged());
    }
    let started = Instant::now();
    let from = loop {
        match apply_alone(client).await {
            Err(Halted::InUse) if started.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            Err(Halted::InUse) => return Err(OpenError::Refused { reason: IN_USE.to_owned() }),
            Err(Halted::Failed(error)) => return Err(error),
            Ok(from) => break from,
        }
    };
    // While this waited, a newer program may have led it further than this one can go along.
    check(client).await?;
    Ok(Migrated { from: from.into(), to: version().max(from).into() })
}

/// Why a migration came to nothing.
enum Halted {
    /// Somebody uses a table for longer than others may be kept waiting.
    InUse,
    Failed(OpenError),
}

impl From<OpenError> for Halted {
    fn from(error: OpenError) -> Self {
        Self::Failed(error)
    }
}

/// Applies what is missing while nobody else does. Returns the version that was there.
async fn apply_alone(client: &mut Client) -> Result<i32, Halted> {
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(WAIT_FOR_OTHERS).await.map_err(failed)?;
    transaction
        .query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)])
        .await
        .map_err(failed)?;
    transaction.batch_execute(WAIT_FOR_USERS).await.map_err(failed)?;
    let from = apply(&transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(from)
}

/// Refuses a schema that this program cannot work with as it is.
pub(super) async fn check(client: &Client) -> Result<(), OpenError> {
    match found(client).await? {
        Some(found) if found.version >= version() => check_readable(client, &found).await,
        older => Err(OpenError::Older {
            found: older.map_or(0, |found| found.version.into()),
            known: version().into(),
        }),
    }
}

/// What there is, whether this program can work with it, how many issues are parked, and whether writing is stopped.
pub(super) async fn inspect(client: &Client) -> Result<Inspection, OpenError> {
    let Some(found) = found(client).await? else {
        return Ok(Inspection { version: 0, known: version().into(), parked: 0, stops: Vec::new() });
    };
    if found.version > version() && found.oldest_reader > version() {
        return Err(OpenError::NewerSchema { found: found.version, known: version() });
    }
    if found.version >= version() {
        check_whole(client).await?;
    }
    let row = client
        .query_typed_one("SELECT count(*) FROM queue WHERE parked_at IS NOT NULL", &[])
        .await
        .map_err(failed)?;
    let parked: i64 = row.try_get(0).map_err(failed)?;
    let stops =
        if found.version < stops::SINCE_VERSION { Ok(Vec::new()) } else { stops::stops(client).await };
    Ok(Inspection {
        version: found.version.into(),
        known: version().into(),
        parked: parked.try_into().unwrap_or_default(),
        stops: stops.map_err(|error| OpenError::Refused { reason: error.to_string() })?,
    })
}

struct Found {
    version: i32,
    oldest_reader: i32,
}

impl Found {
    fn unchanged(&self) -> Migrated {
        Migrated { from: self.version.into(), to: self.version.into() }
    }
}

fn version() -> i32 {
    MIGRATIONS.len().try_into().unwrap_or(i32::MAX)
}

/// The schema's version, if there is one. Refuses a schema whose tables are somebody else's.
async fn found(client: &Client) -> Result<Option<Found>, OpenError> {
    let names: Vec<&str> = ["escalator_schema"].into_iter().chain(TABLES.map(|(name, _)| name)).collect();
    let rows = client
        .query_typed(
            // Read from the table: what a session remembers of names may be older than the lock.
            "SELECT relname::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = current_schema() AND relname::text = ANY ($1)",
            &[(&names, Type::TEXT_ARRAY)],
        )
        .await
        .map_err(failed)?;
    let there: Vec<String> =
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed)?;
    if there.iter().any(|name| name == "escalator_schema") {
        let rows = client
            .query_typed("SELECT version, oldest_reader FROM escalator_schema", &[])
            .await
            .map_err(failed)?;
        let [row] = rows.as_slice() else {
            return Err(OpenError::NotWhole { reason: "escalator_schema must hold one row".to_owned() });
        };
        let (version, oldest_reader) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        return Ok(Some(Found { version, oldest_reader }));
    }
    match there.first() {
        Some(name) => Err(OpenError::Foreign { table: name.clone() }),
        None => Ok(None),
    }
}

async fn apply(transaction: &Transaction<'_>) -> Result<i32, Halted> {
    let from = match found(transaction.client()).await? {
        Some(found) => found.version,
        None => {
            transaction
                .batch_execute(
                    "CREATE TABLE escalator_schema (version INTEGER NOT NULL, oldest_reader INTEGER NOT NULL);
                     INSERT INTO escalator_schema VALUES (0, 0)",
                )
                .await
                .map_err(failed)?;
            0
        }
    };
    for (version, (migration, oldest_reader)) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > from)
    {
        transaction.batch_execute(migration).await.map_err(halted)?;
        transaction
            .execute_typed(
                "UPDATE escalator_schema SET version = $1, oldest_reader = $2",
                &[(&version, Type::INT4), (&oldest_reader, Type::INT4)],
            )
            .await
            .map_err(failed)?;
    }
    Ok(from)
}

/// Whether this program can work with a schema that is no older than it.
async fn check_readable(client: &Client, found: &Found) -> Result<(), OpenError> {
    if found.oldest_reader > version() {
        return Err(OpenError::NewerSchema { found: found.version, known: version() });
    }
    check_whole(client).await
}

/// Whether every table has every column: a backup may have been restored in part.
async fn check_whole(client: &Client) -> Result<(), OpenError> {
    for (table, columns) in TABLES {
        client
            .batch_execute(&format!("SELECT {columns} FROM {table} LIMIT 0"))
            .await
            .map_err(|error| OpenError::NotWhole { reason: explain(&error) })?;
    }
    Ok(())
}

fn halted(error: tokio_postgres::Error) -> Halted {
    match error.code() {
        Some(&SqlState::LOCK_NOT_AVAILABLE) => Halted::InUse,
        _ => Halted::Failed(failed(error)),
    }
}

fn failed(error: tokio_postgres::Error) -> OpenError {
    OpenError::Refused { reason: explain(&error) }
}
