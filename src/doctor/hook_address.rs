//! Addresses of webhooks, which may hold credentials: user, password and query are neither compared nor shown.

use reqwest::Url;

/// Whether a webhook's address is ours, however it is spelled.
pub(super) fn leads_to(url: &str, ours: &str) -> bool {
    match (bare(url), bare(ours)) {
        (Some(url), Some(ours)) => url == ours,
        (_, _) => false,
    }
}

/// An address without what may be secret in it.
pub(super) fn shown(url: &str) -> String {
    bare(url).map_or_else(|| "an address that cannot be read".to_owned(), |url| url.to_string())
}

fn bare(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    // Both fail only for addresses that can have no user, which then have none.
    let _no_user = url.set_username("");
    let _no_password = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_neither_compared_nor_shown() {
        let url = "https://user:canary@Escalator.example.com:443/webhooks/gitlab?key=canary#canary";
        assert_eq!(shown(url), "https://escalator.example.com/webhooks/gitlab");
        assert!(leads_to(url, "https://escalator.example.com/webhooks/gitlab"));
        assert!(!leads_to(url, "http://escalator.example.com/webhooks/gitlab"));
        assert_eq!(shown("canary"), "an address that cannot be read");
    }
}
