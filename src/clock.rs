//! The one place that asks what time it is, so that everything inside can be told the time instead.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Milliseconds since the Unix epoch, UTC: the one form in which time travels through Escalator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl std::fmt::Display for Millis {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(formatter, "{}", time.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Err(_) => formatter.write_str("an unknown time"),
        }
    }
}

/// The time now, by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the edge where time comes in")]
#[must_use]
pub fn now() -> Millis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
