//! Paths in GitLab's address: where its API begins, and groups and projects as one segment.

/// Where GitLab's API begins, behind whatever address GitLab has.
pub(super) const API_ROOT: &str = "/api/v4";

/// `acme/shop` as `acme%2Fshop`, whatever a person wrote.
pub(super) fn segment(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_one_segment() {
        assert_eq!(segment("acme/sh op"), "acme%2Fsh%20op");
        assert_eq!(segment("a/../b?c#d"), "a%2F..%2Fb%3Fc%23d");
    }
}
