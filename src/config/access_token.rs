//! The access token, which operators replace while we run by writing another one into its file.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

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
}

impl AccessToken {
    pub(super) fn new(token: Secret, file: Option<PathBuf>) -> Self {
        Self { held: Arc::new(RwLock::new(Held { token, replacements: 0 })), file }
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
    /// there now; a file that cannot be read, or a token without a file, is none.
    #[must_use]
    pub fn replaced_since(&self, refused: &Secret) -> bool {
        let read = self.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = read.as_deref().map(str::trim).filter(|token| !token.is_empty())
            && token != held.token.expose()
        {
            *held = Held { token: Secret::new(token), replacements: held.replacements + 1 };
        }
        held.token.expose() != refused.expose()
    }
}
