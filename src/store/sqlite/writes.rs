//! The ledger of writes in SQLite, and its fuse: the one writing thread notes one after the other.

use rusqlite::{Connection, params};

use super::{Sqlite, followed, held, stops};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::fuse::{Before, Intention, RECENT, Room, Verdict, remembered};
use crate::store::held::Held;
use crate::store::stops::Stop;
use crate::store::writes::{Row, Stage, Write, Written, edits_comment};

const COLUMNS: &str = "recorded_at, stage, act, label, note_id, user_id, origin";

impl Sqlite {
    pub async fn intend(
        &self,
        issue: IssueRef,
        writes: Vec<Write>,
        held: Option<Held>,
        fuse: Option<u32>,
        now: Millis,
    ) -> Result<Intention, Error> {
        self.writer.run(move |connection| intend(connection, issue, &writes, held, fuse, now)).await
    }

    pub async fn writes(&self, issue: IssueRef, since: Millis) -> Result<Vec<Written>, Error> {
        self.reader.run(move |connection| writes(connection, issue, since)).await
    }
}

fn intend(
    connection: &Connection,
    issue: IssueRef,
    writes: &[Write],
    held: Option<Held>,
    fuse: Option<u32>,
    now: Millis,
) -> Result<Intention, Error> {
    if !held::is_ours(connection, held)? {
        return Ok(Intention::NotOurs);
    }
    let (since, until) = remembered(now);
    let stops = stops::known(connection, issue, since)?;
    let before = Before { issue, now, stops, recent: recent(connection, issue, since, until)? };
    let (stages, room) = match before.verdict(writes, fuse) {
        Verdict::Held(stop) => return Ok(Intention::Held(stop)),
        Verdict::Trip(stop) => return trip(connection, stop),
        Verdict::Note(stages, room) => (stages, room),
    };
    if let Some(room) = room
        && intended(connection, &room)? > room.most
    {
        return trip(connection, room.otherwise);
    }
    append(connection, issue, stages.into_iter().zip(writes), now)?;
    if edits_comment(writes) {
        followed::doubt_note(connection, issue)?;
    }
    Ok(Intention::Noted)
}

fn trip(connection: &Connection, stop: Stop) -> Result<Intention, Error> {
    stops::append(connection, &stop)?;
    Ok(Intention::Tripped(stop))
}

/// How many writes were intended, none counted that are more than one too many.
fn intended(connection: &Connection, room: &Room) -> Result<u32, Error> {
    let counted = connection
        .prepare_cached(
            "SELECT count(*) FROM (
                 SELECT 1 FROM write_ledger
                 WHERE stage = 'intended' AND origin IN ('service', 'command')
                     AND recorded_at > ?1 AND recorded_at <= ?2
                 LIMIT ?3)",
        )?
        .query_row(params![room.since.0, room.until.0, i64::from(room.most) + 1], |row| row.get(0))?;
    Ok(counted)
}

pub(super) fn append<'write>(
    connection: &Connection,
    issue: IssueRef,
    writes: impl Iterator<Item = (Stage, &'write Write)>,
    now: Millis,
) -> Result<(), Error> {
    for (stage, write) in writes {
        connection
            .prepare_cached(
                "INSERT INTO write_ledger
                     (project_id, iid, recorded_at, stage, act, label, note_id, user_id, origin)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                issue.project_id,
                issue.iid,
                now.0,
                stage.name(),
                write.act.name(),
                write.act.label(),
                write.act.note_id(),
                write.user_id,
                write.origin.name(),
            ])?;
    }
    Ok(())
}

fn writes(connection: &Connection, issue: IssueRef, since: Millis) -> Result<Vec<Written>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM write_ledger
         WHERE project_id = ?1 AND iid = ?2 AND recorded_at >= ?3 ORDER BY id"
    ))?;
    let rows = statement.query_map(params![issue.project_id, issue.iid, since.0], row)?;
    rows.map(|row| row?.written()).collect()
}

/// Of the last ones, those between two moments, newest first.
fn recent(
    connection: &Connection,
    issue: IssueRef,
    since: Millis,
    until: Millis,
) -> Result<Vec<Written>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM (
             SELECT id, {COLUMNS} FROM write_ledger
             WHERE project_id = ?1 AND iid = ?2 ORDER BY id DESC LIMIT {RECENT})
         WHERE recorded_at > ?3 AND recorded_at <= ?4 ORDER BY id DESC"
    ))?;
    let rows = statement.query_map(params![issue.project_id, issue.iid, since.0, until.0], row)?;
    rows.map(|row| row?.written()).collect()
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        recorded_at: row.get(0)?,
        stage: row.get(1)?,
        act: row.get(2)?,
        label: row.get(3)?,
        note_id: row.get(4)?,
        user_id: row.get(5)?,
        origin: row.get(6)?,
    })
}
