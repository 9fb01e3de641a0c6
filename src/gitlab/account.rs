//! Whom GitLab takes us for.

use serde::Deserialize;

use super::answer::{date, json};
use super::client::Client;
use super::error::Error;
use crate::calculator::issue::Moment;

/// The user that an access token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Unique on the instance.
    pub id: u64,
    /// What to mention it by.
    pub username: String,
    /// Whether it may do everything everywhere, member or not.
    pub administrator: bool,
    /// GitLab's clock when it answered, if its answers tell.
    pub answered_at: Option<Moment>,
}

impl Client {
    /// Whom GitLab takes us for.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn account(&self) -> Result<Account, Error> {
        /// `is_admin` is there for administrators only.
        #[derive(Deserialize)]
        struct UserJson {
            id: u64,
            username: String,
            #[serde(default)]
            is_admin: bool,
        }
        let response = self.user().await?;
        let answered_at = date(response.headers());
        let user: UserJson = json(response).await?;
        Ok(Account { id: user.id, username: user.username, administrator: user.is_admin, answered_at })
    }
}
