//! How a rank is put into the 53 bits of a sorted set's score.

use kudos_core::Millis;

/// What the creation time is divided by: it fits until the year 2109.
const FRACTION: f64 = (1_u64 << 42) as f64;
const LATEST: u64 = (1 << 42) - 1;
/// Totals below this leave room for the creation time to the millisecond.
const FIRST_INEXACT: u64 = 2048;
/// What a score can count to.
const MOST: u64 = (1 << 53) - 1;

/// The integer part is the total, so that an operator can read it; the fraction is the creation
/// time, of which a total from 2048 on pushes the last bits out. Nothing is rounded up.
pub(crate) fn encode(total: u64, created_at: Millis) -> f64 {
    let total = total.min(MOST);
    let lost = (u64::BITS - total.leading_zeros()).saturating_sub(FIRST_INEXACT.ilog2());
    let kept = created_at.0.min(LATEST).checked_shr(lost).unwrap_or(0) << lost.min(63);
    total as f64 + kept as f64 / FRACTION
}

/// The total, and the creation time as far as the score holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) total: u64,
    pub(crate) created_at: Millis,
    /// Whether the creation time is the whole of it.
    pub(crate) exact: bool,
}

pub(crate) fn decode(score: f64) -> Decoded {
    let total = score.trunc();
    let created_at = ((score - total) * FRACTION) as u64;
    let total = total as u64;
    let exact = total < FIRST_INEXACT && created_at < LATEST;
    Decoded { total, created_at: Millis(created_at), exact }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_operator_reads_the_total() {
        let score = encode(1024, Millis(1_750_000_000_123));
        assert!(score.to_string().starts_with("1024.39"), "{score}");
        assert_eq!(encode(0, Millis(0)), 0.0);
    }

    #[test]
    fn the_limits_hold() {
        assert_eq!(decode(encode(u64::MAX, Millis(u64::MAX))).total, MOST);
        assert!(!decode(encode(1, Millis(u64::MAX))).exact);
        assert!(decode(encode(2047, Millis(1))).exact);
        assert!(!decode(encode(2048, Millis(1))).exact);
    }

    proptest! {
        #[test]
        fn scores_order_as_ranks_do(
            a in (0..1_u64 << 40, 0..LATEST), b in (0..1_u64 << 40, 0..LATEST)
        ) {
            let score = |(total, at)| encode(total, Millis(at));
            if a.0 == b.0 {
                prop_assert!((a.1 <= b.1) <= (score(a) <= score(b)));
            } else {
                prop_assert_eq!(a.0 < b.0, score(a) < score(b));
            }
        }

        #[test]
        fn what_is_exact_comes_back(total in 0..2048_u64, at in 0..LATEST) {
            let decoded = decode(encode(total, Millis(at)));
            prop_assert_eq!(decoded, Decoded { total, created_at: Millis(at), exact: true });
        }

        #[test]
        fn what_is_not_exact_is_never_later(total in 2048..1_u64 << 53, at in 0..LATEST) {
            let decoded = decode(encode(total, Millis(at)));
            prop_assert_eq!(decoded.total, total);
            prop_assert!(decoded.created_at.0 <= at);
        }
    }
}
