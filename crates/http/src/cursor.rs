//! Opaque cursors: where a listing continues, sealed so that a client cannot make or change one.
//!
//! A cursor is signed, not encrypted: a client that decodes it sees positions of rows that it was
//! shown anyway, so nothing secret may be put in. Bound into the signature is the purpose (the
//! listing and the parameters that must not change under it), so that a cursor of one listing is
//! refused by another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::problem::Problem;
use kudos_runtime::config::Secret;

/// The longest cursor, in bytes of its text.
pub const MAX_CURSOR_BYTES: usize = 8192;
/// The shortest secret that a key is made of, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;

/// Why a cursor was refused or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It was not made by this key for this purpose, or was changed since.
    #[error("not a cursor of this listing")]
    Invalid,
    /// What shall be sealed cannot be written, or makes a cursor of over [`MAX_CURSOR_BYTES`].
    #[error("this position does not fit a cursor")]
    Unsealable,
}

impl From<CursorError> for Problem {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Invalid => Self::InvalidCursor,
            CursorError::Unsealable => Self::internal(&error),
        }
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum CursorKeyError {
    /// The configured secret is too short to resist guessing.
    #[error("the cursor secret must have at least {MIN_SECRET_BYTES} bytes, and has {0}")]
    TooShort(usize),
    /// The machine gave no random bytes.
    #[error("no random bytes: {0}")]
    NoRandomness(#[from] getrandom::Error),
}

/// Seals and opens cursors with HMAC-SHA256. Cheap to clone.
///
/// Processes that serve the same clients need the same key: give them one secret.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    /// A key from a secret of at least [`MIN_SECRET_BYTES`].
    pub fn from_secret(secret: &Secret) -> Result<Self, CursorKeyError> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(CursorKeyError::TooShort(bytes.len()));
        }
        Ok(Self::from_bytes(bytes))
    }

    /// A key of this process alone: its cursors are refused after a restart.
    pub fn random() -> Result<Self, CursorKeyError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        // Fails for ciphers with keys of one length only; HMAC takes any.
        Self(Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length"))
    }

    fn mac(&self, purpose: &str, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&[VERSION]);
        // The length keeps a purpose and a payload from running into each other.
        mac.update(&(purpose.len() as u64).to_le_bytes());
        mac.update(purpose.as_bytes());
        mac.update(payload);
        mac
    }

    /// Seals a position of the listing that `purpose` names.
    pub fn seal<T: Serialize>(&self, purpose: &str, position: &T) -> Result<String, CursorError> {
        let payload = postcard::to_allocvec(position).map_err(|_| CursorError::Unsealable)?;
        let tag = self.mac(purpose, &payload).finalize().into_bytes();
        let mut sealed = Vec::with_capacity(1 + TAG_BYTES + payload.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&tag[..TAG_BYTES]);
        sealed.extend_from_slice(&payload);
        let text = URL_SAFE_NO_PAD.encode(sealed);
        if text.len() > MAX_CURSOR_BYTES {
            return Err(CursorError::Unsealable);
        }
        Ok(text)
    }

    /// Opens a cursor that this key sealed for the same purpose.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Result<T, CursorError> {
        if text.len() > MAX_CURSOR_BYTES {
            return Err(CursorError::Invalid);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Invalid)?;
        let (&version, rest) = sealed.split_first().ok_or(CursorError::Invalid)?;
        let (tag, payload) = rest.split_at_checked(TAG_BYTES).ok_or(CursorError::Invalid)?;
        if version != VERSION {
            return Err(CursorError::Invalid);
        }
        self.mac(purpose, payload).verify_truncated_left(tag).map_err(|_| CursorError::Invalid)?;
        match postcard::take_from_bytes(payload) {
            Ok((position, [])) => Ok(position),
            _ => Err(CursorError::Invalid),
        }
    }
}

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey([redacted])")
    }
}
