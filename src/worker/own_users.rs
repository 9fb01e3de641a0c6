//! Who we are: asked once for each access token, and remembered if it is a bot.

use super::after_failure::Failure;
use crate::calculator::own_users::OwnUsers;
use crate::clock;
use crate::config::settings::Mode;
use crate::gitlab::Client;
use crate::identity::Identity;
use crate::store::Store;

/// Our users with the access token after so many replacements.
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
    if let Some(known) = identity.users_with(replacements) {
        return Ok(known);
    }
    let user = gitlab.own_user().await?;
    identity.learn_name(&user.username);
    match mode {
        // Only whom GitLab calls a bot: a person's own comments must not become ours because of a mistaken token.
        Mode::Live if user.bot => store.remember_own_bot(user.id, clock::now()).await?,
        // Whoever writes nothing leaves nothing to recognise.
        Mode::Live | Mode::DryRun => {}
    }
    let users = OwnUsers::new(user.id, store.own_bots().await?);
    if let Some(before) = identity.learn(users.clone(), replacements) {
        tracing::warn!(
            before,
            user_id = user.id,
            still_ours = users.include(before),
            "the access token is another user's now; what a bot wrote before still counts as ours, what a person did does not"
        );
    }
    Ok(users)
}
