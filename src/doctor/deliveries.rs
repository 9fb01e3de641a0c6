//! Test deliveries: GitLab sends one of each webhook, and its own log tells how it was answered.
//!
//! The only thing that the doctor sets going. What is delivered is an issue as it is, and is looked at like any other.

use std::time::{Duration, Instant};

use super::Surgery;
use super::finding::{Check, Finding};
use super::hook_search::Placed;
use super::hooks::{subject, what_to_do};
use crate::gitlab::{Delivered, Error, Hook, Place};

/// GitLab allows no more test deliveries a minute.
const QUOTA: usize = 5;
const QUOTA_IS_USED: &str = "quota: GitLab allows 5 test deliveries a minute; run this again later";
const EVENT: &str = "issues_events";
/// GitLab itself waits 10 s for an answer, and writes its log a little later.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Surgery<'_> {
    /// A test delivery of each webhook, as far as GitLab allows.
    pub(super) async fn deliveries(&self, hooks: &[Placed]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (place, hook) in hooks.iter().take(QUOTA) {
            self.tell(place, "test delivery");
            let delivered = self.deliver(place, hook).await;
            findings.push(judge(&subject(place, hook), delivered));
        }
        for (place, hook) in hooks.iter().skip(QUOTA) {
            findings.push(Finding::skipped(Check::WebhookDelivery, subject(place, hook), QUOTA_IS_USED));
        }
        findings
    }

    /// How a test delivery was answered; `None` if GitLab's log does not tell in time.
    async fn deliver(&self, place: &Place, hook: &Hook) -> Result<Option<Delivered>, Error> {
        let before = self.gitlab.newest_delivery(place, hook.id).await?.map(|delivered| delivered.id);
        let asked = self.gitlab.test_hook(place, hook.id, EVENT).await;
        // GitLab may reject for the answer's sake, which its log then shows.
        if let Err(error) = &asked
            && !matches!(error, Error::Rejected { .. })
        {
            return Err(error.clone());
        }
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let newest = self.gitlab.newest_delivery(place, hook.id).await?;
            if let Some(delivered) = newest.filter(|newest| Some(newest.id) != before) {
                return Ok(Some(delivered));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        asked.map(|()| None)
    }
}

fn judge(subject: &str, delivered: Result<Option<Delivered>, Error>) -> Finding {
    match delivered {
        Ok(Some(delivered)) if delivered.status.starts_with('2') => Finding::ok(
            Check::WebhookDelivery,
            subject,
            format!("a test delivery was answered {}", delivered.status),
        ),
        Ok(Some(delivered)) => Finding::fail(
            Check::WebhookDelivery,
            subject,
            format!("a test delivery's answer: {}", delivered.status),
            what_to_do(&delivered.status),
        ),
        Ok(None) => Finding::fail(
            Check::WebhookDelivery,
            subject,
            format!("a test delivery is not in GitLab's log after {} s", PATIENCE.as_secs()),
            "see whether GitLab's Sidekiq keeps up, then run this again",
        ),
        Err(Error::NotFound) => {
            Finding::skipped(Check::WebhookDelivery, subject, "this GitLab has no test deliveries with a log")
        }
        Err(Error::Throttled { .. }) => Finding::skipped(Check::WebhookDelivery, subject, QUOTA_IS_USED),
        Err(error @ Error::Rejected { .. }) => Finding::warn(
            Check::WebhookDelivery,
            subject,
            format!("GitLab made no test delivery: {error}"),
            "it takes an issue to send: make one there, then run this again",
        ),
        Err(error) => Finding::skipped(Check::WebhookDelivery, subject, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    #[test]
    fn only_an_answer_of_success_is_well() {
        let answered =
            |status: &str| judge("", Ok(Some(Delivered { id: 1, status: status.to_owned() }))).state;
        assert_eq!(["200", "202"].map(answered), [State::Ok; 2]);
        assert_eq!(["302", "401", "503", "internal error"].map(answered), [State::Fail; 4]);
        assert_eq!(judge("", Ok(None)).state, State::Fail);
    }

    #[test]
    fn where_nothing_could_be_sent_nothing_is_said_of_the_webhook() {
        let nothing_to_send = Error::Rejected { reason: "422".to_owned() };
        assert_eq!(judge("", Err(nothing_to_send)).state, State::Warn);
        assert_eq!(judge("", Err(Error::NotFound)).state, State::Skipped);
    }
}
