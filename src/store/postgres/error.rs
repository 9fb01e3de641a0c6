//! What PostgreSQL says, as one line with what to do about it. Never holds a password: the driver does not show it.

use std::error::Error as _;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::PATIENCE;
use crate::store::Error;

const REACH: &str = "check that PostgreSQL runs and can be reached from here";

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Unavailable(explain(&error))
    }
}

pub(super) fn too_slow() -> Error {
    Error::Unavailable(silent(PATIENCE))
}

/// It says nothing for so long.
pub(super) fn silent(within: Duration) -> String {
    format!("PostgreSQL does not answer within {within:?}; {REACH}")
}

/// What happened, and a remedy.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("PostgreSQL says: {}; {}", said.message(), remedy(said.code())),
        None => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            let remedy = if cause.contains("does not allow writes") {
                WRITABLE
            } else if cause.contains("peer certificate") {
                CERTIFICATE
            } else {
                REACH
            };
            format!("{error}{cause}; {remedy}")
        }
    }
}

const WRITABLE: &str =
    "let store.url name the primary server, or all of them: the one that can be written is chosen";

const CERTIFICATE: &str = "let store.url name the host as its certificate does, and with sslrootcert=FILE the authority \
                           that signed it, if this machine does not trust that; or say sslmode=disable";

fn remedy(code: &SqlState) -> &'static str {
    let of_connection = [
        (SqlState::INVALID_PASSWORD, "check user and password in store.url"),
        (
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            "check user and password in store.url, and pg_hba.conf",
        ),
        (SqlState::INVALID_CATALOG_NAME, "create the database, or mend its name in store.url"),
        (SqlState::TOO_MANY_CONNECTIONS, "raise max_connections, or put PgBouncer between"),
        (SqlState::READ_ONLY_SQL_TRANSACTION, WRITABLE),
        (
            SqlState::INSUFFICIENT_PRIVILEGE,
            "let the user of store.url own the schema, or grant it the rights",
        ),
        (SqlState::DISK_FULL, "make room on its disk"),
        (SqlState::UNDEFINED_TABLE, "the schema was changed by hand; restore it"),
        (SqlState::UNDEFINED_COLUMN, "the schema was changed by hand; restore it"),
        (SqlState::INVALID_SCHEMA_NAME, "let the user's search_path name a schema that exists"),
        (SqlState::LOCK_NOT_AVAILABLE, "end the other program that holds a lock, such as a database shell"),
    ];
    of_connection.iter().find(|(known, _)| known == code).map_or(REACH, |(_, remedy)| remedy)
}
