//! What a process that serves the API to browsers is told about it.

use kudos_runtime::config::Secret;
use serde::{Deserialize, Serialize};

use crate::cursor::{CursorKey, CursorKeyError};

/// What concerns browsers and page walks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiSettings {
    /// Origins whose pages may call the API from a browser; none by default, `*` for any.
    pub cors_origins: Vec<String>,
    /// Signs page cursors, 32 bytes or more. Without it each start draws a key, and page walks
    /// that began before the start begin anew.
    pub cursor_secret: Option<Secret>,
}

impl ApiSettings {
    /// The key of the secret, or without one a new key.
    ///
    /// # Errors
    /// If the secret is too short, or the system has no randomness.
    pub fn cursor_key(&self) -> Result<CursorKey, CursorKeyError> {
        match &self.cursor_secret {
            Some(secret) => CursorKey::from_secret(secret),
            None => CursorKey::random(),
        }
    }
}
