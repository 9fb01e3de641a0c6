//! The access token, which operators replace while we run by writing another one into its file.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::values::Secret;

/// The access token as it was last read. Clones share it.
#[derive(Debug, Clone)]
pub struct AccessToken {
    current: Arc<RwLock<Secret>>,
    file: Option<PathBuf>,
}

impl AccessToken {
    pub(super) fn new(token: Secret, file: Option<PathBuf>) -> Self {
        Self { current: Arc::new(RwLock::new(token)), file }
    }

    /// The token.
    #[must_use]
    pub fn current(&self) -> Secret {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again, because GitLab refused a token. Returns whether another token than the refused one is
    /// there now; a file that cannot be read, or a token without a file, is none.
    #[must_use]
    pub fn replaced_since(&self, refused: &Secret) -> bool {
        let read = self.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        if let Some(token) = read.as_deref().map(str::trim).filter(|token| !token.is_empty()) {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Secret::new(token);
        }
        self.current().expose() != refused.expose()
    }
}
