//! Decided issues in PostgreSQL.

use tokio_postgres::types::Type;

use super::Postgres;
use super::queue::issue;
use crate::store::Error;
use crate::store::decided::{DecidedIssue, Row};

impl Postgres {
    pub async fn decided(&self, last: u32) -> Result<Vec<DecidedIssue>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed(
                    "SELECT project_id, iid, decision, decided_at,
                            (SELECT after FROM ledger
                             WHERE ledger.project_id = followed.project_id AND ledger.iid = followed.iid
                             ORDER BY id DESC LIMIT 1)
                     FROM followed WHERE decided_at IS NOT NULL
                     ORDER BY decided_at DESC, project_id, iid LIMIT $1",
                    &[(&i64::from(last), Type::INT8)],
                )
                .await?;
            lent.give_back();
            rows.iter()
                .map(|row| {
                    Row {
                        issue: issue(row)?,
                        decision: row.try_get(2)?,
                        decided_at: row.try_get(3)?,
                        standing: row.try_get(4)?,
                    }
                    .decided_issue()
                })
                .collect()
        };
        self.pool.in_time(reading).await
    }
}
