//! The service and a GitLab for one test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use escalator::clock::Millis;
use escalator::config::load;
use escalator::config::sources::Sources;
use escalator::gitlab::Place;
use escalator::sandbox::{Actor, Hook, IssueId, Kind, Options, RequestRecord, Sandbox, UserId};
use escalator::service::Service;
use escalator::store::Depth;
use tempfile::TempDir;

/// Made of the bytes 0 to 31; signs every delivery of these tests.
pub const SIGNING_TOKEN: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Far more than any wait of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service, the GitLab it works in, and the people there.
pub struct TestApp {
    pub gitlab: Sandbox,
    pub reporter: UserId,
    pub bot: UserId,
    pub shop: u64,
    pub hook: u64,
    service: Option<Service>,
    pub token: String,
    variables: BTreeMap<String, String>,
    file: Option<PathBuf>,
    folder: TempDir,
    store_name: String,
}

impl TestApp {
    /// A Premium GitLab, and the service with default settings.
    pub async fn start() -> Self {
        Self::start_with(Options::default(), &[]).await
    }

    /// Another GitLab, or settings such as `("COMMENT__INTERNAL", "true")`.
    pub async fn start_with(options: Options, settings: &[(&str, &str)]) -> Self {
        let gitlab = Sandbox::start(options).await.unwrap();
        let shop = gitlab.project("acme/shop");
        let (reporter, bot) = (gitlab.user("riley"), gitlab.bot("escalator-bot"));
        gitlab.member(reporter, "acme", 20);
        gitlab.member(bot, "acme", 20);
        let token = gitlab.token(bot, &["api"]);
        // Quick actions find labels and never make them.
        for question in ["cross-functionality", "complexity", "financial-impact", "operational-impact"] {
            gitlab.label("acme", &format!("{question}::yes"));
        }
        let variables = settings
            .iter()
            .map(|(name, value)| (format!("ESCALATOR__{name}"), (*value).to_owned()))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let mut app = Self {
            gitlab,
            reporter,
            bot,
            shop,
            hook: 0,
            service: None,
            token,
            variables,
            file: None,
            folder,
            store_name: "escalator.db".to_owned(),
        };
        app.replace_token(&app.token);
        app.start_service().await;
        let url = format!("http://{}/webhooks/gitlab", app.service().webhook_address);
        app.hook =
            app.gitlab.hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });
        // What every start asks is over before a test makes trouble.
        let asked = |app: &Self| app.gitlab.requests().iter().any(asks_about_the_token);
        app.until("GitLab was asked about the token", asked).await;
        app.until_swept().await;
        app
    }

    async fn start_service(&mut self) {
        let mut variables = self.variables.clone();
        for (name, value) in [
            ("GITLAB__URL", self.gitlab.url()),
            ("GITLAB__TOKEN_FILE", self.token_file().display().to_string()),
            ("GITLAB__REQUESTS_PER_SECOND", "10000".to_owned()),
            ("GITLAB__NOTES_PER_MINUTE", "100000".to_owned()),
            // No call is given up and made again because a machine was slow.
            ("GITLAB__TIMEOUT", "5m".to_owned()),
            ("WRITES__FUSE", "100000".to_owned()),
            ("WEBHOOK__SIGNING_TOKENS", SIGNING_TOKEN.to_owned()),
            ("QUEUE__RETRY_BASE", "50ms".to_owned()),
            ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            ("ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
            ("STORE__URL", format!("sqlite://{}", self.store_path().display())),
        ] {
            variables.entry(format!("ESCALATOR__{name}")).or_insert(value);
        }
        let config = load(&Sources { file: self.file.clone(), variables }).unwrap().serving().unwrap();
        let service = Service::start(config).await.unwrap();
        let address = service.webhook_address.to_string();
        self.variables.insert("ESCALATOR__SERVER__LISTEN".to_owned(), address);
        self.service = Some(service);
    }

    pub fn store_path(&self) -> PathBuf {
        self.folder.path().join(&self.store_name)
    }

    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Puts an access token into its file.
    pub fn replace_token(&self, token: &str) {
        std::fs::write(self.token_file(), token).unwrap();
    }

    pub fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    /// Stops the service and keeps its store.
    pub async fn stop_service(&mut self) {
        self.service.take().unwrap().stop().await;
    }

    /// Starts it again on the same address and store.
    pub async fn restart_service(&mut self) {
        self.start_service().await;
    }

    /// Starts it again with another setting, such as `("MODE", "live")`.
    pub async fn restart_service_with(&mut self, name: &str, value: &str) {
        self.set(name, value);
        self.start_service().await;
    }

    /// A setting for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(format!("ESCALATOR__{name}"), value.to_owned());
    }

    /// A configuration file for the next start.
    pub fn set_file(&mut self, text: &str) {
        let path = self.folder.path().join("escalator.toml");
        std::fs::write(&path, text).unwrap();
        self.file = Some(path);
    }

    /// What a setting is.
    pub fn variable(&self, name: &str) -> String {
        self.variables[&format!("ESCALATOR__{name}")].clone()
    }

    /// Starts it again with an empty store, as after a disaster.
    pub async fn restart_service_without_its_store(&mut self) {
        self.store_name = "another.db".to_owned();
        self.start_service().await;
    }

    /// The REST requests of the work: without the question about the access token, which comes at every start, and the one
    /// who changed an issue's labels, which the scribe asks for the ledger in its own time.
    pub fn calls(&self) -> Vec<RequestRecord> {
        let asks_who = |request: &RequestRecord| request.route.ends_with("/resource_label_events");
        let of_work = |request: &RequestRecord| !asks_about_the_token(request) && !asks_who(request);
        self.gitlab.requests().into_iter().filter(of_work).collect()
    }

    /// How many of them read this issue or something of it.
    pub fn reads(&self, issue: IssueId) -> usize {
        self.calls().iter().filter(|call| call.names(issue) && call.reads()).count()
    }

    /// The reporter, at work.
    pub fn reporter(&self) -> Actor {
        self.gitlab.by(self.reporter)
    }

    /// An incident of the reporter's with these labels.
    pub fn incident(&self, labels: &[&str]) -> IssueId {
        self.gitlab.issue(self.shop).by(self.reporter).kind(Kind::Incident).labels(labels.to_vec()).create()
    }

    /// A plain issue of the reporter's with these labels.
    pub fn issue(&self, labels: &[&str]) -> IssueId {
        self.gitlab.issue(self.shop).by(self.reporter).labels(labels.to_vec()).create()
    }

    /// Waits until every webhook is delivered, the policy applied, and nothing waits in the queue, twice in a row: what was
    /// on its way during the first look is seen by the second.
    /// Returns what the queue held then: a sweep of the start may mark more at any time after.
    pub async fn settle(&self) -> Depth {
        let started = Instant::now();
        let mut calm = 0;
        loop {
            self.gitlab.settled().await;
            let applied = self.service().policy_watch.is_applied().await.unwrap();
            let depth = self.service().store.depth().await.unwrap();
            let quiet = applied && depth.waiting == 0 && self.gitlab.undelivered() == 0;
            calm = if quiet { calm + 1 } else { 0 };
            if calm == 2 {
                return depth;
            }
            if calm == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(started.elapsed() < PATIENCE, "still not settled: {depth:?}");
        }
    }

    /// Waits until every note that may be a command is read, and what follows from it is done.
    pub async fn until_read(&self) {
        self.settle().await;
        let started = Instant::now();
        while !self.service().store.unread(Millis(i64::MAX)).await.unwrap().is_empty() {
            assert!(started.elapsed() < PATIENCE, "still not read");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.settle().await;
    }

    /// Waits until it is known who changed which label.
    pub async fn until_known(&self) {
        let started = Instant::now();
        while !self.service().store.open_causes().await.unwrap().is_empty() {
            assert!(started.elapsed() < PATIENCE, "still not known");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until each watched place was swept, or GitLab has refused to list it.
    pub async fn until_swept(&self) {
        let sweep = &self.service().sweep;
        let started = Instant::now();
        for place in &sweep.places {
            let (Place::Group(path) | Place::Project(path)) = place;
            let list = format!("/{}/issues?", path.replace('/', "%2F"));
            let refused = |call: &RequestRecord| call.path.contains(&list) && call.status != Some(200);
            while sweep.store.watermark(sweep.walk, &place.to_string()).await.unwrap().is_none()
                && !self.calls().iter().any(refused)
            {
                assert!(started.elapsed() < PATIENCE, "still not swept: {place}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < PATIENCE, "still not: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Our labels on an issue.
    pub fn escalation_labels(&self, issue: IssueId) -> Vec<String> {
        let is_ours = |title: &String| title.to_lowercase().starts_with("platform-escalation");
        self.gitlab.labels(issue).into_iter().filter(is_ours).collect()
    }

    /// The one comment of ours.
    pub fn comment(&self, issue: IssueId) -> String {
        let mut ours: Vec<_> =
            self.gitlab.notes(issue).into_iter().filter(|note| note.author_id == self.bot).collect();
        assert_eq!(ours.len(), 1, "there must be exactly one comment of ours");
        ours.remove(0).body
    }

    /// Ends the test: nothing may be left in the queue, and nothing parked unless the test is about that.
    pub async fn end(mut self) {
        let depth = self.settle().await;
        assert_eq!(depth.parked, 0, "nothing may be parked at the end");
        self.stop_service().await;
        self.gitlab.stop().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let ended = self.service.is_none();
        assert!(ended || std::thread::panicking(), "a test must call `end`, which looks at the queue");
    }
}

fn asks_about_the_token(request: &RequestRecord) -> bool {
    request.route.ends_with("/personal_access_tokens/self")
}

/// Labels that make these points by a yes each: 0 to 7.
pub fn score(points: usize, more: &[&'static str]) -> Vec<&'static str> {
    let twos = ["cross-functionality::yes", "complexity::yes"];
    let ones = ["financial-impact::yes", "operational-impact::yes", "customer-impact::yes"];
    let of_two = (points / 2).min(2);
    let mut labels: Vec<_> = twos[..of_two].to_vec();
    labels.extend(&ones[..points - 2 * of_two]);
    labels.extend(more);
    labels
}
