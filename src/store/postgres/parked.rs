//! Parked issues in PostgreSQL.

use tokio_postgres::types::Type;

use super::Postgres;
use super::claims::attempts;
use super::queue::{Key, issue};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::parked::Parked;

impl Postgres {
    pub async fn parked(&self) -> Result<Vec<Parked>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed(
                    "SELECT project_id, iid, coalesce(parked_reason, ''), attempts, parked_at FROM queue
                     WHERE parked_at IS NOT NULL ORDER BY parked_at, project_id, iid",
                    &[],
                )
                .await?;
            lent.give_back();
            rows.iter()
                .map(|row| {
                    Ok(Parked {
                        issue: issue(row)?,
                        reason: row.try_get(2)?,
                        attempts: attempts(row, 3)?,
                        parked_at: Millis(row.try_get(4)?),
                    })
                })
                .collect()
        };
        self.pool.in_time(reading).await
    }

    pub async fn retry_parked(&self, issue: IssueRef, now: Millis) -> Result<bool, Error> {
        let retrying = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            let changed = lent
                .execute_typed(
                    "UPDATE queue SET parked_at = NULL, parked_reason = NULL, attempts = 0, due_at = $3, marked_at = $3
                     WHERE project_id = $1 AND iid = $2 AND parked_at IS NOT NULL",
                    &key.and([(&now.0 as _, Type::INT8)]),
                )
                .await?;
            lent.give_back();
            Ok(changed > 0)
        };
        self.pool.in_time(retrying).await
    }

    pub async fn drop_parked(&self, issue: IssueRef) -> Result<bool, Error> {
        let dropping = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            let delete = "DELETE FROM queue WHERE project_id = $1 AND iid = $2 AND parked_at IS NOT NULL";
            let changed = lent.execute_typed(delete, &key.and([])).await?;
            lent.give_back();
            Ok(changed > 0)
        };
        self.pool.in_time(dropping).await
    }
}
