//! Which policies are at work in PostgreSQL. Who comes with one, and who keeps that one is applied, do so one after the other:
//! either sees what the other did.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{Postgres, watermarks};
use crate::calculator::issue::Moment;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::duty::{Duty, POLICY};
use crate::store::policies::{FOLLOWED, PolicyDigest, place};
use crate::store::watermarks::Walk;

/// Who holds it comes, or keeps, and the others wait. Any number that other programs in the same database are not likely to
/// use.
const LOCK: i64 = 0x0065_7363_706f_6c69;

impl Postgres {
    pub async fn arrive(&self, policy: PolicyDigest, now: Millis, lease: Duration) -> Result<bool, Error> {
        let arriving = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            lock(&lent).await?;
            self.take(&lent, Duty::Policy(policy), now, lease).await?;
            let applied = watermarks::select(&lent, Walk::Policy, &place(policy)).await?.is_some();
            if !applied {
                watermarks::delete(&lent, Walk::Policy, FOLLOWED).await?;
            }
            lent.commit().await?;
            Ok(applied)
        };
        self.pool.in_time(arriving).await
    }

    pub async fn keep_applied(&self, policy: PolicyDigest, now: Millis) -> Result<bool, Error> {
        let keeping = async {
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            lock(&lent).await?;
            let alone = !other_at_work(&lent, policy, now).await?;
            if alone {
                watermarks::delete(&lent, Walk::Policy, FOLLOWED).await?;
                watermarks::upsert(&lent, Walk::Policy, &place(policy), Moment(now.0)).await?;
            }
            lent.commit().await?;
            Ok(alone)
        };
        self.pool.in_time(keeping).await
    }

    pub async fn other_policy_at_work(&self, policy: PolicyDigest, now: Millis) -> Result<bool, Error> {
        let asking = async {
            let lent = self.pool.lend().await?;
            let other = other_at_work(&lent, policy, now).await?;
            lent.give_back();
            Ok(other)
        };
        self.pool.in_time(asking).await
    }
}

async fn lock(client: &Client) -> Result<(), Error> {
    client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await?;
    Ok(())
}

async fn other_at_work(client: &Client, policy: PolicyDigest, now: Millis) -> Result<bool, Error> {
    let row = client
        .query_typed_one(
            "SELECT EXISTS (SELECT FROM duty WHERE starts_with(name, $1) AND name <> $2 AND until > $3)",
            &[(&POLICY, Type::TEXT), (&Duty::Policy(policy).name(), Type::TEXT), (&now.0, Type::INT8)],
        )
        .await?;
    Ok(row.try_get(0)?)
}
