//! Whether the store can be used. Looks from beside, so it may be in use.

use super::finding::{Check, Finding};
use crate::config::{Loaded, StoreUrl};
use crate::store::{Inspection, OpenError, Store};

/// Looks at the store that is configured.
pub(super) async fn look(loaded: &Loaded) -> Vec<Finding> {
    match loaded.store() {
        Ok(StoreUrl::Sqlite(path)) => {
            let seen = Store::inspect_file(&path);
            findings(
                &path.display().to_string(),
                &seen,
                "make the file and its folder writable for Escalator's user",
            )
        }
        Ok(StoreUrl::Postgres(url)) => {
            let seen = Store::inspect_database(url.expose()).await;
            findings(
                "PostgreSQL",
                &seen,
                "mend what it says; the README's section on replicas says what is needed",
            )
        }
        Err(_) => skipped("its address is not usable"),
    }
}

/// What stands for it where it was not looked at.
pub(super) fn skipped(because: &str) -> Vec<Finding> {
    [Check::Store, Check::Parked].map(|check| Finding::skipped(check, "store", because)).into()
}

fn findings(subject: &str, seen: &Result<Inspection, OpenError>, remedy: &str) -> Vec<Finding> {
    match seen {
        Ok(inspection) => vec![schema(subject, *inspection), parked(subject, inspection.parked)],
        Err(error) => vec![
            Finding::fail(Check::Store, subject, error.to_string(), remedy),
            Finding::skipped(Check::Parked, subject, "the store cannot be used"),
        ],
    }
}

fn schema(subject: &str, seen: Inspection) -> Finding {
    let found = match seen.version {
        0 => "empty; `escalator serve` makes its schema".to_owned(),
        old if old < seen.known => {
            format!("usable; `escalator serve` brings its schema from version {old} to {}", seen.known)
        }
        version => format!("usable; schema version {version}"),
    };
    Finding::ok(Check::Store, subject, found)
}

fn parked(subject: &str, parked: u64) -> Finding {
    match parked {
        0 => Finding::ok(Check::Parked, subject, "nothing is parked"),
        _ => Finding::warn(
            Check::Parked,
            subject,
            format!("issues that could not be done: {parked}"),
            "`escalator parked list` says why; mend the cause, then `escalator parked retry --all`",
        ),
    }
}
