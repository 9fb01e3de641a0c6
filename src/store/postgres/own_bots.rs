//! Our bots in PostgreSQL, where every replica learns of them.

use std::collections::BTreeSet;

use tokio_postgres::types::Type;

use super::Postgres;
use super::queue::{signed, unsigned};
use crate::clock::Millis;
use crate::store::Error;

impl Postgres {
    pub async fn remember_own_bot(&self, user_id: u64, now: Millis) -> Result<(), Error> {
        let user_id = signed(user_id)?;
        let remembering = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "INSERT INTO own_bot (user_id, since) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING",
                &[(&user_id, Type::INT8), (&now.0, Type::INT8)],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(remembering).await
    }

    pub async fn own_bots(&self) -> Result<BTreeSet<u64>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let rows = lent.query_typed("SELECT user_id FROM own_bot", &[]).await?;
            lent.give_back();
            rows.iter().map(|row| unsigned(row.try_get(0)?)).collect()
        };
        self.pool.in_time(reading).await
    }
}
