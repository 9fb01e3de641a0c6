//! The address of a PostgreSQL database, as PostgreSQL's own programs spell it and its driver does not quite.

use std::path::PathBuf;

use tokio_postgres::{Config, Error};

/// An address, understood. Nothing is connected or read yet.
#[derive(Debug)]
pub struct PostgresUrl {
    /// What the driver needs to connect, for one host after the other: those that the address has before its parameters each
    /// have their own, because the driver waits without an end for a host that takes the connection and says nothing.
    pub hosts: Vec<Config>,
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
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut authorities = None;
        let mut for_driver = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                // The certificate is always checked here, against the host's name too.
                Some(("sslmode", "verify-full" | "verify-ca")) => for_driver.push("sslmode=require"),
                Some(("sslrootcert", "system")) => authorities = None,
                Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(path)),
                Some(_) | None => for_driver.push(parameter),
            }
        }
        // Further hosts, or where those of the address are: all belong together then.
        let names_hosts = for_driver.iter().any(|parameter| parameter.starts_with("host"));
        let addresses = if names_hosts { vec![address.to_owned()] } else { each_host(address) };
        let separator = if for_driver.is_empty() { "" } else { "?" };
        let config = |address| format!("{address}{separator}{}", for_driver.join("&")).parse();
        Ok(Self { hosts: addresses.into_iter().map(config).collect::<Result<_, _>>()?, authorities })
    }
}

/// An address without parameters, for each of its hosts.
fn each_host(address: &str) -> Vec<String> {
    let start = address.find("://").map_or(0, |scheme| scheme + "://".len());
    let start = address[start..].find('@').map_or(start, |user| start + user + 1);
    let end = address[start..].find('/').map_or(address.len(), |hosts| start + hosts);
    let (before, after) = (&address[..start], &address[end..]);
    address[start..end].split(',').map(|host| format!("{before}{host}{after}")).collect()
}
