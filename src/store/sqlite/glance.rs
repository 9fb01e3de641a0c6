//! Marks that need no write, answered on the caller's own thread: of issues that wait already, of those that are as they
//! were left, and of those that are nobody's business. That is most of what a busy GitLab delivers, and a way to the writer
//! and back costs more than all the rest of it.
//!
//! Sees only what is committed, which SQLite shows no earlier than it is on disk; so "it waits already" is a promise that
//! holds. Never writes, and never waits: where it cannot tell at once, the writer decides.

use std::sync::Mutex;

use rusqlite::Connection;

use super::queue::standing;
use crate::calculator::issue::Glimpse;
use crate::store::Error;
use crate::store::queue::{Marked, Step};

/// Connections for reading, one for each thread that receives webhooks.
pub(super) struct Glances([Mutex<Connection>; 2]);

impl Glances {
    pub fn new(connections: [Connection; 2]) -> Self {
        Self(connections.map(Mutex::new))
    }

    /// What a mark comes to, if it needs no write.
    pub fn marked(&self, glimpse: &Glimpse) -> Option<Marked> {
        let connection = self.0.iter().find_map(|connection| connection.try_lock().ok())?;
        seen(&connection, glimpse)
    }
}

fn seen(connection: &Connection, glimpse: &Glimpse) -> Option<Marked> {
    match standing(connection, glimpse.issue).and_then(|standing| standing.step(glimpse)) {
        Ok(Step::None(marked)) => Some(marked),
        // What cannot be read here is the writer's to find out and to tell.
        Ok(Step::OnceMore | Step::Insert)
        | Err(Error::Unavailable(_) | Error::Corrupt(_) | Error::Stopped(_)) => None,
    }
}
