//! Telling whether a suite finds a defect.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kudos_testkit::contract::run;

/// Whether a check fails.
pub(crate) fn finds(check: impl Future<Output = ()>) -> bool {
    catch_unwind(AssertUnwindSafe(|| run(check))).is_err()
}

/// Makes a test of each defect, which passes if all the checks named fail.
macro_rules! broken {
    ($($name:ident: $backend:ty, found by $($suite:ident::$check:ident),+;)+) => {$(
        #[test]
        fn $name() {
            $(assert!($crate::finds::finds($suite::$check::<$backend>()), stringify!($check));)+
        }
    )+};
}
pub(crate) use broken;
