//! The latest outcomes, one bit each.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The last `len` outcomes, newest in the lowest bit; a set bit is a failure.
///
/// One word: while all is well it stays zero, and a success then only reads it, so callers on many
/// cores do not fight over the line.
pub(super) struct Window {
    bits: AtomicU64,
    mask: u64,
    failures: u32,
}

impl Window {
    /// The longest window.
    pub(super) const MAX: u32 = u64::BITS;

    /// Trips at `failures` of `len`; `len` is 1 to [`Window::MAX`].
    pub(super) fn new(len: u32, failures: u32) -> Self {
        Self { bits: AtomicU64::new(0), mask: u64::MAX >> (Self::MAX - len), failures }
    }

    /// Enters an outcome; true if the window now holds too many failures.
    pub(super) fn push(&self, failed: bool) -> bool {
        if !failed && self.bits.load(Relaxed) == 0 {
            return false;
        }
        let enter = |bits: u64| (bits << 1 | u64::from(failed)) & self.mask;
        let before = self.bits.fetch_update(Relaxed, Relaxed, |bits| Some(enter(bits)));
        // The closure never refuses, so both arms hold the bits from before.
        let (Ok(before) | Err(before)) = before;
        failed && enter(before).count_ones() >= self.failures
    }

    pub(super) fn clear(&self) {
        self.bits.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_trips_at_the_threshold_and_forgets_what_left_the_window() {
        let window = Window::new(4, 2);
        assert!(!window.push(true));
        for _ in 0..4 {
            assert!(!window.push(false));
        }
        assert!(!window.push(true));
        assert!(!window.push(false));
        assert!(window.push(true));
    }

    #[test]
    fn the_longest_window_counts_consecutive_failures() {
        let window = Window::new(Window::MAX, Window::MAX);
        for _ in 1..Window::MAX {
            assert!(!window.push(true));
        }
        assert!(window.push(true));
        window.clear();
        assert!(!window.push(true));
    }
}
