//! What `setup` made, in PostgreSQL.

use tokio_postgres::types::Type;

use super::Postgres;
use crate::store::Error;
use crate::store::made::{Made, MadeKind};

impl Postgres {
    pub async fn made(&self) -> Result<Vec<Made>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed("SELECT kind, place, name, id FROM made ORDER BY kind, place, name", &[])
                .await?;
            lent.give_back();
            rows.iter()
                .map(|row| {
                    let id: Option<i64> = row.try_get(3)?;
                    let id = id.map(u64::try_from).transpose();
                    Ok(Made {
                        kind: MadeKind::from_name(row.try_get(0)?)?,
                        place: row.try_get(1)?,
                        name: row.try_get(2)?,
                        id: id.map_err(|_| Error::Corrupt("a negative id".to_owned()))?,
                    })
                })
                .collect()
        };
        self.pool.in_time(reading).await
    }

    pub async fn keep_made(&self, made: &Made) -> Result<(), Error> {
        let keeping = async {
            let id = made.id.map(i64::try_from).transpose();
            let id = id.map_err(|_| Error::Corrupt("an id beyond 63 bits".to_owned()))?;
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "INSERT INTO made (kind, place, name, id) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (kind, place, name) DO UPDATE SET id = excluded.id",
                &[
                    (&made.kind.name(), Type::TEXT),
                    (&made.place, Type::TEXT),
                    (&made.name, Type::TEXT),
                    (&id, Type::INT8),
                ],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(keeping).await
    }

    pub async fn forget_made(&self, made: &Made) -> Result<(), Error> {
        let forgetting = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "DELETE FROM made WHERE kind = $1 AND place = $2 AND name = $3",
                &[(&made.kind.name(), Type::TEXT), (&made.place, Type::TEXT), (&made.name, Type::TEXT)],
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(forgetting).await
    }
}
