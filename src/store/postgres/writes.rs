//! The ledger of writes in PostgreSQL, and its fuse: replicas note one after the other, each seeing all before it.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row as Found};

use super::queue::{Key, signed, unsigned};
use super::{Postgres, followed, stops};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::fuse::{Before, Intention, RECENT, Room, Verdict, remembered};
use crate::store::held::Held;
use crate::store::stops::Stop;
use crate::store::writes::{Row, Stage, Write, Written, edits_comment};

/// Who holds it counts and notes writes, and the others wait. Any number that other programs in the same database are not
/// likely to use.
const LOCK: i64 = 0x0065_7363_6675_7365;
const COLUMNS: &str = "recorded_at, stage, act, label, note_id, user_id, origin";

impl Postgres {
    pub async fn intend(
        &self,
        issue: IssueRef,
        writes: &[Write],
        held: Option<Held>,
        fuse: Option<u32>,
        now: Millis,
    ) -> Result<Intention, Error> {
        let intending = async {
            let lent = self.pool.lend().await?;
            let before = async {
                let (since, until) = remembered(now);
                let key = Key::of(issue)?;
                // One way to the server and back, where each statement sees what was committed before it began.
                let ((), (), is_ours, stops, recent) = tokio::try_join!(
                    biased;
                    lent.begin(),
                    lock(&lent),
                    self.is_ours(&lent, held),
                    stops::known(&lent, &key, since),
                    recent(&lent, &key, since, until)
                )?;
                Ok::<_, Error>(is_ours.then_some(Before { issue, now, stops, recent }))
            };
            let intention = match before.await? {
                Some(before) => intend(&lent, before, writes, fuse).await?,
                None => Intention::NotOurs,
            };
            lent.commit().await?;
            Ok(intention)
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

pub(super) async fn lock(client: &Client) -> Result<(), Error> {
    client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await?;
    Ok(())
}

async fn intend(
    client: &Client,
    before: Before,
    writes: &[Write],
    fuse: Option<u32>,
) -> Result<Intention, Error> {
    let (stages, room) = match before.verdict(writes, fuse) {
        Verdict::Held(stop) => return Ok(Intention::Held(stop)),
        Verdict::Trip(stop) => return trip(client, stop).await,
        Verdict::Note(stages, room) => (stages, room),
    };
    if let Some(room) = room
        && intended(client, &room).await? > i64::from(room.most)
    {
        return trip(client, room.otherwise).await;
    }
    let key = Key::of(before.issue)?;
    append(client, &key, stages.into_iter().zip(writes), before.now).await?;
    if edits_comment(writes) {
        followed::doubt_note(client, &key).await?;
    }
    Ok(Intention::Noted)
}

async fn trip(client: &Client, stop: Stop) -> Result<Intention, Error> {
    stops::append(client, &stop).await?;
    Ok(Intention::Tripped(stop))
}

/// How many writes were intended, none counted that are more than one too many.
async fn intended(client: &Client, room: &Room) -> Result<i64, Error> {
    let row = client
        .query_typed_one(
            "SELECT count(*) FROM (
                 SELECT FROM write_ledger
                 WHERE stage = 'intended' AND origin IN ('service', 'command')
                     AND recorded_at > $1 AND recorded_at <= $2
                 LIMIT $3) AS counted",
            &[
                (&room.since.0, Type::INT8),
                (&room.until.0, Type::INT8),
                (&(i64::from(room.most) + 1), Type::INT8),
            ],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// All of them in one way to the server and back.
pub(super) async fn append<'write>(
    client: &Client,
    key: &Key,
    writes: impl Iterator<Item = (Stage, &'write Write)>,
    now: Millis,
) -> Result<(), Error> {
    let (stages, writes): (Vec<_>, Vec<_>) = writes.map(|(stage, write)| (stage.name(), write)).unzip();
    if writes.is_empty() {
        return Ok(());
    }
    let acts: Vec<_> = writes.iter().map(|write| write.act.name()).collect();
    let labels: Vec<_> = writes.iter().map(|write| write.act.label()).collect();
    let note_ids: Vec<Option<i64>> =
        writes.iter().map(|write| write.act.note_id().map(signed).transpose()).collect::<Result<_, _>>()?;
    let user_ids: Vec<i64> = writes.iter().map(|write| signed(write.user_id)).collect::<Result<_, _>>()?;
    let origins: Vec<_> = writes.iter().map(|write| write.origin.name()).collect();
    client
        .execute_typed(
            "INSERT INTO write_ledger (project_id, iid, recorded_at, stage, act, label, note_id, user_id, origin)
             SELECT $1, $2, $3, stage, act, label, note_id, user_id, origin
             FROM unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[]) WITH ORDINALITY
                  AS write (stage, act, label, note_id, user_id, origin, position)
             ORDER BY position",
            &key.and([
                (&now.0 as _, Type::INT8),
                (&stages as _, Type::TEXT_ARRAY),
                (&acts as _, Type::TEXT_ARRAY),
                (&labels as _, Type::TEXT_ARRAY),
                (&note_ids as _, Type::INT8_ARRAY),
                (&user_ids as _, Type::INT8_ARRAY),
                (&origins as _, Type::TEXT_ARRAY),
            ]),
        )
        .await?;
    Ok(())
}

async fn writes(client: &Client, key: &Key, since: Millis) -> Result<Vec<Written>, Error> {
    let rows = client
        .query_typed(
            &format!(
                "SELECT {COLUMNS} FROM write_ledger
                 WHERE project_id = $1 AND iid = $2 AND recorded_at >= $3 ORDER BY id"
            ),
            &key.and([(&since.0 as _, Type::INT8)]),
        )
        .await?;
    rows.iter().map(written).collect()
}

/// Of the last ones, those between two moments, newest first.
async fn recent(client: &Client, key: &Key, since: Millis, until: Millis) -> Result<Vec<Written>, Error> {
    let rows = client
        .query_typed(
            &format!(
                "SELECT {COLUMNS} FROM (
                     SELECT id, {COLUMNS} FROM write_ledger
                     WHERE project_id = $1 AND iid = $2 ORDER BY id DESC LIMIT {RECENT}) AS last
                 WHERE recorded_at > $3 AND recorded_at <= $4 ORDER BY id DESC"
            ),
            &key.and([(&since.0 as _, Type::INT8), (&until.0 as _, Type::INT8)]),
        )
        .await?;
    rows.iter().map(written).collect()
}

fn written(row: &Found) -> Result<Written, Error> {
    Row {
        recorded_at: row.try_get(0)?,
        stage: row.try_get(1)?,
        act: row.try_get(2)?,
        label: row.try_get(3)?,
        note_id: row.try_get::<_, Option<i64>>(4)?.map(unsigned).transpose()?,
        user_id: unsigned(row.try_get(5)?)?,
        origin: row.try_get(6)?,
    }
    .written()
}
