//! A webhook that leads here: its events, its certificate check, its proof, and whether GitLab still calls it.

use jiff::Timestamp;

use super::finding::{Check, Finding};
use super::hook_search::Search;
use super::{Surgery, Visit};
use crate::calculator::issue::Moment;
use crate::clock;
use crate::config::settings::Webhook;
use crate::gitlab::{AlertStatus, Error, FailedDelivery, Hook, Instance, Place, Project};

/// What Escalator must hear of.
const ISSUES: &str = "issues_events";
const CONFIDENTIAL_ISSUES: &str = "confidential_issues_events";
const EVENTS: [&str; 4] = [ISSUES, CONFIDENTIAL_ISSUES, "note_events", "confidential_note_events"];
/// GitLab signs since then.
const SIGNS_SINCE: (u32, u32) = (19, 0);
const RECENT_MILLIS: i64 = 24 * 60 * 60 * 1000;

impl Surgery<'_> {
    /// The webhooks of everything that is watched, each looked at once.
    pub(super) async fn webhooks(&self, watched: &[(Place, Vec<Project>)]) -> Vec<Finding> {
        let Some(url) = &self.webhook.url else {
            let skipped = |(place, _): &(Place, _)| {
                Finding::skipped(Check::Webhook, place.to_string(), "webhook.url is not set")
            };
            return watched.iter().map(skipped).collect();
        };
        let mut search = Search::new(self, url);
        let mut findings = Vec::new();
        for (place, projects) in watched {
            findings.push(search.cover(place, projects).await);
        }
        for (place, hook) in &search.found {
            let subject = subject(place, hook);
            findings.extend([
                events(&subject, hook),
                certificate(&subject, hook),
                proof(&subject, hook, self.webhook, &self.instance),
                alert(&subject, hook),
            ]);
            let since = Moment(clock::now().0 - RECENT_MILLIS);
            findings.push(failures(&subject, &self.gitlab.failed_events(place, hook.id, since).await));
        }
        if self.visit == Visit::Deliver {
            findings.extend(self.deliveries(&search.found).await);
        }
        findings
    }
}

/// What a webhook is called in findings.
pub(super) fn subject(place: &Place, hook: &Hook) -> String {
    format!("webhook {} of {place}", hook.id)
}

fn events(subject: &str, hook: &Hook) -> Finding {
    let off: Vec<&str> = EVENTS.into_iter().filter(|event| !hook.events.contains(*event)).collect();
    if off.is_empty() {
        return Finding::ok(Check::WebhookEvents, subject, "issues and notes, confidential ones too");
    }
    let mut found = format!("switched off: {}", off.join(", "));
    if off.contains(&CONFIDENTIAL_ISSUES) {
        found.push_str("; SIRT issues never arrive");
    }
    let remedy = "switch them on in the webhook's settings under Trigger, or run `escalator setup`";
    if off.contains(&ISSUES) || off.contains(&CONFIDENTIAL_ISSUES) {
        return Finding::fail(Check::WebhookEvents, subject, found, remedy);
    }
    Finding::warn(Check::WebhookEvents, subject, found, remedy)
}

fn certificate(subject: &str, hook: &Hook) -> Finding {
    if hook.ssl_verification {
        return Finding::ok(Check::WebhookTls, subject, "GitLab checks the certificate");
    }
    Finding::warn(
        Check::WebhookTls,
        subject,
        "GitLab does not check the certificate, so what it sends can be read and answered by others",
        "switch on SSL verification in the webhook's settings, or run `escalator setup`",
    )
}

/// Judges as the door of the service does.
fn proof(subject: &str, hook: &Hook, webhook: &Webhook, instance: &Instance) -> Finding {
    let signing = !webhook.signing_tokens.is_empty() || webhook.signing_tokens_file.is_some();
    let secrets = !webhook.secret_tokens.is_empty() || webhook.secret_tokens_file.is_some();
    let signed = hook.signing_token_present == Some(true);
    if signing && signed {
        return Finding::ok(Check::WebhookProof, subject, "its deliveries are signed");
    }
    if signing && !webhook.allow_plain_token {
        return Finding::fail(
            Check::WebhookProof,
            subject,
            "it has no signing token, and bare secret tokens are not accepted here, so all deliveries are refused",
            "give it a signing token of webhook.signing_tokens, or set webhook.allow_plain_token for the time of a \
             migration",
        );
    }
    if hook.token_present == Some(false) || !secrets {
        return Finding::fail(
            Check::WebhookProof,
            subject,
            "it has no token that is configured here, so all deliveries are refused",
            "give it a token of webhook.signing_tokens or webhook.secret_tokens, or run `escalator setup`",
        );
    }
    let found = "its deliveries carry a bare secret token";
    if instance.major_and_minor().is_some_and(|version| version >= SIGNS_SINCE) {
        return Finding::warn(
            Check::WebhookProof,
            subject,
            format!("{found}, which proves less than a signature"),
            "set webhook.signing_tokens_file, and give the webhook that signing token",
        );
    }
    Finding::ok(Check::WebhookProof, subject, format!("{found}; this GitLab cannot sign"))
}

