//! Secrets on their way in: from the file or its `…_file` twin, checked, and never repeated in a message.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::problem::Problem;
use super::settings::{GitLab, Webhook};
use super::values::Secret;

/// How a delivery can prove that GitLab sent it. At least one of the two lists is not empty.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Secret tokens, any of which is good.
    pub secret_tokens: Vec<Secret>,
    /// Signing keys, any of which is good.
    pub signing_keys: Vec<SigningKey>,
    /// Accept a bare secret token although signing keys exist.
    pub allow_plain_token: bool,
}

/// The raw key of a signing token.
#[derive(Clone)]
pub struct SigningKey(secrecy::SecretSlice<u8>);

impl SigningKey {
    /// The key of a token `whsec_…`: standard base64 of 24 to 64 bytes (GitLab makes 32).
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        let bytes = STANDARD.decode(token.strip_prefix("whsec_")?).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Self(secrecy::SecretSlice::from(bytes)))
    }

    /// The key itself, for computing a signature.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        secrecy::ExposeSecret::expose_secret(&self.0)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SigningKey(********)")
    }
}

/// Reads both kinds of webhook credentials; `None` if a problem was found.
pub(super) fn read(webhook: &Webhook, problems: &mut Vec<Problem>) -> Option<Credentials> {
    let before = problems.len();
    let secret_tokens = tokens(
        "webhook.secret_tokens",
        &webhook.secret_tokens,
        webhook.secret_tokens_file.as_deref(),
        problems,
    );
    let signing_tokens = tokens(
        "webhook.signing_tokens",
        &webhook.signing_tokens,
        webhook.signing_tokens_file.as_deref(),
        problems,
    );
    let signing_keys: Vec<_> =
        signing_tokens.iter().filter_map(|token| SigningKey::from_token(token.expose())).collect();
    if signing_keys.len() < signing_tokens.len() {
        problems.push(Problem::new(
            origin("webhook.signing_tokens", webhook.signing_tokens_file.as_deref()),
            "holds a token that is not \"whsec_\" and base64; copy it again from the webhook's page in GitLab",
        ));
    }
    if problems.len() == before && secret_tokens.is_empty() && signing_keys.is_empty() {
        problems.push(Problem::new(
            "webhook",
            "has no credential, so anybody could send deliveries; set webhook.signing_tokens_file \
             (GitLab 19.0 and later) or webhook.secret_tokens_file",
        ));
    }
    (problems.len() == before).then_some(Credentials {
        secret_tokens,
        signing_keys,
        allow_plain_token: webhook.allow_plain_token,
    })
}

/// The access token, from the setting or its file.
pub(super) fn access_token(gitlab: &GitLab, problems: &mut Vec<Problem>) -> Option<Secret> {
    let inline: Vec<Secret> = gitlab.token.clone().into_iter().collect();
    let before = problems.len();
    let found = tokens("gitlab.token", &inline, gitlab.token_file.as_deref(), problems);
    match found.as_slice() {
        [token] if is_access_token(token.expose()) => Some(token.clone()),
        [_] => {
            problems.push(Problem::new(
                origin("gitlab.token", gitlab.token_file.as_deref()),
                "holds a character that no access token has; copy it again from GitLab",
            ));
            None
        }
        [] if problems.len() == before => {
            problems.push(Problem::new(
                "gitlab.token_file",
                "is missing: a file with an access token of scope api; or set ESCALATOR__GITLAB__TOKEN",
            ));
            None
        }
        [] => None,
        [_, _, ..] => {
            problems.push(Problem::new("gitlab.token_file", "must hold one token, on one line"));
            None
        }
    }
}

/// The access token in a file's text, if it holds one and nothing else.
pub(super) fn only_access_token(text: &str) -> Option<Secret> {
    let mut lines = token_lines(text);
    match (lines.next(), lines.next()) {
        (Some(token), None) if is_access_token(token) => Some(Secret::new(token)),
        (_, _) => None,
    }
}

fn is_access_token(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The base address of GitLab, without a trailing slash.
pub(super) fn gitlab_url(url: Option<&str>, problems: &mut Vec<Problem>) -> Option<String> {
    let Some(url) = url else {
        problems.push(Problem::new(
            "gitlab.url",
            "is missing: the address of your GitLab, such as https://gitlab.example.com",
        ));
        return None;
    };
    let parsed = plain_http_url(url);
    if parsed.is_none() {
        problems.push(Problem::new(
            "gitlab.url",
            "must be an http or https address without user, password or query, such as https://gitlab.example.com",
        ));
    }
    parsed.map(|parsed| parsed.as_str().trim_end_matches('/').to_owned())
}

/// An http or https address without anything that could be a secret.
pub(super) fn plain_http_url(url: &str) -> Option<reqwest::Url> {
    reqwest::Url::parse(url).ok().filter(|parsed| {
        matches!(parsed.scheme(), "http" | "https")
            && parsed.has_host()
            && parsed.query().is_none()
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none()
    })
}

/// The key that a token came from.
fn origin(key: &str, file: Option<&Path>) -> String {
    if file.is_some() { format!("{key}_file") } else { key.to_owned() }
}

/// Tokens from the setting, or one per line from its `…_file` twin.
fn tokens(key: &str, inline: &[Secret], file: Option<&Path>, problems: &mut Vec<Problem>) -> Vec<Secret> {
    let Some(path) = file else {
        if inline.iter().any(|token| token.expose().trim().is_empty()) {
            problems.push(Problem::new(key, "holds an empty token"));
        }
        return inline.iter().map(|token| Secret::new(token.expose().trim())).collect();
    };
    if !inline.is_empty() {
        problems.push(Problem::new(key, &format!("and {key}_file are both set; keep one")));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let found: Vec<_> = token_lines(&text).map(Secret::new).collect();
            if found.is_empty() {
                problems.push(Problem::new(
                    format!("{key}_file"),
                    &format!("names {}, which holds no token", path.display()),
                ));
            }
            found
        }
        Err(error) => {
            problems.push(Problem::new(
                format!("{key}_file"),
                &format!("names {}, which cannot be read: {error}", path.display()),
            ));
            Vec::new()
        }
    }
}

/// One token per line.
pub(super) fn token_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}
