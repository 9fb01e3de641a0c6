//! A GitLab and a configuration in which nothing is wrong, to plant a fault in; and what the doctor says of it.

use escalator::sandbox::{Hook, Options, Sandbox, UserId};
use serde_json::Value;

use crate::program::{Place, Run};

pub const LABELS: [&str; 14] = [
    "platform-escalation",
    "platform-escalation-possible",
    "cross-functionality::yes",
    "cross-functionality::no",
    "complexity::yes",
    "complexity::no",
    "financial-impact::yes",
    "financial-impact::no",
    "operational-impact::yes",
    "operational-impact::no",
    "customer-impact::yes",
    "customer-impact::no",
    "escalation-decision::accepted",
    "escalation-decision::declined",
];

/// Where webhooks are to lead.
pub const URL: &str = "https://escalator.example.com/webhooks/gitlab";
const SIGNING_TOKEN: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A webhook with which nothing is wrong.
pub fn sound_hook() -> Hook {
    Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(URL) }
}

/// A GitLab and a configuration in which nothing is wrong yet.
pub struct Clinic {
    pub gitlab: Sandbox,
    pub place: Place,
    pub bot: UserId,
    pub project: u64,
}

impl Clinic {
    pub async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    pub async fn open_with(options: Options) -> Self {
        Self::open_with_hooks(options, [("acme", sound_hook())]).await
    }

    /// With these webhooks: of what, and which.
    pub async fn with_hooks(hooks: impl IntoIterator<Item = (&str, Hook)>) -> Self {
        Self::open_with_hooks(Options::default(), hooks).await
    }

    async fn open_with_hooks(options: Options, hooks: impl IntoIterator<Item = (&str, Hook)>) -> Self {
        let gitlab = Sandbox::start(options).await.unwrap();
        let project = gitlab.project("acme/shop");
        let bot = gitlab.bot("escalator-bot");
        gitlab.member(bot, "acme", 50);
        for title in LABELS {
            gitlab.label("acme", title);
        }
        for (path, hook) in hooks {
            gitlab.hook(path, hook);
        }
        let place = Place::ready_to_serve()
            .variable("ESCALATOR__GITLAB__URL", gitlab.url())
            .variable("ESCALATOR__GITLAB__TOKEN", gitlab.token(bot, &["api"]))
            .variable("ESCALATOR__GITLAB__GROUPS", "acme")
            .variable("ESCALATOR__WEBHOOK__URL", URL)
            .variable("ESCALATOR__WEBHOOK__SIGNING_TOKENS", SIGNING_TOKEN)
            .variable("ESCALATOR__GITLAB__REQUESTS_PER_SECOND", "1000");
        Self { gitlab, place, bot, project }
    }

    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.place = self.place.variable(name, value);
        self
    }

    /// With an access token of these scopes.
    pub fn token(self, scopes: &[&str], expires_on: Option<&str>) -> Self {
        let token = self.gitlab.token_until(self.bot, scopes, expires_on);
        self.set("ESCALATOR__GITLAB__TOKEN", token)
    }

    pub fn examine(&self) -> Examined {
        self.examine_with(&[])
    }

    pub fn examine_with(&self, flags: &[&str]) -> Examined {
        Examined::of(self.place.run(&[&["doctor", "--format", "json"], flags].concat()))
    }
}

/// What the doctor said.
pub struct Examined {
    pub code: i32,
    pub findings: Vec<Value>,
}

impl Examined {
    pub fn of(run: Run) -> Self {
        let findings = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        Self { code: run.code, findings }
    }

    /// The only finding that is not as it should be; all others are `ok`, or skipped for its sake.
    #[track_caller]
    pub fn only_trouble(&self, check: &str, state: &str) -> String {
        let troubled = |finding: &&Value| finding["state"] == "warn" || finding["state"] == "fail";
        let troubles: Vec<&Value> = self.findings.iter().filter(troubled).collect();
        assert_eq!(troubles.len(), 1, "{troubles:#?}");
        let trouble = troubles[0];
        assert_eq!((&trouble["check"], &trouble["state"]), (&check.into(), &state.into()), "{trouble}");
        assert_eq!(self.code, i32::from(state == "fail"));
        format!("{} | {}", trouble["found"].as_str().unwrap(), trouble["remedy"].as_str().unwrap())
    }

    /// The only finding of this check and state.
    #[track_caller]
    pub fn said(&self, check: &str, state: &str) -> String {
        let wanted = |finding: &&Value| finding["check"] == check && finding["state"] == state;
        let found: Vec<&Value> = self.findings.iter().filter(wanted).collect();
        assert_eq!(found.len(), 1, "{:#?}", self.findings);
        format!(
            "{} | {}",
            found[0]["found"].as_str().unwrap(),
            found[0]["remedy"].as_str().unwrap_or_default()
        )
    }

    pub fn count(&self, state: &str) -> usize {
        self.findings.iter().filter(|finding| finding["state"] == state).count()
    }
}

#[track_caller]
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}