fn alert(subject: &str, hook: &Hook) -> Finding {
    let until = || hook.disabled_until.and_then(|until| Timestamp::from_millisecond(until.0).ok());
    let found = match hook.alert_status {
        AlertStatus::Executable => return Finding::ok(Check::WebhookEnabled, subject, "GitLab calls it"),
        AlertStatus::Unknown => {
            return Finding::skipped(Check::WebhookEnabled, subject, "this GitLab does not tell");
        }
        AlertStatus::TemporarilyDisabled => match until() {
            Some(until) => format!("GitLab has switched it off until {until} after failures"),
            None => "GitLab has switched it off for a while after failures".to_owned(),
        },
        AlertStatus::Disabled => "GitLab has switched it off for good after failures".to_owned(),
    };
    Finding::fail(
        Check::WebhookEnabled,
        subject,
        format!("{found}; what happens meanwhile is never sent"),
        "find out under Recent events of the webhook why it failed and mend that first; then a test request that \
         succeeds, by Test > Issues events, switches it on again",
    )
}

fn failures(subject: &str, failed: &Result<Vec<FailedDelivery>, Error>) -> Finding {
    match failed {
        Ok(failed) => match failed.first() {
            None => Finding::ok(Check::WebhookFailures, subject, "no delivery failed in the last 24 hours"),
            Some(newest) => Finding::warn(
                Check::WebhookFailures,
                subject,
                format!(
                    "deliveries that failed in the last 24 hours: {}; the newest one's answer: {}",
                    failed.len(),
                    newest.status
                ),
                what_to_do(&newest.status),
            ),
        },
        Err(Error::NotFound) => {
            Finding::skipped(Check::WebhookFailures, subject, "GitLab shows no log of deliveries before 17.3")
        }
        Err(error) => Finding::skipped(Check::WebhookFailures, subject, &error.to_string()),
    }
}

/// What to do about an answer that GitLab got.
pub(super) fn what_to_do(status: &str) -> &'static str {
    match status {
        "401" => {
            "give the webhook a token that is configured in webhook.signing_tokens or webhook.secret_tokens"
        }
        "404" | "405" => "see that webhook.url leads to Escalator, proxies between included",
        "413" => "raise webhook.max_body, or the limit of the proxy before Escalator",
        "429" | "500" | "502" | "503" | "504" => {
            "see the log and /readyz of `escalator serve`, and its store"
        }
        _ => {
            "see that `escalator serve` runs, that GitLab reaches webhook.url, and that GitLab's settings for outbound \
             requests allow its address"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    fn hook() -> Hook {
        Hook {
            id: 1,
            url: String::new(),
            name: None,
            events: EVENTS.map(str::to_owned).into(),
            ssl_verification: true,
            token_present: None,
            signing_token_present: None,
            alert_status: AlertStatus::Unknown,
            disabled_until: None,
        }
    }

    #[test]
    fn an_unchecked_certificate_is_a_warning() {
        assert_eq!(certificate("", &hook()).state, State::Ok);
        assert_eq!(certificate("", &Hook { ssl_verification: false, ..hook() }).state, State::Warn);
    }

    #[test]
    fn events_of_notes_weigh_less_than_those_of_issues() {
        let without = |event: &str| {
            let mut hook = hook();
            hook.events.remove(event);
            events("", &hook).state
        };
        assert_eq!(EVENTS.map(without), [State::Fail, State::Fail, State::Warn, State::Warn]);
    }

    #[test]
    fn a_gitlab_that_does_not_tell_is_not_blamed() {
        assert_eq!(alert("", &hook()).state, State::Skipped);
        assert_eq!(failures("", &Err(Error::NotFound)).state, State::Skipped);
    }
}
