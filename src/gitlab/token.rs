//! What GitLab tells of the access token itself.

use reqwest::Method;
use serde::Deserialize;

use super::answer::json;
use super::client::Client;
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

/// What an access token may do, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// When it ends.
    pub expiry: Expiry,
    /// GitLab's words for what it may do, such as `api`.
    pub scopes: Vec<String>,
}

impl Client {
    /// When the access token ends.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] or [`Error::Refused`] where GitLab does not tell this token.
    pub async fn token_expiry(&self) -> Result<Expiry, Error> {
        self.token_facts().await.map(|facts| facts.expiry)
    }

    /// What the access token may do, and until when.
    ///
    /// # Errors
    /// As of [`Client::token_expiry`].
    pub async fn token_facts(&self) -> Result<TokenFacts, Error> {
        #[derive(Deserialize)]
        struct TokenJson {
            expires_at: Option<String>,
            #[serde(default)]
            scopes: Vec<String>,
        }
        let response = self.send("token", self.request(Method::GET, "/personal_access_tokens/self")).await?;
        let token: TokenJson = json(response).await?;
        let expiry = match token.expires_at {
            None => Expiry::Never,
            Some(text) => day(&text).map(Expiry::At).ok_or_else(|| Error::Rejected {
                reason: "its answer has no readable expires_at".to_owned(),
            })?,
        };
        Ok(TokenFacts { expiry, scopes: token.scopes })
    }
}
