//! The server that `store.url` names: connecting to it, and what it has to be like.

use std::path::Path;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::explain;
use super::session::Session;
use crate::clock;
use crate::postgres_url::PostgresUrl;
use crate::store::OpenError;

/// How long connecting may take: shorter than a call.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// After so long without a sign of the server's machine a connection is dead.
const SILENCE: Duration = Duration::from_secs(8);
/// How long to try at a start.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The oldest PostgreSQL that its makers still mended when this was written.
const OLDEST_SERVER: i32 = 130_000;
/// Leases and waits are times of the replicas' own clocks, so these must agree with one another; the database's is the
/// one that all can see.
const MOST_SKEW: Duration = Duration::from_secs(5);

/// How to connect.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Server {
    /// Reads the address and gets TLS ready, if it may be needed. Does not connect.
    pub fn new(url: &str) -> Result<Self, OpenError> {
        let PostgresUrl { mut config, authorities } =
            PostgresUrl::parse(url).map_err(|error| refused(explain(&error)))?;
        config.connect_timeout(CONNECT_TIMEOUT).target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE / 2).keepalives_interval(SILENCE / 4);
        if config.get_application_name().is_none() {
            config.application_name("escalator");
        }
        let tls =
            if config.get_ssl_mode() == SslMode::Disable { None } else { Some(tls(authorities.as_deref())?) };
        Ok(Self { config, tls })
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Session, tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => self.config.connect(tls.clone()).await.map(Session::start),
            None => self.config.connect(NoTls).await.map(Session::start),
        }
    }

    /// Connects for the first time, and refuses a server that will not do.
    pub async fn vetted(&self) -> Result<Session, OpenError> {
        let session = tokio::time::timeout(START_TIMEOUT, self.connect())
            .await
            .map_err(|_| refused(format!("it does not answer within {} s", START_TIMEOUT.as_secs())))?
            .map_err(|error| refused(explain(&error)))?;
        vet(&session).await?;
        Ok(session)
    }

    /// The address and how to secure it, for a connection that somebody else drives.
    pub fn parts(&self) -> (&Config, Option<&MakeRustlsConnect>) {
        (&self.config, self.tls.as_ref())
    }
}

/// A certificate that is not of these authorities is refused; without any, as the GitLab client does it, one that this
/// machine does not trust.
fn tls(authorities: Option<&Path>) -> Result<MakeRustlsConnect, OpenError> {
    let config = match authorities {
        Some(path) => trusting(path).map_err(|error| {
            refused(format!(
                "sslrootcert names {}, which cannot be used: {error}; let it name a PEM file of the authority that \
                 signed the server's certificate",
                path.display()
            ))
        })?,
        None => ClientConfig::with_platform_verifier().map_err(|error| {
            refused(format!("TLS cannot be set up: {error}; install ca-certificates, or say sslmode=disable"))
        })?,
    };
    Ok(MakeRustlsConnect::new(config))
}

fn trusting(path: &Path) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn refused(reason: String) -> OpenError {
    OpenError::Refused { reason }
}

async fn vet(session: &Client) -> Result<(), OpenError> {
    let asked_at = clock::now();
    let asked = Instant::now();
    let row = session
        .query_typed_one(
            "SELECT current_setting('server_version_num')::integer,
                    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                    current_setting('synchronous_commit'),
                    current_schema()",
            &[],
        )
        .await
        .map_err(|error| refused(explain(&error)))?;
    let took = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
    let version: i32 = column(&row, 0)?;
    if version < OLDEST_SERVER {
        return Err(refused(format!(
            "it is PostgreSQL {}, and {} is the oldest that will do; upgrade it",
            version / 10_000,
            OLDEST_SERVER / 10_000
        )));
    }
    let ahead = asked_at.0 + took / 2 - column::<i64>(&row, 1)?;
    if u128::from(ahead.unsigned_abs()) > MOST_SKEW.as_millis() {
        return Err(refused(format!(
            "this machine's clock is {} s {} the database's; set both by NTP",
            ahead.unsigned_abs() / 1000,
            if ahead > 0 { "ahead of" } else { "behind" }
        )));
    }
    if column::<String>(&row, 2)? == "off" {
        return Err(refused(
            "synchronous_commit is off, so a delivery that was answered could be lost; say ALTER ROLE … SET \
             synchronous_commit = on"
                .to_owned(),
        ));
    }
    match column::<Option<String>>(&row, 3)? {
        Some(_) => Ok(()),
        None => Err(refused("the user's search_path names no schema that exists; create one".to_owned())),
    }
}

fn column<'row, T: tokio_postgres::types::FromSql<'row>>(
    row: &'row tokio_postgres::Row,
    place: usize,
) -> Result<T, OpenError> {
    row.try_get(place).map_err(|error| refused(explain(&error)))
}
