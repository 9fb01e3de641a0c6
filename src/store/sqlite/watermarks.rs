//! Watermarks in SQLite.

use rusqlite::{Connection, OptionalExtension, params};

use super::Sqlite;
use crate::calculator::issue::Moment;
use crate::store::Error;
use crate::store::watermarks::Walk;

impl Sqlite {
    pub async fn watermark(&self, walk: Walk, place: &str) -> Result<Option<Moment>, Error> {
        let place = place.to_owned();
        self.reader.run(move |connection| Ok(select(connection, walk, &place).optional()?)).await
    }

    pub async fn keep_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<(), Error> {
        let place = place.to_owned();
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO watermark (walk, place, at) VALUES (?1, ?2, ?3)")?
                    .execute(params![walk.name(), place, at.0])?;
                Ok(())
            })
            .await
    }

    pub async fn keep_first_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<Moment, Error> {
        let place = place.to_owned();
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("INSERT OR IGNORE INTO watermark (walk, place, at) VALUES (?1, ?2, ?3)")?
                    .execute(params![walk.name(), place, at.0])?;
                Ok(select(connection, walk, &place)?)
            })
            .await
    }

    pub async fn forget_watermark(&self, walk: Walk, place: &str) -> Result<(), Error> {
        let place = place.to_owned();
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "DELETE FROM watermark
                         WHERE walk = ?1 AND (place = ?2 OR substr(place, 1, length(?2) + 1) = ?2 || ' ')",
                    )?
                    .execute(params![walk.name(), place])?;
                Ok(())
            })
            .await
    }
}

fn select(connection: &Connection, walk: Walk, place: &str) -> rusqlite::Result<Moment> {
    connection
        .prepare_cached("SELECT at FROM watermark WHERE walk = ?1 AND place = ?2")?
        .query_row(params![walk.name(), place], |row| row.get(0).map(Moment))
}
