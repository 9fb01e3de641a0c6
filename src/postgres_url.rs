//! The address of a PostgreSQL database, as PostgreSQL's own programs spell it and its driver does not quite.

use std::path::PathBuf;

use tokio_postgres::{Config, Error};

/// An address, understood. Nothing is connected or read yet.
#[derive(Debug)]
pub struct PostgresUrl {
    /// What the driver needs to connect.
    pub config: Config,
    /// The file of the authorities that may have signed the server's certificate (`sslrootcert`); `None`: those that this
    /// machine trusts.
    pub authorities: Option<PathBuf>,
}

impl PostgresUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What the driver does not understand of it.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let Some((address, parameters)) = url.split_once('?') else {
            return Ok(Self { config: url.parse()?, authorities: None });
        };
        let mut authorities = None;
        let mut for_driver = Vec::new();
        for parameter in parameters.split('&') {
            match parameter.split_once('=') {
                // The certificate is always checked here, against the host's name too.
                Some(("sslmode", "verify-full" | "verify-ca")) => for_driver.push("sslmode=require"),
                Some(("sslrootcert", "system")) => authorities = None,
                Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(path)),
                Some(_) | None => for_driver.push(parameter),
            }
        }
        let separator = if for_driver.is_empty() { "" } else { "?" };
        let config = format!("{address}{separator}{}", for_driver.join("&")).parse()?;
        Ok(Self { config, authorities })
    }
}
