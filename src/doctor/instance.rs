//! GitLab itself: there, new enough, and of the same time as we.

use super::finding::{Check, Finding};
use crate::clock::Millis;
use crate::gitlab::{Error, Instance};

/// The oldest that Escalator is made for.
const OLDEST: (u32, u32) = (16, 0);
/// Signed deliveries further off than this are refused.
const TOLERATED_SKEW_MILLIS: u64 = 300_000;
/// More than the slowness of an answer explains.
const NOTABLE_SKEW_MILLIS: u64 = 30_000;

/// Whether its version will do.
pub(super) fn version(url: &str, instance: &Instance) -> Finding {
    let edition = if instance.enterprise { "Enterprise Edition" } else { "Community Edition" };
    let found = format!("GitLab {}, {edition}", instance.version);
    match instance.major_and_minor() {
        Some(version) if version < OLDEST => Finding::fail(
            Check::Version,
            url,
            found,
            "upgrade GitLab to 16.0 or later, the oldest that Escalator works with",
        ),
        Some(_) => Finding::ok(Check::Version, url, found),
        None => Finding::warn(
            Check::Version,
            url,
            format!("{found}, which is no version as GitLab writes them"),
            "check that gitlab.url is the address of a GitLab of 16.0 or later",
        ),
    }
}

/// Whether its clock agrees with ours; `ours` is the middle of the time that the answer took.
pub(super) fn clock(url: &str, theirs: Option<Millis>, ours: Millis) -> Finding {
    let Some(theirs) = theirs else {
        return Finding::skipped(Check::Clock, url, "GitLab's answers have no Date header");
    };
    let ahead = theirs.0 - ours.0;
    let found = format!(
        "GitLab's clock is {} s {} this machine's",
        ahead.unsigned_abs() / 1000,
        if ahead < 0 { "behind" } else { "ahead of" }
    );
    let remedy = "set both clocks by NTP, this machine's with `timedatectl set-ntp true`";
    match ahead.unsigned_abs() {
        skew if skew >= TOLERATED_SKEW_MILLIS => Finding::fail(
            Check::Clock,
            url,
            format!("{found}; signed deliveries are refused beyond 300 s"),
            remedy,
        ),
        skew if skew >= NOTABLE_SKEW_MILLIS => Finding::warn(Check::Clock, url, found, remedy),
        _ => Finding::ok(Check::Clock, url, "GitLab's clock and this machine's agree"),
    }
}

/// What to do about a GitLab that does not answer as it should.
pub(super) fn unreachable(url: &str, error: &Error) -> Finding {
    let remedy = match error {
        Error::Throttled { .. } => {
            "wait a minute and try again; lower gitlab.requests_per_second if it stays so"
        }
        Error::Unusable { .. } => {
            "check gitlab.url and the access token's scope, and what is between here and GitLab"
        }
        Error::Unavailable { .. }
        | Error::Unauthorized
        | Error::Refused { .. }
        | Error::NotFound
        | Error::Rejected { .. } => "check gitlab.url, the network and GitLab itself, then run this again",
    };
    Finding::fail(Check::Gitlab, url, error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    fn version_of(text: &str) -> State {
        version("", &Instance { version: text.to_owned(), enterprise: false }).state
    }

    #[test]
    fn versions_before_16_will_not_do() {
        assert_eq!(version_of("15.11.13-ee"), State::Fail);
        assert_eq!(version_of("16.0.0"), State::Ok);
        assert_eq!(version_of("nonsense"), State::Warn);
    }

    #[test]
    fn clocks_may_differ_by_what_answers_take_and_no_further_than_signatures_allow() {
        let skewed = |by: i64| clock("", Some(Millis(1_000_000 + by)), Millis(1_000_000)).state;
        assert_eq!([skewed(0), skewed(-29_999), skewed(29_999)], [State::Ok; 3]);
        assert_eq!([skewed(-30_000), skewed(299_999)], [State::Warn; 2]);
        assert_eq!([skewed(-300_000), skewed(300_000)], [State::Fail; 2]);
        assert_eq!(clock("", None, Millis(0)).state, State::Skipped);
    }
}
