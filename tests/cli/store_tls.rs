//! A PostgreSQL behind TLS: an authority of one's own, a stranger's certificate, another host's name.

use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use crate::postgres::Cluster;
use crate::program::{Place, Run};
use crate::tls::authority;

/// Makes the schema at this address, with this file as what the machine trusts.
fn migrate(place: &Path, url: &str, trusted: &str) -> Run {
    let place = Place::new()
        .variable("SSL_CERT_FILE", place.join(trusted).display().to_string())
        .variable("ESCALATOR__STORE__URL", url);
    place.run(&["store", "migrate"])
}

#[test]
fn the_certificate_of_a_database_is_checked_and_its_authority_may_be_ones_own() {
    let (ours, stranger) = (authority("ours"), authority("stranger"));
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ours).unwrap();
    let cluster = Cluster::start_with_tls(&certificate.pem(), &key.serialize_pem());
    let url = cluster.create_database();
    let place =
        Place::new().file("ours.pem", ours.pem()).file("stranger.pem", stranger.pem()).file("empty.pem", "");
    let folder = place.path("");
    let path = |name: &str| place.path(name).display().to_string();

    let (ours, stranger) = (path("ours.pem"), path("stranger.pem"));
    for (parameters, trusted) in [
        ("sslmode=require".to_owned(), "ours.pem"),
        ("sslmode=verify-full&sslrootcert=system".to_owned(), "ours.pem"),
        (format!("sslmode=verify-full&sslrootcert={ours}"), "stranger.pem"),
        (format!("sslrootcert={ours}"), "stranger.pem"),
    ] {
        let made = migrate(&folder, &format!("{url}?{parameters}"), trusted).success();
        assert!(made.starts_with("The schema"), "{parameters}: {made}");
    }
    let elsewhere = url.replace("127.0.0.1", "localhost");
    for (url, said) in [
        (
            format!("{url}?sslmode=require"),
            "UnknownIssuer; let store.url name the host as its certificate does",
        ),
        (format!("{url}?sslmode=verify-full&sslrootcert={stranger}"), "UnknownIssuer"),
        (format!("{elsewhere}?sslmode=verify-full&sslrootcert={ours}"), "not valid for name"),
        (format!("{url}?sslrootcert={}", path("missing.pem")), "missing.pem, which cannot be used"),
        (format!("{url}?sslrootcert={}", path("empty.pem")), "it holds no certificate"),
        (format!("{url}?sslmode=disable"), "PostgreSQL says: no pg_hba.conf entry"),
    ] {
        let run = migrate(&folder, &url, "stranger.pem");
        assert!(run.code == 1 && run.err.contains(said), "{url}: {run:?}");
    }
}
