//! Watermarks in PostgreSQL.

use tokio_postgres::types::Type;

use super::Postgres;
use crate::calculator::issue::Moment;
use crate::store::Error;
use crate::store::watermarks::Walk;

impl Postgres {
    pub async fn watermark(&self, walk: Walk, place: &str) -> Result<Option<Moment>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let row = lent
                .query_typed_opt(
                    "SELECT at FROM watermark WHERE walk = $1 AND place = $2",
                    &[(&walk.name(), Type::TEXT), (&place, Type::TEXT)],
                )
                .await?;
            lent.give_back();
            row.map(|row| Ok(Moment(row.try_get(0)?))).transpose()
        };
        self.pool.in_time(reading).await
    }

    pub async fn keep_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<(), Error> {
        let keeping = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "INSERT INTO watermark (walk, place, at) VALUES ($1, $2, $3)
                 ON CONFLICT (walk, place) DO UPDATE SET at = excluded.at",
                &[(&walk.name(), Type::TEXT), (&place, Type::TEXT), (&at.0, Type::INT8)],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(keeping).await
    }

    pub async fn forget_watermark(&self, walk: Walk, place: &str) -> Result<(), Error> {
        let forgetting = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "DELETE FROM watermark
                 WHERE walk = $1 AND (place = $2 OR substr(place, 1, length($2) + 1) = $2 || ' ')",
                &[(&walk.name(), Type::TEXT), (&place, Type::TEXT)],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(forgetting).await
    }
}
