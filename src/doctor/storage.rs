//! Whether the store can be used. Looks from beside, so it may be in use.

use super::finding::{Check, Finding};
use crate::config::{Loaded, StoreUrl};
use crate::store::{Inspection, OpenError, Stop, Store};

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
    [Check::Store, Check::Parked, Check::Writing]
        .map(|check| Finding::skipped(check, "store", because))
        .into()
}

fn findings(subject: &str, seen: &Result<Inspection, OpenError>, remedy: &str) -> Vec<Finding> {
    match seen {
        Ok(seen) => {
            let found = [schema(subject, seen), parked(subject, seen.parked)];
            found.into_iter().chain(writing(subject, &seen.stops)).collect()
        }
        Err(error) => vec![
            Finding::fail(Check::Store, subject, error.to_string(), remedy),
            Finding::skipped(Check::Parked, subject, "the store cannot be used"),
            Finding::skipped(Check::Writing, subject, "the store cannot be used"),
        ],
    }
}

fn schema(subject: &str, seen: &Inspection) -> Finding {
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

/// While everything is stopped Escalator does nothing of what it is for; of single issues others go on.
fn writing(subject: &str, stops: &[Stop]) -> Vec<Finding> {
    if stops.is_empty() {
        return vec![Finding::ok(Check::Writing, subject, "writing is not stopped")];
    }
    let told = |stop: &Stop| {
        let remedy = format!("find out what was written and why, then run `{}`", stop.remedy());
        match stop.issue {
            None => Finding::fail(Check::Writing, subject, stop.to_string(), remedy),
            Some(_) => Finding::warn(Check::Writing, subject, stop.to_string(), remedy),
        }
    };
    stops.iter().map(told).collect()
}
