//! Our bots in SQLite.

use std::collections::BTreeSet;

use rusqlite::params;

use super::Sqlite;
use crate::clock::Millis;
use crate::store::Error;

impl Sqlite {
    pub async fn remember_own_bot(&self, user_id: u64, now: Millis) -> Result<(), Error> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("INSERT OR IGNORE INTO own_bot (user_id, since) VALUES (?1, ?2)")?
                    .execute(params![user_id, now.0])?;
                Ok(())
            })
            .await
    }

    pub async fn own_bots(&self) -> Result<BTreeSet<u64>, Error> {
        self.reader
            .run(|connection| {
                let mut statement = connection.prepare_cached("SELECT user_id FROM own_bot")?;
                let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                Ok(found)
            })
            .await
    }
}
