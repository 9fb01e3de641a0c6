//! A look at a store from beside, which changes nothing and holds up nobody: not even a lock is taken.

use std::path::Path;

use super::postgres;
use super::sqlite::Sqlite;
use super::{OpenError, Stop, Store};

/// What a look at a store found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The version of its schema; 0 if there is none yet.
    pub version: i64,
    /// The version that this program brings it to.
    pub known: i64,
    /// How many issues are parked.
    pub parked: u64,
    /// The stops of writing that hold.
    pub stops: Vec<Stop>,
}

impl Store {
    /// Looks at a SQLite file, and whether it could be written, or made where there is none.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub fn inspect_file(path: &Path) -> Result<Inspection, OpenError> {
        Sqlite::inspect(path)
    }

    /// Looks at a PostgreSQL database.
    ///
    /// # Errors
    /// Why it cannot be used and what to do.
    pub async fn inspect_database(url: &str) -> Result<Inspection, OpenError> {
        postgres::inspect(url).await
    }
}
