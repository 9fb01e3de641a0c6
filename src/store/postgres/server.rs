//! The server that `store.url` names: connecting to it, and what it has to be like.

use std::path::Path;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{explain, silent};
use super::session::Session;
use crate::clock;
use crate::postgres_url::PostgresUrl;
use crate::store::OpenError;

/// How long to wait for hosts that are not there, all of them together: shorter than a call.
const AWAY_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long connecting may take in all.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the first answer may take: a PgBouncer lets anybody in, and has some wait for a connection to the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// After so long without a sign of the server's machine a connection is dead.
const SILENCE: Duration = Duration::from_secs(8);
/// The oldest PostgreSQL that its makers still mended when this was written.
const OLDEST_SERVER: i32 = 130_000;
/// Leases and waits are times of the replicas' own clocks, so these must agree with one another; the database's is the
/// one that all can see.
const MOST_SKEW: Duration = Duration::from_secs(5);

/// How to connect.
#[derive(Clone)]
pub(super) struct Server {
    /// The first that lets in and can be written.
    hosts: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
}

impl Server {
    /// Reads the address and gets TLS ready, if it may be needed. Does not connect.
    pub fn new(url: &str) -> Result<Self, OpenError> {
        let PostgresUrl { mut hosts, authorities } =
            PostgresUrl::parse(url).map_err(|error| refused(explain(&error)))?;
        let names = hosts.iter().map(|host| host.get_hosts().len().max(1)).sum();
        for host in &mut hosts {
            host.connect_timeout(share(AWAY_TIMEOUT, names))
                .target_session_attrs(TargetSessionAttrs::ReadWrite);
            host.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE / 2).keepalives_interval(SILENCE / 4);
            if host.get_application_name().is_none() {
                host.application_name("escalator");
            }
        }
        let needs_tls = hosts.iter().any(|host| host.get_ssl_mode() != SslMode::Disable);
        let tls = if needs_tls { Some(tls(authorities.as_deref())?) } else { None };
        Ok(Self { hosts, tls })
    }

    /// Connects, or tells why not and what to do.
    pub async fn connect(&self) -> Result<Session, String> {
        match &self.tls {
            Some(tls) => self.reach(tls).await.map(Session::start),
            None => self.reach(&NoTls).await.map(Session::start),
        }
    }

    /// Connects for the first time, and refuses a server that will not do.
    pub async fn vetted(&self) -> Result<Session, OpenError> {
        let session = self.connect().await.map_err(refused)?;
        vet(&session).await?;
        Ok(session)
    }

    /// How connections are secured.
    pub fn tls(&self) -> Option<&MakeRustlsConnect> {
        self.tls.as_ref()
    }

    /// A connection that somebody else drives.
    pub async fn reach<T>(&self, tls: &T) -> Result<(Client, Connection<Socket, T::Stream>), String>
    where
        T: MakeTlsConnect<Socket> + Clone,
    {
        let limit = share(CONNECT_TIMEOUT, self.hosts.len());
        let mut failures = Vec::new();
        for host in &self.hosts {
            let failure = match tokio::time::timeout(limit, host.connect(tls.clone())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => explain(&error),
                Err(_) => silent(limit),
            };
            failures.push(failure);
        }
        Err(failures.join("; the next host: "))
    }
}

fn share(time: Duration, among: usize) -> Duration {
    time / u32::try_from(among.max(1)).unwrap_or(u32::MAX)
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
    let asking = session.query_typed_one(
        "SELECT current_setting('server_version_num')::integer,
                floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                current_setting('synchronous_commit'),
                current_schema()",
        &[],
    );
    let row = tokio::time::timeout(ANSWER_TIMEOUT, asking)
        .await
        .map_err(|_| refused(silent(ANSWER_TIMEOUT)))?
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
    // It looked at its clock at any time between: an answer may be long in coming.
    let theirs: i64 = column(&row, 1)?;
    let ahead = theirs.clamp(asked_at.0, asked_at.0.saturating_add(took)) - theirs;
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
