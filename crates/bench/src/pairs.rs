//! Ratios of two measurements that take turns, so that a machine that drifts hits both.

use std::fmt;

use crate::error::Error;
use crate::report;

/// The outcome of `A B A B …`: rates of both, and the ratio of each pair.
pub(crate) struct Pairs {
    subject: Vec<f64>,
    reference: Vec<f64>,
}

impl Pairs {
    /// Runs `count` pairs of turns. Each turn gets its number and says what it measured.
    pub(crate) fn run(
        name: &str,
        count: u64,
        mut subject: impl FnMut(u64) -> Result<f64, Error>,
        mut reference: impl FnMut(u64) -> Result<f64, Error>,
    ) -> Result<Self, Error> {
        let mut pairs = Self { subject: Vec::new(), reference: Vec::new() };
        for turn in 0..count {
            let (subject, reference) = (subject(turn)?, reference(turn)?);
            let (number, ratio) = (turn + 1, subject / reference);
            report::progress(format_args!(
                "{name}: {number}/{count}: {subject:.0} against {reference:.0}, {ratio:.2}"
            ));
            pairs.subject.push(subject);
            pairs.reference.push(reference);
        }
        Ok(pairs)
    }

    /// What was measured of the subject.
    pub(crate) fn subject(&self) -> Spread {
        Spread::of(&self.subject)
    }

    /// What was measured of the reference.
    pub(crate) fn reference(&self) -> Spread {
        Spread::of(&self.reference)
    }

    /// Subject divided by reference, pair by pair.
    pub(crate) fn ratio(&self) -> Spread {
        let ratios: Vec<_> = self.subject.iter().zip(&self.reference).map(|(s, r)| s / r).collect();
        Spread::of(&ratios)
    }
}

/// A median and the range that it was taken from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        let median = (at(last / 2) + at(sorted.len() / 2)) / 2.0;
        Self { median, least: at(0), most: at(last) }
    }
}

/// `0.93 (0.90–0.97)`, or with a precision of 0 whole numbers in groups of three digits.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, most } = *self;
        match f.precision() {
            Some(0) => write!(f, "{} ({}–{})", grouped(median), grouped(least), grouped(most)),
            places => {
                let places = places.unwrap_or(2);
                write!(f, "{median:.places$} ({least:.places$}–{most:.places$})")
            }
        }
    }
}

/// A whole number with a comma every three digits.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_values_lies_between_the_middle_two() {
        let spread = Spread::of(&[4.0, 1.0, 2.0, 3.0]);
        assert_eq!(spread, Spread { median: 2.5, least: 1.0, most: 4.0 });
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(format!("{:.0}", Spread::of(&[1000.0])), "1,000 (1,000–1,000)");
    }
}
