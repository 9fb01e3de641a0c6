//! The access token, which operators replace while we run by writing another one into its file.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::credentials;
use super::values::Secret;

/// The access token as it was last read. Clones share it.
#[derive(Debug, Clone)]
pub struct AccessToken {
    held: Arc<RwLock<Held>>,
    file: Option<PathBuf>,
}

#[derive(Debug)]
struct Held {
    token: Secret,
    replacements: u64,
    /// The text of the file that was complained of last, so that it is complained of once.
    unusable: Option<Secret>,
}

impl AccessToken {
    pub(super) fn new(token: Secret, file: Option<PathBuf>) -> Self {
        Self { held: Arc::new(RwLock::new(Held { token, replacements: 0, unusable: None })), file }
    }

    /// The token.
    #[must_use]
    pub fn current(&self) -> Secret {
        self.held.read().unwrap_or_else(PoisonError::into_inner).token.clone()
    }

    /// How often the token was replaced. Whoever remembers something of it can tell that it is another one now.
    #[must_use]
    pub fn replacements(&self) -> u64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).replacements
    }

    /// Reads the file again, because GitLab refused a token. Returns whether another token than the refused one is
    /// there now. A file that cannot be read, or that would not do at the start either, brings none: it may be half
    /// written, and is read again the next time.
    #[must_use]
    pub fn replaced_since(&self, refused: &Secret) -> bool {
        let read = self.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = read {
            held.take_over(&text);
        }
        held.token.expose() != refused.expose()
    }
}

impl Held {
    fn take_over(&mut self, text: &str) {
        match credentials::only_access_token(text) {
            Some(token) if token.expose() == self.token.expose() => {}
            Some(token) => *self = Self { token, replacements: self.replacements + 1, unusable: None },
            None if self.unusable.as_ref().is_some_and(|known| known.expose() == text) => {}
            None => {
                self.unusable = Some(Secret::new(text));
                tracing::error!(
                    "gitlab.token_file was changed, but holds no usable access token; write one token on one line, \
                     without a comment or a byte order mark"
                );
            }
        }
    }
}
