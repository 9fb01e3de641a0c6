//! Stops of writing in PostgreSQL.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::queue::{Key, Marking, NOTIFY, insert, signed, unsigned};
use super::{Postgres, writes};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::fuse::Kept;
use crate::store::stops::{Row, Stop};

/// An older schema has no stops.
pub(super) const SINCE_VERSION: i32 = 6;
const HOLDING: &str = "SELECT project_id, iid, stopped_at, reason, fuse, label FROM write_stop
                       WHERE lifted_at IS NULL ORDER BY id";

impl Postgres {
    pub async fn stops(&self) -> Result<Vec<Stop>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let found = stops(&lent).await?;
            lent.give_back();
            Ok(found)
        };
        self.pool.in_time(reading).await
    }

    pub async fn stop_writing(&self, stop: &Stop) -> Result<(), Error> {
        let stopping = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            // What another replica is about to note is noted before the stop, or not at all.
            writes::lock(&lent).await?;
            append(&lent, stop).await?;
            lent.commit().await
        };
        self.pool.in_time(stopping).await
    }

    pub async fn resume(&self, issue: Option<IssueRef>, now: Millis) -> Result<Vec<Stop>, Error> {
        let resuming = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            let lifted = resume(&lent, issue, now).await?;
            lent.commit().await?;
            Ok(lifted)
        };
        self.pool.in_time(resuming).await
    }
}

pub(super) async fn stops(client: &Client) -> Result<Vec<Stop>, Error> {
    client.query_typed(HOLDING, &[]).await?.iter().map(|found| row(found)?.stop()).collect()
}

/// Those of everything and of an issue that hold, or were lifted after this.
pub(super) async fn known(client: &Client, key: &Key, since: Millis) -> Result<Vec<Kept>, Error> {
    let rows = client
        .query_typed(
            "SELECT project_id, iid, stopped_at, reason, fuse, label, lifted_at FROM write_stop
             WHERE (lifted_at IS NULL OR lifted_at > $3) AND (project_id IS NULL OR (project_id = $1 AND iid = $2))",
            &key.and([(&since.0 as _, Type::INT8)]),
        )
        .await?;
    rows.iter()
        .map(|found| {
            let lifted_at: Option<i64> = found.try_get(6)?;
            Ok(Kept { stop: row(found)?.stop()?, lifted_at: lifted_at.map(Millis) })
        })
        .collect()
}

/// Unless there is one like it.
pub(super) async fn append(client: &Client, stop: &Stop) -> Result<(), Error> {
    let project_id = stop.issue.map(|issue| signed(issue.project_id)).transpose()?;
    let iid = stop.issue.map(|issue| signed(issue.iid)).transpose()?;
    client
        .execute_typed(
            "INSERT INTO write_stop (project_id, iid, stopped_at, reason, fuse, label)
             SELECT $1, $2, $3, $4, $5, $6
             WHERE NOT EXISTS (
                 SELECT 1 FROM write_stop
                 WHERE lifted_at IS NULL AND reason = $4
                     AND project_id IS NOT DISTINCT FROM $1 AND iid IS NOT DISTINCT FROM $2)",
            &[
                (&project_id, Type::INT8),
                (&iid, Type::INT8),
                (&stop.at.0, Type::INT8),
                (&stop.reason.name(), Type::TEXT),
                (&stop.reason.fuse().map(i64::from), Type::INT8),
                (&stop.reason.label(), Type::TEXT),
            ],
        )
        .await?;
    Ok(())
}

async fn resume(client: &Client, issue: Option<IssueRef>, now: Millis) -> Result<Vec<Stop>, Error> {
    let project_id = issue.map(|issue| signed(issue.project_id)).transpose()?;
    let iid = issue.map(|issue| signed(issue.iid)).transpose()?;
    let rows = client
        .query_typed(
            "WITH lifted AS (
                 UPDATE write_stop SET lifted_at = $3
                 WHERE lifted_at IS NULL AND ($1::bigint IS NULL OR (project_id = $1 AND iid = $2))
                 RETURNING id, project_id, iid, stopped_at, reason, fuse, label)
             SELECT project_id, iid, stopped_at, reason, fuse, label FROM lifted ORDER BY id",
            &[(&project_id, Type::INT8), (&iid, Type::INT8), (&now.0, Type::INT8)],
        )
        .await?;
    let lifted: Vec<Stop> = rows.iter().map(|found| row(found)?.stop()).collect::<Result<_, _>>()?;
    let issues: BTreeMap<_, _> =
        lifted.iter().filter_map(|stop| Some((stop.issue?, Marking { trace: None, now }))).collect();
    insert(client, &issues).await?;
    for issue in issues.keys() {
        client
            .execute_typed(
                "UPDATE reading SET asked = asked + 1, attempts = 0, due_at = $3
                 WHERE project_id = $1 AND iid = $2 AND asked > answered",
                &Key::of(*issue)?.and([(&now.0 as _, Type::INT8)]),
            )
            .await?;
    }
    client.batch_execute(NOTIFY).await?;
    Ok(lifted)
}

fn row(row: &tokio_postgres::Row) -> Result<Row, Error> {
    let (project_id, iid): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let issue = match (project_id, iid) {
        (Some(project_id), Some(iid)) => {
            Some(IssueRef { project_id: unsigned(project_id)?, iid: unsigned(iid)? })
        }
        (None, _) | (_, None) => None,
    };
    let fuse: Option<i64> = row.try_get(4)?;
    Ok(Row {
        issue,
        stopped_at: row.try_get(2)?,
        reason: row.try_get(3)?,
        fuse: fuse.and_then(|fuse| fuse.try_into().ok()),
        label: row.try_get(5)?,
    })
}
