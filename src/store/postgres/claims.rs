//! Claims in PostgreSQL. A claim is one statement, which steps over rows that others are just taking. Whoever ends a
//! claim, or hears of an issue that is claimed, locks its row first and reads the rest afterwards, each statement as of
//! its own moment: so they come one after the other.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::queue::{Key, issue};
use super::{Postgres, beat, echo, followed};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::claims::{Claim, Claimed, MOST_AHEAD, Release, SETTLE};
use crate::store::echo::Differences;
use crate::store::rows::{millis, trace};

/// Milliseconds. What is due and cannot be had is just being taken or changed by somebody else.
const TAKEN_BY_OTHERS: i64 = 20;

impl Postgres {
    pub async fn claim(&self, now: Millis, lease: Duration, ours_until: Instant) -> Result<Claimed, Error> {
        let claiming = async {
            let lent = self.pool.lend().await?;
            // A claim whose commit waits for a standby is made before anybody can be told of it. As long as nothing can be
            // written, that happens to one issue of each worker and not to all.
            if self.claim_failed.load(Ordering::Relaxed) {
                beat(&lent, now).await?;
            }
            let claimed = claim(&lent, now, lease, ours_until).await?;
            lent.give_back();
            Ok(claimed)
        };
        let claimed = self.pool.in_time(claiming).await;
        self.claim_failed.store(claimed.is_err(), Ordering::Relaxed);
        claimed
    }

    pub async fn claim_issue(
        &self,
        issue: IssueRef,
        now: Millis,
        lease: Duration,
        ours_until: Instant,
    ) -> Result<Option<Claim>, Error> {
        let claiming = async {
            let lent = self.pool.lend().await?;
            let claimed = claim_issue(&lent, issue, now, lease, ours_until).await?;
            lent.give_back();
            Ok(claimed)
        };
        self.pool.in_time(claiming).await
    }

    pub async fn finish(&self, claim: Claim, release: Release, now: Millis) -> Result<bool, Error> {
        let finishing = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            let ours = finish(&lent, &claim, &release, now).await?;
            lent.commit().await?;
            Ok(ours)
        };
        self.pool.in_time(finishing).await
    }

    pub async fn pause(&self, until: Millis) -> Result<(), Error> {
        let pausing = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "UPDATE pause SET until = $1 WHERE id = 1 AND until < $1",
                &[(&until.0, Type::INT8)],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(pausing).await
    }
}

async fn claim(client: &Client, now: Millis, lease: Duration, ours_until: Instant) -> Result<Claimed, Error> {
    let token = fastrand::i64(0..i64::MAX);
    let row = client
        .query_typed_one(
            "WITH pausing AS (SELECT until FROM pause WHERE until > $2),
             next AS MATERIALIZED (
                 SELECT project_id, iid FROM queue
                 WHERE parked_at IS NULL AND due_at <= $2 AND NOT EXISTS (SELECT FROM pausing)
                 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED),
             claimed AS (
                 UPDATE queue
                 SET token = $1, claimed_generation = generation, attempts = attempts + 1, due_at = $3
                 FROM next WHERE (queue.project_id, queue.iid) = (next.project_id, next.iid)
                 RETURNING queue.project_id, queue.iid, attempts, marked_at, traceparent)
             SELECT claimed.*, (SELECT until FROM pausing),
                    CASE WHEN claimed.iid IS NULL THEN (SELECT min(due_at) FROM queue WHERE parked_at IS NULL) END
             FROM (SELECT) AS always LEFT JOIN claimed ON true",
            &[(&token, Type::INT8), (&now.0, Type::INT8), (&(now.0 + millis(lease)), Type::INT8)],
        )
        .await?;
    if row.try_get::<_, Option<i64>>(1)?.is_some() {
        return Ok(Claimed::Issue(Claim {
            issue: issue(&row)?,
            token,
            attempts: attempts(&row, 2)?,
            marked_at: Millis(row.try_get(3)?),
            trace: trace(row.try_get(4)?),
            ours_until,
        }));
    }
    if let Some(until) = row.try_get(5)? {
        return Ok(Claimed::Paused { until: Millis(until) });
    }
    let next_due_at: Option<i64> = row.try_get(6)?;
    if next_due_at.is_some() && bring_back_from_future(client, now).await? {
        return Ok(Claimed::Nothing { next_due_at: Some(now) });
    }
    let next_due_at = next_due_at.map(|at| if at > now.0 { at } else { now.0 + TAKEN_BY_OTHERS });
    Ok(Claimed::Nothing { next_due_at: next_due_at.map(Millis) })
}

/// Makes due what was marked by a clock that was ahead. Returns whether there was any.
async fn bring_back_from_future(client: &Client, now: Millis) -> Result<bool, Error> {
    let brought = client
        .execute_typed(
            "UPDATE queue SET marked_at = $1, due_at = $1
             WHERE (project_id, iid) IN (
                 SELECT project_id, iid FROM queue
                 WHERE parked_at IS NULL AND token IS NULL AND due_at > $2 AND marked_at > $2
                 ORDER BY project_id, iid FOR UPDATE SKIP LOCKED)",
            &[(&now.0, Type::INT8), (&(now.0 + millis(MOST_AHEAD)), Type::INT8)],
        )
        .await?;
    Ok(brought > 0)
}

