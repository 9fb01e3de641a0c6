//! The doctor: whether everything that Escalator needs is as it should be, and what to do where it is not.
//!
//! Reads and judges. Never writes, neither to GitLab nor to the store, so it is safe at any time and beside a running
//! service; on request it has GitLab send test deliveries. The files here are one area each; most are functions from what was read to findings.

pub mod finding;

mod configuration;
mod deliveries;
mod hook_address;
mod hook_search;
mod hooks;
mod instance;
mod labels;
mod places;
mod roles;
mod storage;
mod token;

use crate::calculator::policy::Policy;
use crate::clock::{self, Millis};
use crate::config::problem::Problems;
use crate::config::settings::Webhook;
use crate::config::{GitLabAccess, Loaded};
use crate::gitlab::{Account, Client, Error, Instance, Place};
use finding::{Check, Finding};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Look only.
    Look,
    /// Have GitLab send test deliveries, too.
    Deliver,
}

/// Examines everything, in the order in which one thing needs the other. What cannot be looked at for want of something
/// before is skipped, so that one cause is one failure.
pub async fn examine(loaded: &Result<Loaded, Problems>, visit: Visit, tell: &dyn Fn(&str)) -> Vec<Finding> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            let because = "the configuration cannot be read";
            let mut findings = configuration::mistakes(problems);
            findings.extend(storage::skipped(because));
            findings.extend(gitlab_skipped("GitLab", because));
            return findings;
        }
    };
    let mut findings = configuration::findings(loaded);
    findings.extend(storage::look(loaded).await);
    findings.extend(match loaded.gitlab() {
        Ok(access) => examine_gitlab(loaded, &access, visit, tell).await,
        Err(_) => gitlab_skipped("GitLab", "its address or the access token is not configured"),
    });
    findings
}

async fn examine_gitlab(
    loaded: &Loaded,
    access: &GitLabAccess,
    visit: Visit,
    tell: &dyn Fn(&str),
) -> Vec<Finding> {
    tell("GitLab");
    let url = access.url.as_str();
    let asked_at = clock::now();
    let met = match Client::new(access) {
        Ok(client) => client.account().await.map(|account| (client, account)),
        Err(error) => Err(error),
    };
    let (client, account) = match met {
        Ok(met) => met,
        Err(error) => return unmet(url, &error),
    };
    let middle = Millis(asked_at.0.midpoint(clock::now().0));
    let mut findings = vec![
        Finding::ok(Check::Gitlab, url, "it answers"),
        instance::clock(url, account.answered_at.map(|moment| Millis(moment.0)), middle),
        Finding::ok(
            Check::Token,
            "access token",
            format!("GitLab accepts it; it is @{}'s", account.username),
        ),
    ];
    findings.extend(token::findings(&client.token_facts().await, loaded.settings.mode, clock::now()));
    match client.instance().await {
        Ok(gitlab) => {
            findings.push(instance::version(url, &gitlab));
            let surgery = Surgery {
                gitlab: client,
                instance: gitlab,
                account,
                policy: &loaded.policy,
                webhook: &loaded.settings.webhook,
                visit,
                tell,
            };
            findings.extend(surgery.places(watched(loaded)).await);
        }
        Err(error) => findings.push(instance::unreachable(url, &error)),
    }
    findings
}

/// GitLab does not answer, or not to this token.
fn unmet(url: &str, error: &Error) -> Vec<Finding> {
    if *error != Error::Unauthorized {
        let mut findings = vec![instance::unreachable(url, error)];
        findings.extend(gitlab_skipped(url, "GitLab cannot be asked").into_iter().skip(1));
        return findings;
    }
    let because = "GitLab does not accept the access token";
    let mut findings = vec![Finding::ok(Check::Gitlab, url, "it answers"), token::refused(error)];
    findings.extend(
        gitlab_skipped(url, because)
            .into_iter()
            .filter(|finding| !matches!(finding.check, Check::Gitlab | Check::Token)),
    );
    findings
}

/// What stands for all that needs GitLab; the question whether it answers comes first.
fn gitlab_skipped(url: &str, because: &str) -> Vec<Finding> {
    let of_gitlab = [Check::Gitlab, Check::Clock, Check::Version];
    let mut findings: Vec<_> = of_gitlab.map(|check| Finding::skipped(check, url, because)).into();
    findings.push(Finding::skipped(Check::Token, "access token", because));
    findings.extend(token::skipped(because));
    findings.push(Finding::skipped(Check::Visible, "watched groups and projects", because));
    findings
}

fn watched(loaded: &Loaded) -> Vec<Place> {
    let gitlab = &loaded.settings.gitlab;
    let groups = gitlab.groups.iter().cloned().map(Place::Group);
    places::distinct(groups.chain(gitlab.projects.iter().cloned().map(Place::Project)).collect())
}

/// What is at hand to look at places with.
struct Surgery<'a> {
    gitlab: Client,
    instance: Instance,
    account: Account,
    policy: &'a Policy,
    webhook: &'a Webhook,
    visit: Visit,
    tell: &'a dyn Fn(&str),
}

impl Surgery<'_> {
    async fn places(&self, places: Vec<Place>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = Vec::new();
        for place in places {
            match self.place(&place).await {
                Ok((of_place, projects)) => {
                    findings.extend(of_place);
                    seen.push((place, projects));
                }
                Err(error) => findings.extend(places::unseen(&place, &error)),
            }
        }
        findings.extend(self.webhooks(&seen).await);
        findings
    }

    /// Says to whoever watches what is being read.
    fn tell(&self, place: &Place, what: &str) {
        (self.tell)(&format!("{place}: {what}"));
    }
}
