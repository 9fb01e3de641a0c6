//! GitLab's timestamps.

use jiff::Timestamp;

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
}
