//! What `escalator setup` needs: all that serving needs, but for the webhooks' credentials, which it makes.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::credentials::{SigningKey, token_lines};
use super::problem::{Problem, Problems};
use super::settings::Webhook;
use super::values::Secret;
use super::{GitLabAccess, Loaded, StoreUrl, store_url};

/// Complete for setting up.
#[derive(Debug)]
pub struct SettingUp {
    /// What GitLab is to call.
    pub webhook_url: String,
    /// Where GitLab is and how to be let in.
    pub gitlab: GitLabAccess,
    /// Where the store is.
    pub store: StoreUrl,
    /// The signing token, for a GitLab that knows them.
    pub signing: Credential,
    /// The secret token, for one that does not.
    pub plain: Credential,
}

/// A webhook's credential.
#[derive(Debug)]
pub enum Credential {
    /// It is configured.
    There(Secret),
    /// This file is to hold it.
    Missing(PathBuf),
    /// The configuration names neither.
    NotConfigured,
}

impl Loaded {
    /// What setting up needs.
    ///
    /// # Errors
    /// Everything that is missing or unusable, with what to write.
    pub fn setting_up(&self) -> Result<SettingUp, Problems> {
        let mut problems = Vec::new();
        let webhook = &self.settings.webhook;
        if webhook.url.is_none() {
            problems.push(Problem::new(
                "webhook.url",
                "is missing: the address by which GitLab reaches this service, such as \
                 https://escalator.example.com/webhooks/gitlab",
            ));
        }
        if self.settings.gitlab.groups.is_empty() && self.settings.gitlab.projects.is_empty() {
            problems
                .push(Problem::new("gitlab.groups", "and gitlab.projects name nothing to set up; name one"));
        }
        let (signing, plain) = credentials(webhook, &mut problems);
        let gitlab = self.gitlab_or_explain(&mut problems);
        let store = store_url::read(&self.settings.store, &mut problems);
        match (webhook.url.clone(), gitlab, store) {
            (Some(webhook_url), Some(gitlab), Some(store)) if problems.is_empty() => {
                Ok(SettingUp { webhook_url, gitlab, store, signing, plain })
            }
            (_, _, _) => Err(self.places.locate(problems)),
        }
    }
}

fn credentials(webhook: &Webhook, problems: &mut Vec<Problem>) -> (Credential, Credential) {
    let signing = credential(&webhook.signing_tokens, webhook.signing_tokens_file.as_deref());
    let plain = credential(&webhook.secret_tokens, webhook.secret_tokens_file.as_deref());
    for (found, key) in [(&signing, "webhook.signing_tokens_file"), (&plain, "webhook.secret_tokens_file")] {
        if let Err(reason) = found {
            problems.push(Problem::new(key, &format!("names a file that cannot be read: {reason}")));
        }
    }
    let signing = signing.unwrap_or(Credential::NotConfigured);
    let plain = plain.unwrap_or(Credential::NotConfigured);
    if let Credential::There(token) = &signing
        && SigningKey::from_token(token.expose()).is_none()
    {
        problems.push(Problem::new(
            "webhook.signing_tokens_file",
            "holds a token that is not \"whsec_\" and base64",
        ));
    }
    if matches!((&signing, &plain), (Credential::NotConfigured, Credential::NotConfigured))
        && problems.is_empty()
    {
        problems.push(Problem::new(
            "webhook.signing_tokens_file",
            "is missing: the file that is to hold the webhooks' signing token (GitLab 19.0 and later); or \
             webhook.secret_tokens_file; it is made if it is not there",
        ));
    }
    (signing, plain)
}

/// The first token: of several, all are accepted.
fn credential(inline: &[Secret], file: Option<&Path>) -> Result<Credential, std::io::Error> {
    let Some(path) = file else {
        return Ok(inline.first().cloned().map_or(Credential::NotConfigured, Credential::There));
    };
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    Ok(token_lines(&text)
        .next()
        .map_or_else(|| Credential::Missing(path.to_owned()), |token| Credential::There(Secret::new(token))))
}

/// Writes a credential that was made, for the service's user alone: all of it or nothing.
///
/// # Errors
/// If the file cannot be written.
pub fn keep_credential(path: &Path, secret: &Secret) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", secret.expose())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
