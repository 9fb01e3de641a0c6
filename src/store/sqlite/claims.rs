//! Claims in SQLite: the one writing thread does one after the other, so that a claim needs no lock of its own.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use super::queue::insert;
use super::{Sqlite, echo, followed};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::claims::{Claim, Claimed, MOST_AHEAD, Release, SETTLE};
use crate::store::echo::Differences;
use crate::store::rows::{millis, trace};

impl Sqlite {
    pub async fn claim(&self, now: Millis, lease: Duration, ours_until: Instant) -> Result<Claimed, Error> {
        self.writer.run(move |connection| claim(connection, now, lease, ours_until)).await
    }

    pub async fn claim_issue(
        &self,
        issue: IssueRef,
        now: Millis,
        lease: Duration,
        ours_until: Instant,
    ) -> Result<Option<Claim>, Error> {
        self.writer.run(move |connection| claim_issue(connection, issue, now, lease, ours_until)).await
    }

    pub async fn finish(&self, claim: Claim, release: Release, now: Millis) -> Result<bool, Error> {
        self.writer.run(move |connection| finish(connection, claim, release, now)).await
    }
}

/// Frees what an earlier process had claimed. The attempts stay counted: it may have died of that issue. A lease that has
/// ended needs no freeing, it is due; so this looks only at what is not due, however much waits.
pub(super) fn free_all(connection: &Connection, now: Millis) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE queue SET token = NULL, claimed_generation = NULL, due_at = ?1
         WHERE parked_at IS NULL AND due_at > ?1 AND token IS NOT NULL",
        [now.0],
    )?;
    Ok(())
}

fn claim(
    connection: &Connection,
    now: Millis,
    lease: Duration,
    ours_until: Instant,
) -> Result<Claimed, Error> {
    let token = fastrand::i64(0..i64::MAX);
    let claimed = connection
        .prepare_cached(
            "UPDATE queue
             SET token = ?1, claimed_generation = generation, attempts = attempts + 1, due_at = ?3
             WHERE (project_id, iid) = (
                 SELECT project_id, iid FROM queue
                 WHERE parked_at IS NULL AND due_at <= ?2
                 ORDER BY due_at LIMIT 1)
             RETURNING project_id, iid, attempts, marked_at, traceparent",
        )?
        .query_row(params![token, now.0, now.0 + millis(lease)], |row| {
            Ok(Claim {
                issue: IssueRef { project_id: row.get(0)?, iid: row.get(1)? },
                token,
                attempts: row.get(2)?,
                marked_at: Millis(row.get(3)?),
                trace: trace(row.get(4)?),
                ours_until,
            })
        })
        .optional()?;
    if let Some(claim) = claimed {
        return Ok(Claimed::Issue(claim));
    }
    bring_back_from_future(connection, now)?;
    let next_due_at: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM queue WHERE parked_at IS NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(Claimed::Nothing { next_due_at: next_due_at.map(Millis) })
}

/// Makes due what was marked by a clock that was ahead.
fn bring_back_from_future(connection: &Connection, now: Millis) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE queue SET marked_at = ?1, due_at = ?1
             WHERE parked_at IS NULL AND token IS NULL AND due_at > ?2 AND marked_at > ?2",
        )?
        .execute([now.0, now.0 + millis(MOST_AHEAD)])?;
    Ok(())
}

fn claim_issue(
    connection: &Connection,
    issue: IssueRef,
    now: Millis,
    lease: Duration,
    ours_until: Instant,
) -> Result<Option<Claim>, Error> {
    let token = fastrand::i64(0..i64::MAX);
    let taken: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM queue
                            WHERE project_id = ?1 AND iid = ?2 AND token IS NOT NULL AND due_at > ?3)",
        )?
        .query_row(params![issue.project_id, issue.iid, now.0], |row| row.get(0))?;
    if taken {
        return Ok(None);
    }
    insert(connection, issue, None, now)?;
    connection
        .prepare_cached(
            "UPDATE queue
             SET token = ?3, claimed_generation = generation, attempts = attempts + 1, due_at = ?4
             WHERE project_id = ?1 AND iid = ?2",
        )?
        .execute(params![issue.project_id, issue.iid, token, now.0 + millis(lease)])?;
    Ok(Some(Claim { issue, token, attempts: 1, marked_at: now, trace: None, ours_until }))
}

