//! Durations in settings as people write them: `"250ms"`, `"2s"`. Zero and bare numbers are
//! refused, because nobody can tell what they mean.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    match humantime::parse_duration(&text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(de::Error::invalid_value(
            de::Unexpected::Str(&text),
            &"a positive duration with its unit, such as \"250ms\" or \"2s\"",
        )),
    }
}
