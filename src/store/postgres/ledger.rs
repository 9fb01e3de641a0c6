//! The ledger in PostgreSQL.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Postgres;
use super::queue::{Key, issue, signed, unsigned};
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::label::Label;
use crate::calculator::plan::Gesture;
use crate::calculator::standing::LabelDifference;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::ledger::{CAUSE_ATTEMPTS, Cause, Entry, HISTORY, OpenCause, Row, difference};
use crate::store::rows::{labels_to_json, standing_to_json};

impl Postgres {
    pub async fn open_causes(&self) -> Result<Vec<OpenCause>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let open = open_causes(&lent).await?;
            lent.give_back();
            Ok(open)
        };
        self.pool.in_time(reading).await
    }

    pub async fn settle_causes(&self, ledger_id: i64, causes: Vec<Cause>) -> Result<(), Error> {
        let settling = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            settle_causes(&lent, ledger_id, &causes).await?;
            lent.commit().await
        };
        self.pool.in_time(settling).await
    }

    pub async fn postpone_causes(&self, ledger_id: i64) -> Result<(), Error> {
        let postponing = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            lent.execute_typed(
                "UPDATE ledger_open_cause SET attempts = attempts + 1 WHERE ledger_id = $1",
                &[(&ledger_id, Type::INT8)],
            )
            .await?;
            lent.execute_typed(
                "DELETE FROM ledger_open_cause WHERE ledger_id = $1 AND attempts >= $2",
                &[(&ledger_id, Type::INT8), (&CAUSE_ATTEMPTS, Type::INT4)],
            )
            .await?;
            lent.commit().await
        };
        self.pool.in_time(postponing).await
    }

    pub async fn causes(&self, issue: IssueRef) -> Result<Vec<Cause>, Error> {
        let reading = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            let causes = causes(&lent, &key).await?;
            lent.give_back();
            Ok(causes)
        };
        self.pool.in_time(reading).await
    }
}

pub(super) async fn append(client: &Client, key: &Key, entry: &Entry, now: Millis) -> Result<(), Error> {
    let before = entry.before.as_ref().map(standing_to_json).transpose()?;
    let has_causes = entry.labels != LabelDifference::default();
    client
        .execute_typed(
            "WITH entry AS (
                 INSERT INTO ledger (project_id, iid, at, recorded_at, policy_version,
                                     before, after, labels_added, labels_removed)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id)
             INSERT INTO ledger_open_cause (ledger_id) SELECT id FROM entry WHERE $10",
            &key.and([
                (&entry.at.0 as _, Type::INT8),
                (&now.0 as _, Type::INT8),
                (&entry.policy_version as _, Type::TEXT),
                (&before as _, Type::TEXT),
                (&standing_to_json(&entry.after)? as _, Type::TEXT),
                (&labels_to_json(&entry.labels.added)? as _, Type::TEXT),
                (&labels_to_json(&entry.labels.removed)? as _, Type::TEXT),
                (&has_causes as _, Type::BOOL),
            ]),
        )
        .await?;
    Ok(())
}

/// The last entries of an issue, oldest first.
pub(super) async fn history(client: &Client, key: &Key) -> Result<Vec<Entry>, Error> {
    let rows = client
        .query_typed(
            "SELECT at, policy_version, before, after, labels_added, labels_removed FROM ledger
             WHERE project_id = $1 AND iid = $2 ORDER BY id DESC LIMIT $3",
            &key.and([(&HISTORY as _, Type::INT8)]),
        )
        .await?;
    rows.iter()
        .rev()
        .map(|row| {
            Row {
                at: row.try_get(0)?,
                policy_version: row.try_get(1)?,
                before: row.try_get(2)?,
                after: row.try_get(3)?,
                labels_added: row.try_get(4)?,
                labels_removed: row.try_get(5)?,
            }
            .entry()
        })
        .collect()
}

async fn open_causes(client: &Client) -> Result<Vec<OpenCause>, Error> {
    let rows = client
        .query_typed(
            "SELECT project_id, iid, ledger.id, at, labels_added, labels_removed
             FROM ledger_open_cause JOIN ledger ON ledger.id = ledger_id
             WHERE NOT EXISTS (SELECT FROM reading WHERE reading.project_id = ledger.project_id
                                   AND reading.iid = ledger.iid AND asked > answered)
             ORDER BY attempts, ledger_id LIMIT 100",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(OpenCause {
                ledger_id: row.try_get(2)?,
                issue: issue(row)?,
                at: Moment(row.try_get(3)?),
                labels: difference(row.try_get(4)?, row.try_get(5)?)?,
            })
        })
        .collect()
}

async fn settle_causes(client: &Client, ledger_id: i64, causes: &[Cause]) -> Result<(), Error> {
    for cause in causes {
        client
            .execute_typed(
                "INSERT INTO ledger_cause (ledger_id, label, gesture, event_id, user_id, at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                &[
                    (&ledger_id, Type::INT8),
                    (&cause.label.title(), Type::TEXT),
                    (&cause.gesture.name(), Type::TEXT),
                    (&signed(cause.event_id)?, Type::INT8),
                    (&signed(cause.user_id)?, Type::INT8),
                    (&cause.at.0, Type::INT8),
                ],
            )
            .await?;
    }
    let delete = "DELETE FROM ledger_open_cause WHERE ledger_id = $1";
    client.execute_typed(delete, &[(&ledger_id, Type::INT8)]).await?;
    Ok(())
}

async fn causes(client: &Client, key: &Key) -> Result<Vec<Cause>, Error> {
    let rows = client
        .query_typed(
            "SELECT label, gesture = 'added', event_id, user_id, ledger_cause.at
             FROM ledger_cause JOIN ledger ON ledger.id = ledger_id
             WHERE project_id = $1 AND iid = $2 ORDER BY ledger_id, event_id",
            &key.and([]),
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Cause {
                label: Label::new(row.try_get(0)?),
                gesture: if row.try_get(1)? { Gesture::Added } else { Gesture::Removed },
                event_id: unsigned(row.try_get(2)?)?,
                user_id: unsigned(row.try_get(3)?)?,
                at: Moment(row.try_get(4)?),
            })
        })
        .collect()
}
