//! The bots that Escalator's access tokens belonged to: their comments and labels stay ours when a token is renewed.
//!
//! Never holds a person: somebody whose token was configured by mistake for a day does not become ours for ever.

use std::collections::BTreeSet;

use super::{Engine, Error, Store};
use crate::clock::Millis;

impl Store {
    /// Remembers a bot for ever.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn remember_own_bot(&self, user_id: u64, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.remember_own_bot(user_id, now).await,
            Engine::Postgres(postgres) => postgres.remember_own_bot(user_id, now).await,
        }
    }

    /// The bots that are remembered.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn own_bots(&self) -> Result<BTreeSet<u64>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.own_bots().await,
            Engine::Postgres(postgres) => postgres.own_bots().await,
        }
    }
}
