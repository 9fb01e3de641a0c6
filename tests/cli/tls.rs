//! A GitLab behind TLS: a certificate that nobody trusts, put right while Escalator runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use escalator::sandbox::{Hook, Kind, Options, Sandbox};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::program::Place;

/// Signs certificates.
pub type Authority = CertifiedIssuer<'static, KeyPair>;

pub fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Speaks TLS with a certificate for 127.0.0.1 of this authority.
fn acceptor(authority: &Authority) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()).into()
}

/// Puts TLS in front of an address; with which certificate can be changed at any time.
async fn front(behind: SocketAddr, certificate: Arc<Mutex<TlsAcceptor>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let accepting = certificate.lock().unwrap().accept(stream);
            tokio::spawn(async move {
                // A client that does not trust the certificate hangs up.
                let Ok(mut outside) = accepting.await else { return };
                let mut inside = TcpStream::connect(behind).await.unwrap();
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok();
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts_is_named_and_put_right_without_a_restart() {
    let gitlab = Sandbox::start(Options::default()).await.unwrap();
    let (shop, bot) = (gitlab.project("acme/shop"), gitlab.bot("escalator-bot"));
    gitlab.member(bot, "acme", 20);
    let (trusted, stranger) = (authority("trusted"), authority("stranger"));
    let certificate = Arc::new(Mutex::new(acceptor(&stranger)));
    let behind = gitlab.url().strip_prefix("http://").unwrap().parse().unwrap();
    let address = front(behind, Arc::clone(&certificate)).await;

    let place = Place::ready_to_serve().file("authorities.pem", trusted.pem());
    let authorities = place.path("authorities.pem").display().to_string();
    let place = place
        .variable("SSL_CERT_FILE", authorities)
        .variable("ESCALATOR__GITLAB__URL", format!("https://{address}"))
        .variable("ESCALATOR__GITLAB__TOKEN", gitlab.token(bot, &["api"]))
        .variable("ESCALATOR__QUEUE__RETRY_MAX", "1s");
    let serving = place.serve();
    let hook = Hook::to(format!("http://{}/webhooks/gitlab", serving.webhooks));
    gitlab.hook("acme", Hook { token: Some("canary-secret-token".to_owned()), ..hook });
    let issue = gitlab.issue(shop).kind(Kind::Incident).create();
    let line = serving.log.until("trying again");
    assert!(line.contains("invalid peer certificate: UnknownIssuer"), "{line}");
    assert!(line.contains("check gitlab.url, DNS, the network and TLS certificates"), "{line}");
    gitlab.settled().await;
    assert_eq!(gitlab.deliveries()[0].status, Some(202));
    assert!(gitlab.requests().is_empty(), "nothing was sent over a connection that nobody trusts");

    *certificate.lock().unwrap() = acceptor(&trusted);
    serving.log.until("\"assessed\"");
    assert_eq!(gitlab.notes(issue).len(), 1);
    assert_eq!(serving.stop().0, 0);
    gitlab.stop().await;
}
