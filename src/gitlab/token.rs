//! What GitLab tells of the access token itself.

use reqwest::Method;
use serde::Deserialize;

use super::client::{Client, json};
use super::error::Error;
use super::times::day;
use crate::calculator::issue::Moment;

/// When an access token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Not by itself.
    Never,
    /// At the first moment at which GitLab refuses it.
    At(Moment),
}

impl Client {
    /// When the access token ends.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] or [`Error::Refused`] where GitLab does not tell this token.
    pub async fn token_expiry(&self) -> Result<Expiry, Error> {
        #[derive(Deserialize)]
        struct TokenJson {
            expires_at: Option<String>,
        }
        let response = self.send("token", self.request(Method::GET, "/personal_access_tokens/self")).await?;
        match json::<TokenJson>(response).await?.expires_at {
            None => Ok(Expiry::Never),
            Some(text) => day(&text).map(Expiry::At).ok_or_else(|| Error::Rejected {
                reason: "its answer has no readable expires_at".to_owned(),
            }),
        }
    }
}
