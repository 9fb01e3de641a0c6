//! What `setup` made, in SQLite.

use rusqlite::params;

use super::Sqlite;
use crate::store::Error;
use crate::store::made::{Made, MadeKind};

impl Sqlite {
    pub async fn made(&self) -> Result<Vec<Made>, Error> {
        self.reader
            .run(|connection| {
                let mut statement = connection
                    .prepare_cached("SELECT kind, place, name, id FROM made ORDER BY kind, place, name")?;
                let mut rows = statement.query([])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    let kind: String = row.get(0)?;
                    found.push(Made {
                        kind: MadeKind::from_name(&kind)?,
                        place: row.get(1)?,
                        name: row.get(2)?,
                        id: row.get(3)?,
                    });
                }
                Ok(found)
            })
            .await
    }

    pub async fn keep_made(&self, made: Made) -> Result<(), Error> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO made (kind, place, name, id) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![made.kind.name(), made.place, made.name, made.id])?;
                Ok(())
            })
            .await
    }

    pub async fn forget_made(&self, made: Made) -> Result<(), Error> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("DELETE FROM made WHERE kind = ?1 AND place = ?2 AND name = ?3")?
                    .execute(params![made.kind.name(), made.place, made.name])?;
                Ok(())
            })
            .await
    }
}
