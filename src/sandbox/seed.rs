//! The world of `escalator demo`: a small company on a day when several things go wrong.

use super::nouns::{IssueId, Kind, UserId};
use super::{Sandbox, access};

/// Who and what the demo's world has.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Riley Reporter, who clicks on the page.
    pub person: UserId,
    /// Taylor TPM, who decides.
    pub tpm: UserId,
    /// Escalator's own user.
    pub bot: UserId,
    /// An access token of the bot, with scope `api`.
    pub bot_token: String,
    /// The project `acme/shop`.
    pub shop: u64,
    /// The project `acme/platform`.
    pub platform: u64,
}

/// Labels of the default policy: title, colour, description.
const LABELS: &[(&str, &str, &str)] = &[
    ("SIRT", "#c21e56", "Source: a security incident"),
    ("security-incident", "#c21e56", "Source: a security incident"),
    ("incident", "#d1462f", "Source: an outage or production incident"),
    ("outage", "#d1462f", "Source: an outage or production incident"),
    ("breaking change", "#b5541c", "Source: an unplanned breaking or impactful change"),
    ("breaking-change", "#b5541c", "Source: an unplanned breaking or impactful change"),
    ("customer-enhancement", "#5b7083", "Not a Platform Escalation: a client's enhancement request"),
    ("STAR", "#5b7083", "Not a Platform Escalation: a support ticket that needs special attention"),
    ("account-escalation", "#5b7083", "Not a Platform Escalation: an Account Escalation"),
    ("support-request", "#5b7083", "Not a Platform Escalation: support needs another department"),
    ("planned-change", "#5b7083", "Not a Platform Escalation: a change that was planned"),
    ("cross-functionality::yes", "#1f75cb", "Work for 4 or more teams or organizations: 2 points"),
    ("cross-functionality::no", "#a4c8ec", "Work contained to one section or team"),
    ("complexity::yes", "#1f75cb", "Unknown unknowns, or known complexities: 2 points"),
    ("complexity::no", "#a4c8ec", "Well understood"),
    ("financial-impact::yes", "#1f75cb", "A clear financial impact: 1 point"),
    ("financial-impact::no", "#a4c8ec", "No clear financial impact"),
    ("operational-impact::yes", "#1f75cb", "Systems, people or larger processes affected: 1 point"),
    ("operational-impact::no", "#a4c8ec", "Operations go on as usual"),
    ("customer-impact::yes", "#1f75cb", "Customers are or will be hurt: 1 point"),
    ("customer-impact::no", "#a4c8ec", "Customers will not notice"),
    ("platform-escalation", "#6b21a8", "Set by Escalator: 5 points or more"),
    ("platform-escalation-possible", "#a855f7", "Set by Escalator: 3 or 4 points"),
    ("escalation-decision::accepted", "#217645", "The TPM accepted this escalation"),
    ("escalation-decision::declined", "#7f8c8d", "The TPM declined this escalation"),
];

/// What people say on the incident before Escalator does.
const FIRST_NEWS: &str = "Payments, web and the data team are on it. Refunds are piling up.";

/// An issue of the demo.
struct Story {
    project: u64,
    iid: u64,
    title: &'static str,
    description: &'static str,
    kind: Kind,
    confidential: bool,
    labels: &'static [&'static str],
}

impl Sandbox {
    /// Fills an empty sandbox with the demo's people, projects and labels. It has no webhook yet: who listens adds one.
    pub fn seed_demo(&self) -> Demo {
        let shop = self.project_with_id(80_222_147, "acme/shop");
        let platform = self.project("acme/platform");
        let person = self.named_user("riley", "Riley Reporter");
        let tpm = self.named_user("taylor", "Taylor TPM");
        let bot = self.bot("escalator-bot");
        self.member(person, "acme", access::REPORTER);
        self.member(tpm, "acme", access::MAINTAINER);
        self.member(bot, "acme", access::REPORTER);
        let bot_token = self.token(bot, &["api"]);
        for (title, color, description) in LABELS {
            self.coloured_label("acme", title, color, Some(description));
        }
        let demo = Demo { person, tpm, bot, bot_token, shop, platform };
        self.shared.change(|world| world.demo = Some(demo.clone()));
        demo
    }

    /// Files the demo's issues, as people do all day: whoever listens already hears of each.
    pub fn file_demo_issues(&self, demo: &Demo) {
        for story in stories(demo.shop, demo.platform) {
            self.tell(demo.person, &story);
        }
        // Taylor is a Maintainer of the group, so neither can be refused.
        let taylor = self.by(demo.tpm);
        let _noted = taylor.note(IssueId { project_id: demo.shop, iid: 6 }, FIRST_NEWS);
        let _sorted_out = taylor.add_labels(IssueId { project_id: demo.shop, iid: 5 }, ["planned-change"]);
    }

    fn tell(&self, author: UserId, story: &Story) {
        let mut issue = self
            .issue(story.project)
            .by(author)
            .iid(story.iid)
            .kind(story.kind)
            .title(story.title)
            .description(story.description)
            .labels(story.labels.iter().copied());
        if story.confidential {
            issue = issue.confidential();
        }
        issue.create();
    }
}

fn stories(shop: u64, platform: u64) -> Vec<Story> {
    let mut stories = stories_of_shop(shop);
    stories.extend(stories_of_platform(platform));
    stories
}

/// A story to fill in.
const PLAIN: Story = Story {
    project: 0,
    iid: 0,
    title: "",
    description: "",
    kind: Kind::Issue,
    confidential: false,
    labels: &[],
};

fn stories_of_shop(project: u64) -> Vec<Story> {
    let plain = Story { project, ..PLAIN };
    vec![
        Story {
            iid: 3,
            title: "Remember the size filter between visits",
            description: "Shoppers set it again on every visit.",
            ..plain
        },
        Story {
            iid: 4,
            title: "Large customer waits for an answer about invoices",
            description: "Support asked for special attention.",
            labels: &["STAR", "outage", "customer-impact::yes"],
            ..plain
        },
        Story {
            iid: 5,
            title: "Cart API v1 is switched off in March",
            description: "Announced two releases ago; partners have moved.",
            labels: &["breaking change", "customer-impact::yes"],
            ..plain
        },
        Story {
            iid: 6,
            title: "Checkout fails for one in five customers",
            description: "Since 09:40 UTC the payment step times out for about 20 % of carts.",
            kind: Kind::Incident,
            ..plain
        },
    ]
}

fn stories_of_platform(project: u64) -> Vec<Story> {
    let plain = Story { project, ..PLAIN };
    vec![
        Story {
            iid: 11,
            title: "Access key of the build cache was public for a day",
            description: "Rotated. What was read meanwhile is being looked into.",
            confidential: true,
            labels: &["SIRT", "operational-impact::yes"],
            ..plain
        },
        Story {
            iid: 12,
            title: "Runner upgrade breaks every pipeline that uses the old cache format",
            description: "Nobody knew that the format had changed.",
            labels: &[
                "breaking-change",
                "cross-functionality::yes",
                "complexity::yes",
                "financial-impact::no",
                "operational-impact::yes",
                "customer-impact::yes",
            ],
            ..plain
        },
        Story {
            iid: 13,
            title: "Login page unreachable from two regions",
            description: "DNS of one provider. Failing over by hand.",
            kind: Kind::Incident,
            labels: &["complexity::no", "customer-impact::yes"],
            ..plain
        },
    ]
}
