//! Followed issues in PostgreSQL.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::queue::{Key, issue, signed, unsigned};
use super::{Postgres, ledger, writes};
use crate::calculator::issue::{IssueRef, State};
use crate::clock::Millis;
use crate::store::Error;
use crate::store::followed::{PAGE, Recollection, Record, Row};
use crate::store::rows::{hands_to_json, labels_to_json};
use crate::store::writes::Stage;

impl Postgres {
    pub async fn recall(&self, issue: IssueRef) -> Result<Option<Recollection>, Error> {
        let recalling = async {
            let key = Key::of(issue)?;
            let lent = self.pool.lend().await?;
            let row = row(&lent, &key).await?;
            let history = match row {
                Some(_) => ledger::history(&lent, &key).await?,
                None => Vec::new(),
            };
            lent.give_back();
            row.map(|row| row.recollect(issue, history)).transpose()
        };
        self.pool.in_time(recalling).await
    }

    pub async fn open_followed(&self, behind: Option<IssueRef>) -> Result<Vec<IssueRef>, Error> {
        let reading = async {
            let key = Key::of(behind.unwrap_or(IssueRef { project_id: 0, iid: 0 }))?;
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed(
                    "SELECT project_id, iid FROM followed WHERE state = $3 AND (project_id, iid) > ($1, $2)
                     ORDER BY project_id, iid LIMIT $4",
                    &key.and([(&State::Opened.name() as _, Type::TEXT), (&PAGE as _, Type::INT8)]),
                )
                .await?;
            lent.give_back();
            rows.iter().map(issue).collect()
        };
        self.pool.in_time(reading).await
    }

    pub async fn doubt_note(&self, issue: IssueRef) -> Result<(), Error> {
        let doubting = async {
            let lent = self.pool.lend().await?;
            doubt_note(&lent, &Key::of(issue)?).await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(doubting).await
    }
}

/// Nobody knows how the comment reads until that is recorded.
pub(super) async fn doubt_note(client: &Client, key: &Key) -> Result<(), Error> {
    let doubt = "UPDATE followed SET note_digest = NULL WHERE project_id = $1 AND iid = $2";
    client.execute_typed(doubt, &key.and([])).await?;
    Ok(())
}

async fn row(client: &Client, key: &Key) -> Result<Option<Row>, Error> {
    let row = client
        .query_typed_opt(
            "SELECT work_item_type, labels, hands, note_id, note_digest, involvement, decision, decided_at
             FROM followed WHERE project_id = $1 AND iid = $2",
            &key.and([]),
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Row {
        work_item_type: row.try_get(0)?,
        labels: row.try_get(1)?,
        hands: row.try_get(2)?,
        note_id: row.try_get::<_, Option<i64>>(3)?.map(unsigned).transpose()?,
        note_digest: row.try_get(4)?,
        involvement: row.try_get(5)?,
        decision: row.try_get(6)?,
        decided_at: row.try_get(7)?,
    }))
}

pub(super) async fn remember(client: &Client, key: &Key, record: &Record, now: Millis) -> Result<(), Error> {
    let note_id = record.note.as_ref().map(|note| signed(note.id)).transpose()?;
    let digest = record.note.as_ref().and_then(|note| note.digest.as_ref());
    let decision = record.decided.map(|decided| decided.ruling.name());
    let decided_at = record.decided.map(|decided| decided.at.0);
    client
        .execute_typed(
            "INSERT INTO followed (project_id, iid, state, work_item_type, labels, hands, note_id, note_digest,
                                   involvement, decision, decided_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (project_id, iid) DO UPDATE SET
                 state = excluded.state, work_item_type = excluded.work_item_type, labels = excluded.labels,
                 hands = excluded.hands, note_id = excluded.note_id, note_digest = excluded.note_digest,
                 involvement = excluded.involvement, decision = excluded.decision, decided_at = excluded.decided_at",
            &key.and([
                (&record.state.name() as _, Type::TEXT),
                (&record.work_item_type.name() as _, Type::TEXT),
                (&labels_to_json(&record.labels)? as _, Type::TEXT),
                (&hands_to_json(&record.hands)? as _, Type::TEXT),
                (&note_id as _, Type::INT8),
                (&digest as _, Type::TEXT),
                (&record.involvement.name() as _, Type::TEXT),
                (&decision as _, Type::TEXT),
                (&decided_at as _, Type::INT8),
            ]),
        )
        .await?;
    if let Some(entry) = &record.entry {
        ledger::append(client, key, entry, now).await?;
    }
    let done = record.writes.iter().map(|write| (Stage::Done, write));
    writes::append(client, key, done, now).await
}

/// Forgets which comment is ours, so that the next look searches for it and finds any that are too many.
pub(super) async fn forget_note(client: &Client, key: &Key) -> Result<(), Error> {
    let forget = "UPDATE followed SET note_id = NULL, note_digest = NULL WHERE project_id = $1 AND iid = $2";
    client.execute_typed(forget, &key.and([])).await?;
    Ok(())
}
