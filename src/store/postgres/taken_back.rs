//! Taking back writes, in PostgreSQL.

use tokio_postgres::types::Type;

use super::Postgres;
use super::queue::{Key, issue, signed, unsigned};
use super::writes::append;
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::taken_back::{PAGE, deleted};
use crate::store::writes::{Stage, Write};

impl Postgres {
    /// Takes as long as it takes: seconds where millions of writes were made.
    pub async fn count_written_issues(&self, since: Millis) -> Result<u64, Error> {
        let lent = self.pool.in_time(self.pool.lend()).await?;
        let row = lent
            .query_typed_one(
                "SELECT count(*) FROM (
                     SELECT DISTINCT project_id, iid FROM write_ledger WHERE recorded_at >= $1) AS issue",
                &[(&since.0, Type::INT8)],
            )
            .await?;
        lent.give_back();
        unsigned(row.try_get(0)?)
    }

    pub async fn written_issues(&self, since: Millis, after: IssueRef) -> Result<Vec<IssueRef>, Error> {
        let reading = async {
            let key = Key::of(after)?;
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed(
                    "SELECT DISTINCT project_id, iid FROM write_ledger
                     WHERE (project_id, iid) > ($1, $2) AND recorded_at >= $3
                     ORDER BY project_id, iid LIMIT $4",
                    &key.and([(&since.0 as _, Type::INT8), (&i64::from(PAGE) as _, Type::INT8)]),
                )
                .await?;
            lent.give_back();
            rows.iter().map(issue).collect()
        };
        self.pool.in_time(reading).await
    }

    pub async fn took_back(&self, issue: IssueRef, writes: &[Write], now: Millis) -> Result<(), Error> {
        let noting = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            append(&lent, &key, writes.iter().map(|write| (Stage::Done, write)), now).await?;
            for note_id in deleted(writes) {
                lent.execute_typed(
                    "UPDATE followed SET note_id = NULL, note_digest = NULL
                     WHERE project_id = $1 AND iid = $2 AND note_id = $3",
                    &key.and([(&signed(note_id)? as _, Type::INT8)]),
                )
                .await?;
            }
            lent.commit().await
        };
        self.pool.in_time(noting).await
    }
}
