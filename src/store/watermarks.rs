//! How far the walks along GitLab's lists of issues have come, so that none starts over.

use rusqlite::{OptionalExtension, params};

use super::{Error, Store};
use crate::calculator::issue::Moment;

/// Who walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// By the time of change, again and again.
    Sweep,
    /// The same in a dry run, which leaves its changes for a live sweep to make.
    DryRunSweep,
    /// By the time of creation, once.
    Backfill,
}

impl Walk {
    fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::DryRunSweep => "dry-run sweep",
            Self::Backfill => "backfill",
        }
    }
}

impl Store {
    /// Up to when a place was walked, by GitLab's clock; `None` if never.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn watermark(&self, walk: Walk, place: &str) -> Result<Option<Moment>, Error> {
        let place = place.to_owned();
        self.reader
            .run(move |connection| {
                let found = connection
                    .prepare_cached("SELECT at FROM watermark WHERE walk = ?1 AND place = ?2")?
                    .query_row(params![walk.name(), place], |row| row.get(0).map(Moment))
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// Keeps up to when a place was walked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
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

    /// Forgets how far a place was walked, whatever a name adds to it after a space: the walk is over, and another one
    /// begins at the beginning.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
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
