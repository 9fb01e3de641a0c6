//! The whole retry policy: one function from a failure to what happens next.

use std::time::Duration;

use super::gate::{Pause, PauseReason};
use crate::{comment, gitlab, store};

/// How long to pause when GitLab throttles without saying for how long: its notes and issues limits are per minute.
const BLIND_PAUSE: Duration = Duration::from_secs(60);
/// GitLab counts in windows, and one that ends now may say 0 seconds.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// How often to try whether a refused access token, or a GitLab that could not be used, works again.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);
/// How often to try whether writing may go on. It costs the reads of one issue, and somebody has just lifted the stop.
const STOP_PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Why an issue could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// GitLab did not do what was asked.
    #[error(transparent)]
    GitLab(#[from] gitlab::Error),
    /// The store did not.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The comment's template failed.
    #[error(transparent)]
    Comment(#[from] comment::Error),
    /// It did not end.
    #[error("looking at it took too long")]
    TookTooLong,
    /// Another replica may have taken it over.
    #[error("it is not ours any more")]
    LeaseLost,
    /// It was claimed again and again and never finished: perhaps it brings the process down.
    #[error("it was tried too often without ever finishing")]
    TooManyAttempts,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This issue again, after a while.
    Retry(Duration),
    /// Nothing in GitLab for a while, then this issue again; the attempt does not count.
    PauseAll(Pause),
    /// Nothing until somebody acts.
    Park,
    /// Forget it.
    Drop,
    /// Nothing: it is somebody else's now.
    Leave,
}

impl Next {
    /// One word for it, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry(_) => "retry",
            Self::PauseAll(_) => "pause",
            Self::Park => "park",
            Self::Drop => "drop",
            Self::Leave => "leave",
        }
    }
}

