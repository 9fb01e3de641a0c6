//! The access token: accepted, allowed enough, and good for a while.

use super::finding::{Check, Finding};
use crate::clock::Millis;
use crate::config::settings::Mode;
use crate::gitlab::{Error, Expiry, TokenFacts};

const SUBJECT: &str = "access token";
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Time enough to replace it without haste.
const SOON_DAYS: i64 = 14;
/// GitLab's name of what Escalator needs, to write labels and comments.
const SCOPE: &str = "api";
/// The one that allows no writing.
const READ_SCOPE: &str = "read_api";

/// GitLab does not accept it.
pub(super) fn refused(error: &Error) -> Finding {
    let remedy = "make a new token with the scope api, and write it into gitlab.token_file";
    Finding::fail(Check::Token, SUBJECT, error.to_string(), remedy)
}

/// What it may do, and until when.
pub(super) fn findings(facts: &Result<TokenFacts, Error>, mode: Mode, now: Millis) -> Vec<Finding> {
    match facts {
        Ok(facts) => vec![scopes(&facts.scopes, mode), expiry(facts.expiry, now)],
        Err(error) => skipped(&format!("GitLab does not tell of this token: {error}")),
    }
}

/// What stands for both where they were not looked at.
pub(super) fn skipped(because: &str) -> Vec<Finding> {
    [Check::Scopes, Check::Expiry].map(|check| Finding::skipped(check, SUBJECT, because)).into()
}

fn scopes(scopes: &[String], mode: Mode) -> Finding {
    let has = |name: &str| scopes.iter().any(|scope| scope == name);
    if has(SCOPE) {
        return Finding::ok(Check::Scopes, SUBJECT, "it has the scope api");
    }
    match mode {
        Mode::DryRun | Mode::Shadow if has(READ_SCOPE) => {
            let found = format!("it has the scope read_api, enough for mode {}", mode.name());
            return Finding::ok(Check::Scopes, SUBJECT, found);
        }
        Mode::Live | Mode::DryRun | Mode::Shadow => {}
    }
    Finding::fail(
        Check::Scopes,
        SUBJECT,
        format!("it has not the scope api, but: {}", scopes.join(", ")),
        "make a new token with the scope api, without which it cannot label and comment, and write it into \
         gitlab.token_file",
    )
}

fn expiry(expiry: Expiry, now: Millis) -> Finding {
    let Expiry::At(end) = expiry else {
        return Finding::ok(Check::Expiry, SUBJECT, "it does not end by itself");
    };
    let left = (end.0 - now.0).div_euclid(DAY_MILLIS);
    let found = format!("whole days that it is still good: {left}");
    let remedy = "make or rotate to a new token before then, and write it into gitlab.token_file; no restart is needed";
    match left {
        ..0 => Finding::fail(Check::Expiry, SUBJECT, "it has ended", remedy),
        0..SOON_DAYS => Finding::warn(Check::Expiry, SUBJECT, found, remedy),
        SOON_DAYS.. => Finding::ok(Check::Expiry, SUBJECT, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calculator::issue::Moment;
    use crate::doctor::finding::State;

    #[test]
    fn two_weeks_before_its_end_it_is_time_to_replace_it() {
        let ending = |millis: i64| expiry(Expiry::At(Moment(millis)), Millis(0)).state;
        assert_eq!(ending(-1), State::Fail);
        assert_eq!([ending(0), ending(14 * DAY_MILLIS - 1)], [State::Warn; 2]);
        assert_eq!(ending(14 * DAY_MILLIS), State::Ok);
        assert_eq!(expiry(Expiry::Never, Millis(0)).state, State::Ok);
    }
}
