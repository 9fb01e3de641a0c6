//! Commands in comments in SQLite.

use rusqlite::{Connection, OptionalExtension, params};

use super::queue::{insert, standing};
use super::{Sqlite, writes};
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::commands::{Answered, LabelCommand, Reading};
use crate::store::queue::Place;
use crate::store::writes::Stage;

impl Sqlite {
    pub async fn ask_to_read(&self, issue: IssueRef, now: Millis) -> Result<(), Error> {
        self.writer.run(move |connection| ask(connection, issue, now)).await
    }

    pub async fn unread(&self, now: Millis) -> Result<Vec<Reading>, Error> {
        self.reader.run(move |connection| unread(connection, now)).await
    }

    pub async fn comments_read(&self, issue: IssueRef) -> Result<Option<u64>, Error> {
        self.reader.run(move |connection| comments_read(connection, issue)).await
    }

    pub async fn end_reading(&self, reading: Reading, comments: Option<u64>) -> Result<(), Error> {
        self.writer.run(move |connection| end(connection, reading, comments)).await
    }

    pub async fn postpone_reading(&self, reading: Reading, due_at: Millis) -> Result<(), Error> {
        self.writer.run(move |connection| postpone(connection, reading, due_at)).await
    }

    pub async fn is_answered(&self, note_id: u64, digest: &str) -> Result<bool, Error> {
        let digest = digest.to_owned();
        self.reader
            .run(move |connection| {
                let found = connection
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM command WHERE note_id = ?1 AND digest = ?2)",
                    )?
                    .query_row(params![note_id, digest], |row| row.get(0))?;
                Ok(found)
            })
            .await
    }

    pub async fn was_answered(
        &self,
        issue: IssueRef,
        user_id: u64,
        outcome: &'static str,
        since: Millis,
    ) -> Result<bool, Error> {
        self.reader
            .run(move |connection| {
                let found = connection
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM command WHERE project_id = ?1 AND iid = ?2 AND at >= ?3
                                            AND user_id = ?4 AND outcome = ?5)",
                    )?
                    .query_row(params![issue.project_id, issue.iid, since.0, user_id, outcome], |row| {
                        row.get(0)
                    })?;
                Ok(found)
            })
            .await
    }

    pub async fn label_commands(&self, issue: IssueRef) -> Result<Vec<LabelCommand>, Error> {
        self.reader.run(move |connection| label_commands(connection, issue)).await
    }

    pub async fn keep_answered(&self, answered: Answered, now: Millis) -> Result<(), Error> {
        self.writer.run(move |connection| keep(connection, &answered, now)).await
    }

    pub async fn recheck(&self, issues: Vec<IssueRef>, now: Millis) -> Result<(), Error> {
        self.writer
            .run(move |connection| issues.iter().try_for_each(|issue| recheck(connection, *issue, now)))
            .await
    }
}

fn ask(connection: &Connection, issue: IssueRef, now: Millis) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO reading (project_id, iid, due_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (project_id, iid) DO UPDATE SET asked = asked + 1, attempts = 0, due_at = ?3",
        )?
        .execute(params![issue.project_id, issue.iid, now.0])?;
    Ok(())
}

fn unread(connection: &Connection, now: Millis) -> Result<Vec<Reading>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, iid, asked, attempts FROM reading
         WHERE asked > answered AND due_at <= ?1 ORDER BY due_at LIMIT 100",
    )?;
    let rows = statement.query_map([now.0], |row| {
        Ok(Reading {
            issue: IssueRef { project_id: row.get(0)?, iid: row.get(1)? },
            asked: row.get(2)?,
            attempts: row.get(3)?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(Error::from)
}

fn comments_read(connection: &Connection, issue: IssueRef) -> Result<Option<u64>, Error> {
    let found: Option<Option<u64>> = connection
        .prepare_cached("SELECT comments FROM reading WHERE project_id = ?1 AND iid = ?2")?
        .query_row(params![issue.project_id, issue.iid], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

fn end(connection: &Connection, reading: Reading, comments: Option<u64>) -> Result<(), Error> {
    let IssueRef { project_id, iid } = reading.issue;
    connection
        .prepare_cached(
            "UPDATE reading SET answered = ?3, comments = coalesce(?4, comments)
             WHERE project_id = ?1 AND iid = ?2",
        )?
        .execute(params![project_id, iid, reading.asked, comments])?;
    Ok(())
}

fn postpone(connection: &Connection, reading: Reading, due_at: Millis) -> Result<(), Error> {
    let IssueRef { project_id, iid } = reading.issue;
    connection
        .prepare_cached(
            "UPDATE reading SET attempts = attempts + 1, due_at = ?4
             WHERE project_id = ?1 AND iid = ?2 AND asked = ?3",
        )?
        .execute(params![project_id, iid, reading.asked, due_at.0])?;
    Ok(())
}

fn keep(connection: &Connection, answered: &Answered, now: Millis) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO command
                 (note_id, digest, project_id, iid, user_id, verb, outcome, label_added, label_removed, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            answered.note_id,
            answered.digest,
            answered.issue.project_id,
            answered.issue.iid,
            answered.user_id,
            answered.verb,
            answered.outcome,
            answered.added.as_ref().map(Label::title),
            answered.removed.as_ref().map(Label::title),
            now.0
        ])?;
    let done = answered.writes.iter().map(|write| (Stage::Done, write));
    writes::append(connection, answered.issue, done, now)
}

fn label_commands(connection: &Connection, issue: IssueRef) -> Result<Vec<LabelCommand>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id, label_added, label_removed, at FROM command
         WHERE project_id = ?1 AND iid = ?2 AND label_added IS NOT NULL ORDER BY at",
    )?;
    let rows = statement.query_map(params![issue.project_id, issue.iid], |row| {
        Ok(LabelCommand {
            user_id: row.get(0)?,
            added: Label::new(&row.get::<_, String>(1)?),
            removed: row.get::<_, Option<String>>(2)?.as_deref().map(Label::new),
            at: Millis(row.get(3)?),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(Error::from)
}

pub(super) fn recheck(connection: &Connection, issue: IssueRef, now: Millis) -> Result<(), Error> {
    match standing(connection, issue)?.place {
        Some(Place::Waiting) => {}
        Some(Place::Claimed) => {
            connection
                .prepare_cached(
                    "UPDATE queue SET generation = generation + 1 WHERE project_id = ?1 AND iid = ?2",
                )?
                .execute(params![issue.project_id, issue.iid])?;
        }
        Some(Place::Parked) | None => insert(connection, issue, None, now)?,
    }
    Ok(())
}
