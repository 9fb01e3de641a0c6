//! Who is a bot, and who is a member of what.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use serde::Deserialize;

use super::answer::json;
use super::client::Client;
use super::error::Error;
use crate::calculator::issue::IssueRef;

/// A user of GitLab's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// GitLab's number.
    pub id: u64,
    /// By which people mention it. It may change, the number never.
    #[serde(default)]
    pub username: String,
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

    /// A user's role in an issue's project, inherited ones included, as GitLab's number; `None` for who is no member.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn access_level(&self, issue: IssueRef, user_id: u64) -> Result<Option<u32>, Error> {
        #[derive(Deserialize)]
        struct MemberJson {
            access_level: u32,
        }
        let path = format!("/projects/{}/members/all/{user_id}", issue.project_id);
        match self.send("member", self.request(Method::GET, &path)).await {
            Ok(response) => Ok(Some(json::<MemberJson>(response).await?.access_level)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
