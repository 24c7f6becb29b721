//! Text that must never be printed.

use std::{fmt, fs::File, io, io::Read, path::Path};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroize;

/// What is shown instead of a secret.
pub const REDACTED: &str = "[redacted]";

/// The newtype name by which the configuration's deserializer recognises a secret, which it then
/// takes verbatim and may read from the file that `<key>_file` names.
pub(super) const SECRET_TYPE: &str = "$kudos::Secret";

/// A key or a password takes bytes, not megabytes; a wrong path to a huge file is refused.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A password, key or token. `Debug`, `Display` and `Serialize` write `[redacted]`; its memory is
/// overwritten when it is dropped. Any setting of this type can be given as `<key>_file` (or
/// `KUDOS_…_FILE`), the path of a file whose content is the secret, less one trailing newline.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. The name is long so that a reader notices each use.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SECRET_TYPE, SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> de::Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret(text))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Secret, D::Error> {
        inner.deserialize_string(self)
    }
}

/// Reads a secret's file, less one trailing newline.
pub(super) fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        text.zeroize();
        let problem = format!("larger than {MAX_FILE_BYTES} bytes, so not a secret");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
