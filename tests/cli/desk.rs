//! A whole desk: a GitLab with an incident, and a served Escalator that hears of it.

use escalator::sandbox::{Hook, IssueId, Kind, Options, Sandbox, UserId};

use crate::program::{Place, Serving};

pub const INCIDENT: &str = include_str!("../payloads/issue_hook.work_item.incident.update.json");

pub struct Desk {
    pub gitlab: Sandbox,
    pub place: Place,
    pub serving: Serving,
    pub bot: UserId,
    /// Who wrote the incident.
    pub author: UserId,
    pub issue: IssueId,
}

impl Desk {
    /// An incident of this title and description, labelled so that Escalator has something to say.
    pub async fn open(title: &str, description: &str) -> Self {
        Self::open_in(Place::ready_to_serve(), Place::serve, title, description).await
    }

    /// The same in this place, served in this way.
    pub async fn open_in(
        place: Place,
        serve: impl FnOnce(&Place) -> Serving,
        title: &str,
        description: &str,
    ) -> Self {
        let gitlab = Sandbox::start(Options { requests_per_minute: Some(10_000), ..Options::default() })
            .await
            .unwrap();
        let project = gitlab.project("acme/shop");
        let bot = gitlab.bot("escalator-bot");
        let author = gitlab.named_user("canary-username", "canary-display-name");
        for member in [bot, author] {
            gitlab.member(member, "acme", 20);
        }
        let place = place
            .variable("ESCALATOR__GITLAB__URL", gitlab.url())
            .variable("ESCALATOR__GITLAB__TOKEN", gitlab.token(bot, &["api"]))
            .variable("ESCALATOR__QUEUE__RETRY_BASE", "1ms");
        let serving = serve(&place);
        let hook = Hook::to(format!("http://{}/webhooks/gitlab", serving.webhooks));
        gitlab.hook("acme", Hook { token: Some("canary-secret-token".to_owned()), ..hook });
        let issue = gitlab
            .issue(project)
            .by(author)
            .kind(Kind::Incident)
            .title(title)
            .description(description)
            .labels(["cross-functionality::yes", "complexity::yes", "customer-impact::yes"])
            .create();
        Self { gitlab, place, serving, bot, author, issue }
    }

    /// Waits until Escalator has assessed the incident and said so in its log.
    pub fn assessed(&self) {
        self.serving.log.until("assessed");
        assert_eq!(self.gitlab.notes(self.issue).len(), 1);
        assert!(self.gitlab.labels(self.issue).contains(&"platform-escalation".to_owned()));
    }
}
