//! What all histories of a thread share: one GitLab, its people, and the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use escalator::calculator::policy::Policy;
use escalator::config::load;
use escalator::config::sources::Sources;
use escalator::gitlab::{Client, LabelChange};
use escalator::sandbox::{Hook, Options, Sandbox, UserId};

/// A GitLab and the people in it.
pub struct Scene {
    pub gitlab: Sandbox,
    pub reporter: UserId,
    pub maintainer: UserId,
    pub bot: UserId,
    pub shop: u64,
    pub client: Client,
    pub policy: Arc<Policy>,
}

impl Scene {
    pub async fn start() -> Self {
        let gitlab = Sandbox::start(Options { auto_disable: false, ..Options::default() }).await.unwrap();
        let shop = gitlab.project("acme/shop");
        let (reporter, maintainer) = (gitlab.user("riley"), gitlab.user("mia"));
        let bot = gitlab.bot("escalator-bot");
        for (user, role) in [(reporter, 20), (maintainer, 40), (bot, 20)] {
            gitlab.member(user, "acme", role);
        }
        // Quick actions find labels and never make them.
        gitlab.label("acme", "complexity::yes");
        let variables = BTreeMap::from([
            ("ESCALATOR__GITLAB__URL".to_owned(), gitlab.url()),
            ("ESCALATOR__GITLAB__TOKEN".to_owned(), gitlab.token(bot, &["api"])),
            ("ESCALATOR__GITLAB__REQUESTS_PER_SECOND".to_owned(), "1000000".to_owned()),
            ("ESCALATOR__GITLAB__NOTES_PER_MINUTE".to_owned(), "60000000".to_owned()),
            ("ESCALATOR__WEBHOOK__SECRET_TOKENS".to_owned(), "a-secret-token-of-the-simulation".to_owned()),
        ]);
        let config = load(&Sources { file: None, variables }).unwrap().serving().unwrap();
        let client = Client::new(&config.gitlab).unwrap();
        let scene = Self { gitlab, reporter, maintainer, bot, shop, client, policy: Arc::new(config.policy) };
        scene.learn_spellings().await;
        scene.gitlab.hook("acme", Hook::to("http://127.0.0.1:9/nobody"));
        scene.gitlab.hold_deliveries();
        scene
    }

    /// The client remembers how a project spells our labels; so that no history differs because it came first, it
    /// learns that before.
    async fn learn_spellings(&self) {
        let issue = self.gitlab.issue(self.shop).create();
        let reference =
            escalator::calculator::issue::IssueRef { project_id: issue.project_id, iid: issue.iid };
        let change = LabelChange { add: self.policy.owned_labels().cloned().collect(), remove: Vec::new() };
        self.client.change_labels(reference, &change).await.unwrap();
    }
}
