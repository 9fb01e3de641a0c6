//! Where the store is: a file of SQLite's, or a PostgreSQL database whose address may hold a password.

use std::path::PathBuf;

use super::problem::Problem;
use super::settings;
use super::values::Secret;
use crate::postgres_url::PostgresUrl;

/// Where the store is.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// A database file, for one process.
    Sqlite(PathBuf),
    /// A database that replicas share. Its address is secret for the password that it may hold.
    Postgres(Secret),
}

impl StoreUrl {
    /// Reads an address. The error says what is wrong with it and never repeats it.
    ///
    /// # Errors
    /// What the address must be like.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("must be sqlite:// and a path, such as sqlite://escalator.db, or \
                        postgres://user@host/database"
                .to_owned());
        }
        let understood = PostgresUrl::parse(url).map_err(|error| explain(&error))?;
        if understood.hosts.iter().any(|host| host.get_hosts().is_empty()) {
            return Err("must name a host: postgres://user@host/database".to_owned());
        }
        Ok(Self::Postgres(Secret::new(url)))
    }
}

/// The driver's words name the parameter that it does not take, and not what was written.
fn explain(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!(
        "is no address of PostgreSQL{cause}; write postgres://user:password@host:5432/database, and escape what is \
         special in a password, such as %40 for @"
    )
}

/// The address from the setting or its file; `None` if a problem was found.
pub(super) fn read(store: &settings::Store, problems: &mut Vec<Problem>) -> Option<StoreUrl> {
    let (key, url) = match &store.url_file {
        None => ("store.url", store.url.clone()),
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => ("store.url_file", text.trim().to_owned()),
            Err(error) => {
                let message = format!("names {}, which cannot be read: {error}", path.display());
                problems.push(Problem::new("store.url_file", &message));
                return None;
            }
        },
    };
    StoreUrl::parse(&url).map_err(|message| problems.push(Problem::new(key, &message))).ok()
}
