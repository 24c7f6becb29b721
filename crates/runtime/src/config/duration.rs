//! Durations as people write them: `"250ms"`, `"2s"`, `"1h 30m"`.
//!
//! For a field: `#[serde(with = "kudos_runtime::config::duration")]`. Zero is refused: as a time
//! limit it would mean either "at once" or "never", and nobody can tell which.

use std::{fmt, time::Duration};

use serde::{Deserializer, Serializer, de};

/// Writes the duration in the form that [`deserialize`] reads.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Reads a positive duration with its unit.
///
/// # Errors
/// A bare number, an unknown unit, or zero.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

struct DurationVisitor;

impl de::Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a positive duration with its unit, such as \"250ms\" or \"2s\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() => Ok(duration),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}
