//! Whose comments and labels the desk takes for ours.

use super::after_failure::Failure;
use super::desk::Desk;
use crate::calculator::own_users::OwnUsers;
use crate::clock;
use crate::config::settings::Mode;

impl Desk {
    /// Our users with the access token after so many replacements. The bots of before are read afresh each time: another
    /// replica may have got another token meanwhile, and it remembers the bot before it writes anything.
    ///
    /// # Errors
    /// If GitLab does not tell, or the store does not.
    pub async fn own_users(&self, replacements: u64) -> Result<OwnUsers, Failure> {
        let user_id = match self.identity.user_id_with(replacements) {
            Some(known) => known,
            None => self.learn_user(replacements).await?,
        };
        Ok(OwnUsers::new(user_id, self.store.own_bots().await?))
    }

    async fn learn_user(&self, replacements: u64) -> Result<u64, Failure> {
        let user = self.gitlab.own_user().await?;
        self.identity.learn_name(&user.username);
        match self.mode {
            // Only whom GitLab calls a bot: a person's own comments must not become ours because of a mistaken token.
            Mode::Live if user.bot => self.store.remember_own_bot(user.id, clock::now()).await?,
            // Whoever writes nothing leaves nothing to recognise.
            Mode::Live | Mode::DryRun | Mode::Shadow => {}
        }
        if let Some(before) = self.identity.learn(user.id, replacements) {
            tracing::warn!(
                before,
                user_id = user.id,
                "the access token is another user's now; what a bot wrote before still counts as ours, what a person did does not"
            );
        }
        Ok(user.id)
    }
}
