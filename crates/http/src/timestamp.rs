//! RFC 3339 times with milliseconds, in UTC.

use std::fmt;

use kudos_core::Millis;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

/// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can write.
pub const LAST: Millis = Millis(253_402_300_799_999);

const DAY_MS: u64 = 86_400_000;

/// A moment as answers show it: `2026-01-31T12:00:00.000Z`. Moments past [`LAST`] show as it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub Millis);

/// A text that is not an RFC 3339 time between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time from 1970 to 9999, such as 2026-01-31T12:00:00.000Z")]
pub struct TimestampError;

impl Timestamp {
    /// Reads an RFC 3339 time in any offset; what is finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)?;
        let ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
        match u64::try_from(ms) {
            Ok(ms) if ms <= LAST.0 => Ok(Self(Millis(ms))),
            _ => Err(TimestampError),
        }
    }

    /// The 24 ASCII bytes of the time. Written by hand, because every answer has one.
    pub fn to_ascii(self) -> [u8; 24] {
        let ms = self.0.0.min(LAST.0);
        let (year, month, day) = civil(ms / DAY_MS);
        let in_day = ms % DAY_MS;
        let mut out = *b"0000-00-00T00:00:00.000Z";
        digits(&mut out[0..4], year);
        digits(&mut out[5..7], month);
        digits(&mut out[8..10], day);
        digits(&mut out[11..13], in_day / 3_600_000);
        digits(&mut out[14..16], in_day / 60_000 % 60);
        digits(&mut out[17..19], in_day / 1000 % 60);
        digits(&mut out[20..23], in_day % 1000);
        out
    }

    fn with_text<T>(self, use_text: impl FnOnce(&str) -> T) -> T {
        let ascii = self.to_ascii();
        // Digits and punctuation only, so this is always UTF-8.
        use_text(std::str::from_utf8(&ascii).unwrap_or_default())
    }
}

/// Year, month and day of the days since 1970-01-01, in the proleptic Gregorian calendar, by
/// eras of 400 years that begin on 1 March (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", civil_from_days).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, day)
}

fn digits(out: &mut [u8], mut value: u64) {
    for place in out.iter_mut().rev() {
        // A remainder of ten is one digit.
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

impl From<Millis> for Timestamp {
    fn from(at: Millis) -> Self {
        Self(at)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days_are_written_as_the_calendar_has_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (LAST.0, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(Millis(ms)).to_string(), text);
        }
    }

    #[test]
    fn offsets_are_taken_and_times_before_1970_are_refused() {
        let noon = Timestamp::parse("2026-01-31T13:00:00.0009+01:00").unwrap();
        assert_eq!(noon.to_string(), "2026-01-31T12:00:00.000Z");
        for text in ["", "2026-01-31", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text), Err(TimestampError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_reads_back_as_written(ms in 0..=LAST.0) {
            let at = Timestamp(Millis(ms));
            prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        }
    }
}