fn finish(connection: &Connection, claim: Claim, release: Release, now: Millis) -> Result<bool, Error> {
    let IssueRef { project_id, iid } = claim.issue;
    let marked_meanwhile: Option<bool> = connection
        .prepare_cached(
            "SELECT generation > claimed_generation FROM queue
             WHERE project_id = ?1 AND iid = ?2 AND token = ?3",
        )?
        .query_row(params![project_id, iid, claim.token], |row| row.get(0))
        .optional()?;
    let Some(marked_meanwhile) = marked_meanwhile else {
        return Ok(false);
    };
    // What is tried again will be compared with what was heard meanwhile, too.
    let told = match &release {
        Release::Done(record) => echo::compare_and_forget(connection, claim.issue, record.as_deref())?,
        Release::Dropped => {
            echo::compare_and_forget(connection, claim.issue, None)?;
            Differences::default()
        }
        Release::Retry(_) | Release::Paused | Release::Parked { .. } => Differences::default(),
    };
    match release {
        Release::Done(_) | Release::Dropped | Release::Parked { .. }
            if marked_meanwhile || told.comment || told.labels =>
        {
            begin_anew(connection, claim.issue, now)?;
        }
        Release::Done(_) | Release::Dropped => {
            connection
                .prepare_cached("DELETE FROM queue WHERE project_id = ?1 AND iid = ?2")?
                .execute(params![project_id, iid])?;
        }
        Release::Retry(delay) => free(connection, claim.issue, now, delay, Attempts::Kept)?,
        Release::Paused => free(connection, claim.issue, now, Duration::ZERO, Attempts::TakenBack)?,
        Release::Parked { ref reason } => {
            connection
                .prepare_cached(
                    "UPDATE queue SET token = NULL, claimed_generation = NULL, parked_at = ?3, parked_reason = ?4
                     WHERE project_id = ?1 AND iid = ?2",
                )?
                .execute(params![project_id, iid, now.0, reason])?;
        }
    }
    if let Release::Done(Some(record)) = release {
        followed::remember(connection, claim.issue, &record, now)?;
    }
    if told.comment {
        followed::forget_note(connection, claim.issue)?;
    }
    Ok(true)
}

/// What becomes of the count of attempts when a claim is given back.
#[derive(Clone, Copy)]
enum Attempts {
    Kept,
    TakenBack,
}

fn free(
    connection: &Connection,
    issue: IssueRef,
    now: Millis,
    delay: Duration,
    attempts: Attempts,
) -> Result<(), Error> {
    let taken_back = match attempts {
        Attempts::Kept => 0,
        Attempts::TakenBack => 1,
    };
    connection
        .prepare_cached(
            "UPDATE queue SET token = NULL, claimed_generation = NULL, due_at = ?3, attempts = attempts - ?4
             WHERE project_id = ?1 AND iid = ?2",
        )?
        .execute(params![issue.project_id, issue.iid, now.0 + millis(delay), taken_back])?;
    Ok(())
}

/// Gives back a key that was marked during its run. It waits since then, and not since the mark that is done.
fn begin_anew(connection: &Connection, issue: IssueRef, now: Millis) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE queue SET token = NULL, claimed_generation = NULL, attempts = 0, marked_at = ?3, due_at = ?4
             WHERE project_id = ?1 AND iid = ?2",
        )?
        .execute(params![issue.project_id, issue.iid, now.0, now.0 + millis(SETTLE)])?;
    Ok(())
}
