//! GitLab's timestamps.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::calculator::issue::Moment;

/// Reads the three spellings GitLab uses: `2023-05-25 17:12:06 UTC` up to 18.x, `2026-05-28T06:10:42.876Z` from 19.0
/// and in the API, and an offset instead of the `Z` where an instance has a time zone.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let iso = match text.strip_suffix(" UTC") {
        Some(without_zone) => format!("{}Z", without_zone.replacen(' ', "T", 1)),
        None => text.to_owned(),
    };
    iso.parse::<Timestamp>().ok().map(|timestamp| Moment(timestamp.as_millisecond()))
}

/// Writes a moment as the API takes it.
pub(super) fn iso(moment: Moment) -> String {
    // GitLab's own times are far from the ends of what can be written; what is not stands for the beginning of time.
    Timestamp::from_millisecond(moment.0).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Reads the `Date` header of an answer, which knows no fractions of a second.
pub(super) fn http_date(text: &str) -> Option<Moment> {
    let timestamp = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Moment(timestamp.as_millisecond()))
}

/// Reads a plain date, `2026-05-28`, as the moment at which it begins in UTC: that is when a token of this date ends.
pub(super) fn day(text: &str) -> Option<Moment> {
    let start = text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(Moment(start.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_gitlab_is_read() {
        let expected = Some(Moment(1_779_948_642_000));
        for text in [
            "2026-05-28 06:10:42 UTC",
            "2026-05-28T06:10:42Z",
            "2026-05-28T06:10:42.000Z",
            "2026-05-28T08:10:42.000+02:00",
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
        assert_eq!(moment("yesterday"), None);
        assert_eq!(moment(""), None);
    }

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in ["2026-05-28T06:10:42.876Z", "2026-05-28T06:10:42Z"] {
            assert_eq!(iso(moment(text).unwrap()), text);
        }
    }

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(day("2026-05-28").map(iso).as_deref(), Some("2026-05-28T00:00:00Z"));
        assert_eq!(day("never"), None);
    }

    #[test]
    fn the_date_header_is_read() {
        assert_eq!(http_date("Thu, 28 May 2026 06:10:42 GMT"), Some(Moment(1_779_948_642_000)));
        assert_eq!(http_date("today"), None);
    }
}
