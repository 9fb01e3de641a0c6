//! The ledger of writes in PostgreSQL.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::queue::{Key, signed, unsigned};
use super::{Postgres, followed};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::writes::{Row, Stage, Write, Written, edits_comment};

impl Postgres {
    pub async fn intend(&self, issue: IssueRef, writes: &[Write], now: Millis) -> Result<(), Error> {
        let intending = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            append(&lent, &key, writes, Stage::Intended, now).await?;
            if edits_comment(writes) {
                followed::doubt_note(&lent, &key).await?;
            }
            lent.commit().await
        };
        self.pool.in_time(intending).await
    }

    pub async fn writes(&self, issue: IssueRef, since: Millis) -> Result<Vec<Written>, Error> {
        let reading = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            let found = writes(&lent, &key, since).await?;
            lent.give_back();
            Ok(found)
        };
        self.pool.in_time(reading).await
    }
}

/// All of them in one way to the server and back.
pub(super) async fn append(
    client: &Client,
    key: &Key,
    writes: &[Write],
    stage: Stage,
    now: Millis,
) -> Result<(), Error> {
    if writes.is_empty() {
        return Ok(());
    }
    let acts: Vec<_> = writes.iter().map(|write| write.act.name()).collect();
    let labels: Vec<_> = writes.iter().map(|write| write.act.label()).collect();
    let note_ids: Vec<Option<i64>> =
        writes.iter().map(|write| write.act.note_id().map(signed).transpose()).collect::<Result<_, _>>()?;
    let user_ids: Vec<i64> = writes.iter().map(|write| signed(write.user_id)).collect::<Result<_, _>>()?;
    client
        .execute_typed(
            "INSERT INTO write_ledger (project_id, iid, recorded_at, stage, act, label, note_id, user_id)
             SELECT $1, $2, $3, $4, act, label, note_id, user_id
             FROM unnest($5::text[], $6::text[], $7::bigint[], $8::bigint[]) WITH ORDINALITY
                  AS write (act, label, note_id, user_id, position)
             ORDER BY position",
            &key.and([
                (&now.0 as _, Type::INT8),
                (&stage.name() as _, Type::TEXT),
                (&acts as _, Type::TEXT_ARRAY),
                (&labels as _, Type::TEXT_ARRAY),
                (&note_ids as _, Type::INT8_ARRAY),
                (&user_ids as _, Type::INT8_ARRAY),
            ]),
        )
        .await?;
    Ok(())
}

async fn writes(client: &Client, key: &Key, since: Millis) -> Result<Vec<Written>, Error> {
    let rows = client
        .query_typed(
            "SELECT recorded_at, stage, act, label, note_id, user_id FROM write_ledger
             WHERE project_id = $1 AND iid = $2 AND recorded_at >= $3 ORDER BY id",
            &key.and([(&since.0 as _, Type::INT8)]),
        )
        .await?;
    rows.iter()
        .map(|row| {
            Row {
                recorded_at: row.try_get(0)?,
                stage: row.try_get(1)?,
                act: row.try_get(2)?,
                label: row.try_get(3)?,
                note_id: row.try_get::<_, Option<i64>>(4)?.map(unsigned).transpose()?,
                user_id: unsigned(row.try_get(5)?)?,
            }
            .written()
        })
        .collect()
}
