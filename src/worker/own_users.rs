//! Whose comments and labels are taken for ours.

use super::after_failure::Failure;
use super::desk::Desk;
use crate::calculator::own_users::OwnUsers;
use crate::clock;
use crate::config::settings::Mode;
use crate::gitlab::Client;
use crate::identity::Identity;
use crate::store::Store;

impl Desk {
    /// Our users with the access token after so many replacements.
    ///
    /// # Errors
    /// If GitLab does not tell, or the store does not.
    pub async fn own_users(&self, replacements: u64) -> Result<OwnUsers, Failure> {
        own_users(&self.gitlab, &self.store, &self.identity, self.mode, replacements).await
    }
}

/// Our users with the access token after so many replacements. The bots of before are read afresh each time: another
/// replica may have got another token meanwhile, and it remembers the bot before it writes anything.
///
/// # Errors
/// If GitLab does not tell, or the store does not.
pub async fn own_users(
    gitlab: &Client,
    store: &Store,
    identity: &Identity,
    mode: Mode,
    replacements: u64,
) -> Result<OwnUsers, Failure> {
    let user_id = match identity.user_id_with(replacements) {
        Some(known) => known,
        None => learn_user(gitlab, store, identity, mode, replacements).await?,
    };
    Ok(OwnUsers::new(user_id, store.own_bots().await?))
}

async fn learn_user(
    gitlab: &Client,
    store: &Store,
    identity: &Identity,
    mode: Mode,
    replacements: u64,
) -> Result<u64, Failure> {
    let user = gitlab.own_user().await?;
    identity.learn_name(&user.username);
    match mode {
        // Only whom GitLab calls a bot: a person's own comments must not become ours because of a mistaken token.
        Mode::Live if user.bot => store.remember_own_bot(user.id, clock::now()).await?,
        // Whoever writes nothing leaves nothing to recognise.
        Mode::Live | Mode::DryRun | Mode::Shadow => {}
    }
    if let Some(before) = identity.learn(user.id, replacements) {
        tracing::warn!(
            before,
            user_id = user.id,
            "the access token is another user's now; what a bot wrote before still counts as ours, what a person did does not"
        );
    }
    Ok(user.id)
}
