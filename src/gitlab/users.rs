//! Who is a bot.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use serde::Deserialize;

use super::client::{Client, json};
use super::error::Error;

/// A user of GitLab's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct User {
    /// GitLab's number.
    pub id: u64,
    /// Whether it is a bot, and no person: somebody's whom GitLab does not call one is taken for a person.
    #[serde(default)]
    pub bot: bool,
}

/// Users that were asked about. What somebody is does not change.
#[derive(Default)]
pub(super) struct Bots(Mutex<HashMap<u64, bool>>);

impl Bots {
    fn get(&self, user_id: u64) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&user_id).copied()
    }

    fn put(&self, user_id: u64, bot: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(user_id, bot);
    }
}

impl Client {
    /// Whether GitLab knows a user as a bot: of an access token, a service account, or one of its own. A bot that works
    /// with a person's account is a person to GitLab. So is, to us, a user that is gone or that our token may not see.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn is_bot(&self, user_id: u64) -> Result<bool, Error> {
        /// `bot` is in the answer for one user only, not in those that name users by the way.
        #[derive(Deserialize)]
        struct UserJson {
            #[serde(default)]
            bot: bool,
        }
        if let Some(bot) = self.bots.get(user_id) {
            return Ok(bot);
        }
        let bot = match self.send("user", self.request(Method::GET, &format!("/users/{user_id}"))).await {
            Ok(response) => json::<UserJson>(response).await?.bot,
            Err(Error::NotFound | Error::Refused { .. }) => false,
            Err(error) => return Err(error),
        };
        self.bots.put(user_id, bot);
        Ok(bot)
    }
}
