//! Duties in PostgreSQL: one row each, with who has it and until when.

use std::time::Duration;

use tokio_postgres::types::Type;

use super::Postgres;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::duty::{Duty, POLICY};
use crate::store::rows::millis;

impl Postgres {
    pub async fn take_duty(&self, duty: Duty, now: Millis, period: Duration) -> Result<bool, Error> {
        let taking = async {
            let lent = self.pool.lend().await?;
            let taken = lent
                .execute_typed(
                    "INSERT INTO duty (name, holder, until) VALUES ($1, $2, $3)
                     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                     WHERE duty.holder = excluded.holder OR duty.until <= $4",
                    &[
                        (&duty.name(), Type::TEXT),
                        (&self.holder, Type::INT8),
                        (&(now.0 + millis(period)), Type::INT8),
                        (&now.0, Type::INT8),
                    ],
                )
                .await?;
            lent.give_back();
            Ok(taken > 0)
        };
        self.pool.in_time(taking).await
    }

    /// Whether somebody has a duty for another policy.
    pub async fn other_policy_at_work(&self, own: Duty, now: Millis) -> Result<bool, Error> {
        let asking = async {
            let lent = self.pool.lend().await?;
            let row = lent
                .query_typed_one(
                    "SELECT EXISTS (SELECT FROM duty WHERE starts_with(name, $1) AND name <> $2 AND until > $3)",
                    &[(&POLICY, Type::TEXT), (&own.name(), Type::TEXT), (&now.0, Type::INT8)],
                )
                .await?;
            lent.give_back();
            Ok(row.try_get(0)?)
        };
        self.pool.in_time(asking).await
    }

    pub async fn leave_duty(&self, duty: Duty) -> Result<(), Error> {
        let leaving = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "DELETE FROM duty WHERE name = $1 AND holder = $2",
                &[(&duty.name(), Type::TEXT), (&self.holder, Type::INT8)],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(leaving).await
    }
}
