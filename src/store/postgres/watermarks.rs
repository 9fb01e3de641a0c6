//! Watermarks in PostgreSQL.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Postgres;
use crate::calculator::issue::Moment;
use crate::store::Error;
use crate::store::watermarks::Walk;

impl Postgres {
    pub async fn watermark(&self, walk: Walk, place: &str) -> Result<Option<Moment>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let found = select(&lent, walk, place).await?;
            lent.give_back();
            Ok(found)
        };
        self.pool.in_time(reading).await
    }

    pub async fn keep_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<(), Error> {
        let keeping = async {
            let lent = self.pool.lend().await?;
            upsert(&lent, walk, place, at).await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(keeping).await
    }

    /// Never replaces what is there: a copy into this database, or another replica, may have been faster, and the statement
    /// goes on to its end although the call was given up.
    pub async fn keep_first_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<Moment, Error> {
        let keeping = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "INSERT INTO watermark (walk, place, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[(&walk.name(), Type::TEXT), (&place, Type::TEXT), (&at.0, Type::INT8)],
            )
            .await?;
            let kept = select(&lent, walk, place).await?;
            lent.give_back();
            kept.ok_or_else(|| Error::Corrupt("a watermark is gone that was just there".to_owned()))
        };
        self.pool.in_time(keeping).await
    }

    pub async fn forget_watermark(&self, walk: Walk, place: &str) -> Result<(), Error> {
        let forgetting = async {
            let lent = self.pool.lend().await?;
            delete(&lent, walk, place).await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(forgetting).await
    }
}

pub(super) async fn select(client: &Client, walk: Walk, place: &str) -> Result<Option<Moment>, Error> {
    let row = client
        .query_typed_opt(
            "SELECT at FROM watermark WHERE walk = $1 AND place = $2",
            &[(&walk.name(), Type::TEXT), (&place, Type::TEXT)],
        )
        .await?;
    row.map(|row| Ok(Moment(row.try_get(0)?))).transpose()
}

pub(super) async fn upsert(client: &Client, walk: Walk, place: &str, at: Moment) -> Result<(), Error> {
    client
        .execute_typed(
            "INSERT INTO watermark (walk, place, at) VALUES ($1, $2, $3)
             ON CONFLICT (walk, place) DO UPDATE SET at = excluded.at",
            &[(&walk.name(), Type::TEXT), (&place, Type::TEXT), (&at.0, Type::INT8)],
        )
        .await?;
    Ok(())
}

/// Whatever a name adds to the place after a space, too.
pub(super) async fn delete(client: &Client, walk: Walk, place: &str) -> Result<(), Error> {
    client
        .execute_typed(
            "DELETE FROM watermark
             WHERE walk = $1 AND (place = $2 OR substr(place, 1, length($2) + 1) = $2 || ' ')",
            &[(&walk.name(), Type::TEXT), (&place, Type::TEXT)],
        )
        .await?;
    Ok(())
}
