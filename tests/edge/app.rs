//! A started service, its address, and a client for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use escalator::config::sources::Sources;
use escalator::config::{self, Config};
use escalator::service::Service;
use reqwest::{Client, Method};
use tempfile::TempDir;

use crate::payloads;

/// A secret token of the service under test.
pub const TOKEN: &str = "canary-secret-token";
/// Its variable.
pub const SECRET_TOKENS: &str = "WEBHOOK__SECRET_TOKENS";
/// The variable of signing tokens.
pub const SIGNING_TOKENS: &str = "WEBHOOK__SIGNING_TOKENS";

/// A service on free ports, with a store of its own and a GitLab that does not answer.
pub struct App {
    pub service: Service,
    http: Client,
    _folder: TempDir,
}

/// What came back, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl App {
    /// With one secret token.
    pub async fn start() -> Self {
        Self::with(&[(SECRET_TOKENS, TOKEN)]).await
    }

    /// With these settings, named as in the environment.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(configuration(settings, &folder)).await.unwrap();
        // The workers learn at once that there is nothing to do.
        tokio::task::yield_now().await;
        Self { service, http: Client::builder().no_proxy().build().unwrap(), _folder: folder }
    }

    pub fn webhooks(&self) -> SocketAddr {
        self.service.webhook_address
    }

    /// Posts a delivery with these headers.
    pub async fn post(&self, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        self.ask(Method::POST, "/webhooks/gitlab", headers, body).await
    }

    /// Posts a delivery that the secret token proves.
    pub async fn deliver(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.post(&[("X-Gitlab-Token", TOKEN)], body).await
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("http://{}{path}", self.webhooks()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.body(body.into()).send().await.unwrap()).await
    }

    /// Asks the admin address.
    pub async fn admin(&self, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.service.admin_address);
        Answer::read(self.http.get(url).send().await.unwrap()).await
    }

    /// Fails unless the service becomes ready. It says that it is not where the disk takes seconds for one row, which a busy
    /// machine's may; each question waits as long as the service itself is willing to.
    pub async fn is_ready(&self) {
        for _ in 0..20 {
            if self.admin("/readyz").await.status == 200 {
                return;
            }
        }
        panic!("not ready, asked twenty times");
    }

    /// How many issues wait.
    pub async fn waiting(&self) -> u64 {
        self.service.store.depth().await.unwrap().waiting
    }

    /// Ends the service after it has shown that it is still well: ready, and nothing left in its queue.
    pub async fn still_well(self) {
        self.is_ready().await;
        assert_eq!(self.waiting().await, 0);
        assert_eq!(self.deliver(payloads::INCIDENT).await.status, 202, "it still works");
        self.service.stop().await;
    }
}

impl Answer {
    async fn read(answer: reqwest::Response) -> Self {
        Self {
            status: answer.status().as_u16(),
            headers: format!("{:?}", answer.headers()),
            body: answer.text().await.unwrap(),
        }
    }
}

fn configuration(settings: &[(&str, &str)], folder: &TempDir) -> Config {
    let store = format!("sqlite://{}", folder.path().join("escalator.db").display());
    let usual = [
        // The port "discard", where nobody listens.
        ("GITLAB__URL", "http://127.0.0.1:9"),
        ("GITLAB__TOKEN", "canary-access-token"),
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__SHUTDOWN_TIMEOUT", "5s"),
        ("ADMIN__LISTEN", "127.0.0.1:0"),
        ("STORE__URL", &store),
    ];
    let variables: BTreeMap<_, _> = usual
        .iter()
        .chain(settings)
        .map(|(name, value)| (format!("ESCALATOR__{name}"), (*value).to_owned()))
        .collect();
    config::load(&Sources { file: None, variables }).unwrap().serving().unwrap()
}
