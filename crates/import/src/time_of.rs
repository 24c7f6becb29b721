use kudos_core::Millis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// 9999-12-31T23:59:59.999Z.
const LAST_MS: u64 = 253_402_300_799_999;
/// Whole numbers below this are seconds (up to the year 5138), those from here on milliseconds
/// (from 1973 on).
const FIRST_MS: u64 = 100_000_000_000;

/// Reads an RFC 3339 time, or seconds or milliseconds since 1970; none if it is neither, or lies
/// outside of 1970 to 9999. What is finer than a millisecond is cut off.
pub fn parse_time(text: &str) -> Option<Millis> {
    let text = text.trim();
    let ms = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        match text.parse::<u64>().ok()? {
            seconds if seconds < FIRST_MS => seconds * 1000,
            ms => ms,
        }
    } else {
        let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
        u64::try_from(nanos.div_euclid(1_000_000)).ok()?
    };
    (ms <= LAST_MS).then_some(Millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_moment_can_be_written_in_each_form() {
        let forms = [
            "1767268800",
            "1767268800000",
            "2026-01-01T12:00:00Z",
            "2026-01-01T14:00:00.0005+02:00",
        ];
        for form in forms {
            assert_eq!(parse_time(form), Some(Millis(1_767_268_800_000)), "{form}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let bad =
            ["", "-1", "now", "2026-01-01", "1e9", "1969-12-31T23:59:59Z", "99999999999999999999"];
        for text in bad {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
