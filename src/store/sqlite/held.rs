//! What a process holds, in SQLite. It has its store for itself, and so every duty.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::Sqlite;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::claims::Claim;
use crate::store::held::Held;
use crate::store::rows::millis;

impl Sqlite {
    pub async fn renew(&self, held: Held, now: Millis, lease: Duration) -> Result<bool, Error> {
        match held {
            Held::Claim(claim) => {
                self.writer.run(move |connection| renew(connection, claim, now, lease)).await
            }
            Held::Duty(_) => Ok(true),
        }
    }
}

fn renew(connection: &Connection, claim: Claim, now: Millis, lease: Duration) -> Result<bool, Error> {
    let renewed = connection
        .prepare_cached("UPDATE queue SET due_at = ?4 WHERE project_id = ?1 AND iid = ?2 AND token = ?3")?
        .execute(params![claim.issue.project_id, claim.issue.iid, claim.token, now.0 + millis(lease)])?;
    Ok(renewed > 0)
}

/// Whether nobody has taken it over, in the transaction that asks.
pub(super) fn is_ours(connection: &Connection, held: Option<Held>) -> Result<bool, Error> {
    let claim = match held {
        Some(Held::Claim(claim)) => claim,
        Some(Held::Duty(_)) | None => return Ok(true),
    };
    let ours = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM queue WHERE project_id = ?1 AND iid = ?2 AND token = ?3)",
        )?
        .query_row(params![claim.issue.project_id, claim.issue.iid, claim.token], |row| row.get(0))?;
    Ok(ours)
}
