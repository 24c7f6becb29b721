//! Times: what is read is written so that it reads the same again.
#![no_main]

use kudos_http::timestamp::{LAST, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(at) = Timestamp::parse(text) else {
        return;
    };
    assert!(at.0 <= LAST);
    assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
});
