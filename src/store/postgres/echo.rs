//! Echoes in PostgreSQL. The key's row is locked before anything else is read, so that an echo is either there when
//! the work that it may tell of is recorded, or is compared with that record.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::queue::{Key, Marking, insert, left, signed};
use super::{Postgres, followed};
use crate::clock::Millis;
use crate::store::Error;
use crate::store::echo::{Differences, Echo};
use crate::store::followed::Record;
use crate::store::queue::{Marked, Place};
use crate::store::rows::labels_to_json;

impl Postgres {
    pub async fn hear(&self, echo: Echo, now: Millis) -> Result<Marked, Error> {
        let hearing = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            let heard = hear(&lent, &echo, now).await?;
            lent.commit().await?;
            Ok(heard)
        };
        self.pool.in_time(hearing).await
    }
}

async fn hear(client: &Client, echo: &Echo, now: Millis) -> Result<Marked, Error> {
    let key = Key::of(echo.glimpse.issue)?;
    let place = lock(client, &key).await?;
    if place == Some(Place::Claimed) {
        // Most likely that work's own doing. How it leaves the issue will be known when it is recorded.
        keep(client, &key, echo).await?;
        return Ok(Marked::Unchanged);
    }
    let followed = client
        .query_typed_opt(
            "SELECT state, work_item_type, labels, note_id, note_digest FROM followed
             WHERE project_id = $1 AND iid = $2",
            &key.and([]),
        )
        .await?;
    let (mut strange, mut differs) = (false, echo.glimpse.may_have_source);
    if let Some(row) = &followed {
        // One whose reading is in doubt is written again anyhow.
        let (id, digest): (Option<i64>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
        strange = match &echo.note {
            Some(note) => id != Some(signed(note.id)?) || (digest.is_some() && digest != note.digest),
            None => false,
        };
        if let Some(left) = left(row, 0)? {
            differs = left.differs(&echo.glimpse)?;
        }
    }
    if strange {
        followed::forget_note(client, &key).await?;
    }
    if !differs && !strange {
        return Ok(if followed.is_some() { Marked::Unchanged } else { Marked::Irrelevant });
    }
    if place != Some(Place::Waiting) {
        insert(client, &BTreeMap::from([(echo.glimpse.issue, Marking { trace: None, now })])).await?;
    }
    Ok(Marked::Queued)
}

async fn lock(client: &Client, key: &Key) -> Result<Option<Place>, Error> {
    let row = client
        .query_typed_opt(
            "SELECT token IS NOT NULL, parked_at IS NOT NULL FROM queue
             WHERE project_id = $1 AND iid = $2 FOR UPDATE",
            &key.and([]),
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(match (row.try_get(0)?, row.try_get(1)?) {
        (true, _) => Place::Claimed,
        (false, true) => Place::Parked,
        (false, false) => Place::Waiting,
    }))
}

async fn keep(client: &Client, key: &Key, echo: &Echo) -> Result<(), Error> {
    let note_id = echo.note.as_ref().map(|note| signed(note.id)).transpose()?;
    let digest = echo.note.as_ref().and_then(|note| note.digest.as_ref());
    client
        .execute_typed(
            "INSERT INTO echo (project_id, iid, labels, note_id, note_digest) VALUES ($1, $2, $3, $4, $5)",
            &key.and([
                (&labels_to_json(&echo.glimpse.labels)? as _, Type::TEXT),
                (&note_id as _, Type::INT8),
                (&digest as _, Type::TEXT),
            ]),
        )
        .await?;
    Ok(())
}

/// Compares what echoes of an issue showed with how it was left, and forgets them.
pub(super) async fn compare_and_forget(
    client: &Client,
    key: &Key,
    left: Option<&Record>,
) -> Result<Differences, Error> {
    let labels = labels_to_json(left.map_or(&[][..], |record| &record.labels))?;
    let note = left.and_then(|record| record.note.as_ref());
    let note_id = note.map(|note| signed(note.id)).transpose()?;
    let digest = note.and_then(|note| note.digest.as_ref());
    let row = client
        .query_typed_one(
            "WITH heard AS (
                 DELETE FROM echo WHERE project_id = $1 AND iid = $2 RETURNING labels, note_id, note_digest)
             SELECT coalesce(bool_or(labels <> $3), false),
                    coalesce(bool_or(note_id IS NOT NULL AND
                                     (note_id IS DISTINCT FROM $4 OR note_digest IS DISTINCT FROM $5)), false)
             FROM heard",
            &key.and([(&labels as _, Type::TEXT), (&note_id as _, Type::INT8), (&digest as _, Type::TEXT)]),
        )
        .await?;
    Ok(Differences { labels: row.try_get(0)?, comment: row.try_get(1)? })
}