async fn claim_issue(
    client: &Client,
    issue: IssueRef,
    now: Millis,
    lease: Duration,
    ours_until: Instant,
) -> Result<Option<Claim>, Error> {
    let (token, key) = (fastrand::i64(0..i64::MAX), Key::of(issue)?);
    let until = now.0 + millis(lease);
    let claimed = client
        .execute_typed(
            "INSERT INTO queue (project_id, iid, marked_at, due_at, attempts, token, claimed_generation)
             VALUES ($1, $2, $3, $4, 1, $5, 1)
             ON CONFLICT (project_id, iid) DO UPDATE SET
                 marked_at = $3, due_at = $4, attempts = 1, token = $5, claimed_generation = queue.generation,
                 traceparent = NULL, parked_at = NULL, parked_reason = NULL
             WHERE queue.token IS NULL OR queue.due_at <= $3",
            &key.and([(&now.0 as _, Type::INT8), (&until as _, Type::INT8), (&token as _, Type::INT8)]),
        )
        .await?;
    Ok((claimed > 0).then_some(Claim { issue, token, attempts: 1, marked_at: now, trace: None, ours_until }))
}

async fn finish(client: &Client, claim: &Claim, release: &Release, now: Millis) -> Result<bool, Error> {
    let key = Key::of(claim.issue)?;
    let locked = client
        .query_typed_opt(
            "SELECT generation > claimed_generation FROM queue
             WHERE project_id = $1 AND iid = $2 AND token = $3 FOR UPDATE",
            &key.and([(&claim.token as _, Type::INT8)]),
        )
        .await?;
    let Some(locked) = locked else { return Ok(false) };
    let marked_meanwhile: bool = locked.try_get(0)?;
    // What is tried again will be compared with what was heard meanwhile, too.
    let told = match release {
        Release::Done(record) => echo::compare_and_forget(client, &key, record.as_deref()).await?,
        Release::Dropped => {
            echo::compare_and_forget(client, &key, None).await?;
            Differences::default()
        }
        Release::Retry(_) | Release::Paused | Release::Parked { .. } => Differences::default(),
    };
    let again = marked_meanwhile || told.comment || told.labels;
    release_key(client, &key, release, again, now).await?;
    if let Release::Done(Some(record)) = release {
        followed::remember(client, &key, record, now).await?;
    }
    if told.comment {
        followed::forget_note(client, &key).await?;
    }
    Ok(true)
}

/// What becomes of the key.
async fn release_key(
    client: &Client,
    key: &Key,
    release: &Release,
    again: bool,
    now: Millis,
) -> Result<(), Error> {
    match release {
        Release::Done(_) | Release::Dropped | Release::Parked { .. } if again => {
            begin_anew(client, key, now).await
        }
        Release::Done(_) | Release::Dropped => {
            let delete = "DELETE FROM queue WHERE project_id = $1 AND iid = $2";
            client.execute_typed(delete, &key.and([])).await?;
            Ok(())
        }
        Release::Retry(delay) => free(client, key, now, *delay, "attempts").await,
        Release::Paused => free(client, key, now, Duration::ZERO, "attempts - 1").await,
        Release::Parked { reason } => {
            // The one character that PostgreSQL does not keep.
            let reason = reason.replace('\0', "");
            client
                .execute_typed(
                    "UPDATE queue SET token = NULL, claimed_generation = NULL, parked_at = $3, parked_reason = $4
                     WHERE project_id = $1 AND iid = $2",
                    &key.and([(&now.0 as _, Type::INT8), (&reason as _, Type::TEXT)]),
                )
                .await?;
            Ok(())
        }
    }
}

/// Gives the key back, due after a while. `attempts` is SQL: what becomes of their count.
async fn free(
    client: &Client,
    key: &Key,
    now: Millis,
    delay: Duration,
    attempts: &'static str,
) -> Result<(), Error> {
    client
        .execute_typed(
            &format!(
                "UPDATE queue SET token = NULL, claimed_generation = NULL, due_at = $3, attempts = {attempts}
                 WHERE project_id = $1 AND iid = $2"
            ),
            &key.and([(&(now.0 + millis(delay)) as _, Type::INT8)]),
        )
        .await?;
    Ok(())
}

/// Gives back a key that was marked during its run. It waits since then, and not since the mark that is done.
async fn begin_anew(client: &Client, key: &Key, now: Millis) -> Result<(), Error> {
    client
        .execute_typed(
            "UPDATE queue SET token = NULL, claimed_generation = NULL, attempts = 0, marked_at = $3, due_at = $4
             WHERE project_id = $1 AND iid = $2",
            &key.and([(&now.0 as _, Type::INT8), (&(now.0 + millis(SETTLE)) as _, Type::INT8)]),
        )
        .await?;
    Ok(())
}

pub(super) fn attempts(row: &Row, column: usize) -> Result<u32, Error> {
    let attempts: i32 = row.try_get(column)?;
    u32::try_from(attempts).map_err(|_| Error::Corrupt(format!("{attempts} attempts")))
}
