//! Duties in PostgreSQL: one row each, with who has it and until when.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Postgres;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::duty::Duty;
use crate::store::rows::millis;

impl Postgres {
    pub async fn take_duty(&self, duty: Duty, now: Millis, period: Duration) -> Result<bool, Error> {
        let taking = async {
            let lent = self.pool.lend().await?;
            let taken = self.take(&lent, duty, now, period).await?;
            lent.give_back();
            Ok(taken)
        };
        self.pool.in_time(taking).await
    }

    pub(super) async fn take(
        &self,
        client: &Client,
        duty: Duty,
        now: Millis,
        period: Duration,
    ) -> Result<bool, Error> {
        let taken = client
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
        Ok(taken > 0)
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