/// How retries are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After so many attempts an issue is parked.
    pub max_attempts: u32,
    /// The wait after the first failure.
    pub base: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl RetryPolicy {
    /// Doubles with each attempt up to the longest, then takes a random half off, so that issues which failed
    /// together do not come back together.
    #[must_use]
    pub fn backoff(&self, attempts: u32) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        doubled.min(self.max).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Every failure of a look ends here, so this is the whole retry policy.
#[must_use]
pub fn after_failure(failure: &Failure, attempts: u32, policy: &RetryPolicy) -> Next {
    use gitlab::Error as GitLab;
    // A 503 may ask for an hour, of one issue of many; the others find out sooner whether GitLab is back.
    let again = |at_least: Option<Duration>| {
        if attempts < policy.max_attempts {
            Next::Retry(policy.backoff(attempts).max(at_least.unwrap_or_default().min(policy.max)))
        } else {
            Next::Park
        }
    };
    match failure {
        Failure::GitLab(GitLab::Throttled { retry_after }) => {
            let length = retry_after.map_or(BLIND_PAUSE, |pause| pause.max(SHORTEST_PAUSE));
            Next::PauseAll(Pause { reason: PauseReason::Throttled, length })
        }
        Failure::GitLab(GitLab::Unauthorized | GitLab::Unusable { .. }) => {
            Next::PauseAll(Pause { reason: PauseReason::Unauthorized, length: PROBE_INTERVAL })
        }
        Failure::GitLab(GitLab::Unavailable { retry_after, .. }) => again(*retry_after),
        Failure::GitLab(GitLab::Refused { .. } | GitLab::Rejected { .. }) => Next::Park,
        Failure::GitLab(GitLab::NotFound) => Next::Drop,
        Failure::Store(store::Error::Unavailable(_)) | Failure::TookTooLong => again(None),
        Failure::Store(store::Error::Stopped(stop)) => match stop.issue {
            None => Next::PauseAll(Pause { reason: PauseReason::Stopped, length: STOP_PROBE_INTERVAL }),
            Some(_) => Next::Park,
        },
        Failure::LeaseLost => Next::Leave,
        Failure::Store(store::Error::Corrupt(_)) | Failure::Comment(_) | Failure::TooManyAttempts => {
            Next::Park
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calculator::issue::IssueRef;
    use crate::clock::Millis;

    const POLICY: RetryPolicy =
        RetryPolicy { max_attempts: 3, base: Duration::from_secs(1), max: Duration::from_secs(10) };

    fn unavailable(retry_after: Option<Duration>) -> Failure {
        gitlab::Error::Unavailable { reason: String::new(), retry_after }.into()
    }

    #[test]
    fn throttling_pauses_everything_for_as_long_as_gitlab_says_or_a_minute() {
        let throttled = |retry_after| gitlab::Error::Throttled { retry_after }.into();
        let pause = |seconds| {
            let length = Duration::from_secs(seconds);
            Next::PauseAll(Pause { reason: PauseReason::Throttled, length })
        };
        assert_eq!(after_failure(&throttled(Some(Duration::from_secs(7))), 1, &POLICY), pause(7));
        assert_eq!(after_failure(&throttled(None), 99, &POLICY), pause(60));
        assert_eq!(after_failure(&throttled(Some(Duration::ZERO)), 1, &POLICY), pause(1));
    }

    #[test]
    fn an_unavailable_gitlab_is_tried_again_until_the_attempts_are_used_up() {
        assert!(matches!(after_failure(&unavailable(None), 2, &POLICY), Next::Retry(_)));
        assert_eq!(after_failure(&unavailable(None), 3, &POLICY), Next::Park);
    }

    #[test]
    fn an_unavailable_gitlab_is_waited_for_as_it_says_but_not_longer_than_the_longest_wait() {
        let retried_after = |seconds| {
            let asked = Some(Duration::from_secs(seconds));
            after_failure(&unavailable(asked), 1, &POLICY)
        };
        assert_eq!(retried_after(7), Next::Retry(Duration::from_secs(7)));
        assert_eq!(retried_after(3600), Next::Retry(POLICY.max));
    }

    #[test]
    fn what_is_about_all_issues_pauses_and_parks_none() {
        let length = PROBE_INTERVAL;
        let probe = Next::PauseAll(Pause { reason: PauseReason::Unauthorized, length });
        assert_eq!(after_failure(&gitlab::Error::Unauthorized.into(), 99, &POLICY), probe);
        let unusable = gitlab::Error::Unusable { reason: String::new() }.into();
        assert_eq!(after_failure(&unusable, 99, &POLICY), probe);
    }

    #[test]
    fn a_stop_of_everything_pauses_and_one_of_an_issue_parks_it() {
        let stopped = |issue| {
            let stop = store::Stop { issue, at: Millis(0), reason: store::StopReason::Undo };
            after_failure(&store::Error::Stopped(stop).into(), 99, &POLICY)
        };
        let probe = Pause { reason: PauseReason::Stopped, length: STOP_PROBE_INTERVAL };
        assert_eq!(stopped(None), Next::PauseAll(probe));
        assert_eq!(stopped(Some(IssueRef { project_id: 1, iid: 1 })), Next::Park);
    }

    #[test]
    fn what_needs_a_person_is_parked_and_what_is_gone_is_dropped() {
        let refused = gitlab::Error::Refused { reason: String::new() }.into();
        assert_eq!(after_failure(&refused, 1, &POLICY), Next::Park);
        assert_eq!(after_failure(&gitlab::Error::NotFound.into(), 1, &POLICY), Next::Drop);
        assert_eq!(after_failure(&Failure::LeaseLost, 99, &POLICY), Next::Leave);
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_never_shorter_than_half() {
        for attempts in 1..70 {
            let exact = Duration::from_secs(1_u64 << (attempts - 1).min(10)).min(POLICY.max);
            let wait = POLICY.backoff(attempts);
            assert!(wait >= exact / 2 && wait <= exact, "attempt {attempts}: {wait:?}");
        }
    }
}
