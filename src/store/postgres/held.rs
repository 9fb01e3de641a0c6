//! What replicas hold, in PostgreSQL.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Postgres;
use super::queue::Key;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::held::Held;
use crate::store::rows::millis;

impl Postgres {
    pub async fn renew(&self, held: Held, now: Millis, lease: Duration) -> Result<bool, Error> {
        let renewing = async {
            let until = now.0 + millis(lease);
            let lent = self.pool.lend().await?;
            let renewed = match held {
                Held::Claim(claim) => {
                    lent.execute_typed(
                        "UPDATE queue SET due_at = $4 WHERE project_id = $1 AND iid = $2 AND token = $3",
                        &Key::of(claim.issue)?
                            .and([(&claim.token as _, Type::INT8), (&until as _, Type::INT8)]),
                    )
                    .await?
                }
                Held::Duty(duty) => {
                    lent.execute_typed(
                        "UPDATE duty SET until = $3 WHERE name = $1 AND holder = $2",
                        &[(&duty.name(), Type::TEXT), (&self.holder, Type::INT8), (&until, Type::INT8)],
                    )
                    .await?
                }
            };
            lent.give_back();
            Ok(renewed > 0)
        };
        self.pool.in_time(renewing).await
    }

    /// Whether nobody has taken it over, in the transaction that asks.
    pub(super) async fn is_ours(&self, client: &Client, held: Option<Held>) -> Result<bool, Error> {
        let row =
            match held {
                None => return Ok(true),
                Some(Held::Claim(claim)) => client
                    .query_typed_one(
                        "SELECT EXISTS (SELECT FROM queue WHERE project_id = $1 AND iid = $2 AND token = $3)",
                        &Key::of(claim.issue)?.and([(&claim.token as _, Type::INT8)]),
                    )
                    .await?,
                Some(Held::Duty(duty)) => {
                    client
                        .query_typed_one(
                            "SELECT EXISTS (SELECT FROM duty WHERE name = $1 AND holder = $2)",
                            &[(&duty.name(), Type::TEXT), (&self.holder, Type::INT8)],
                        )
                        .await?
                }
            };
        Ok(row.try_get(0)?)
    }
}
