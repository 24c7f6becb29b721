//! Cursors: none can be made without the key, and what is behind the seal may be anything too,
//! since an older version may have sealed it under the same key.
#![no_main]

use std::sync::LazyLock;

use kudos_core::{Millis, TimeKey, UserId};
use kudos_http::cursor::CursorKey;
use kudos_runtime::config::Secret;
use libfuzzer_sys::fuzz_target;
use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};

static KEY: LazyLock<CursorKey> = LazyLock::new(|| {
    let secret = Secret::new("a secret of thirty-two bytes or more");
    CursorKey::from_secret(&secret).expect("it is long enough")
});

/// Every kind of thing that positions have.
type Position = (Option<Millis>, Option<TimeKey>, Vec<[u8; 5]>, UserId, bool);

/// Bytes that are sealed as they are, without a length before them.
struct Bare<'a>(&'a [u8]);

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| bytes.serialize_element(byte))?;
        bytes.end()
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(KEY.open::<Position>("fuzz", text).is_err(), "a forged cursor was opened");
    }
    if let Ok(cursor) = KEY.seal("fuzz", &Bare(data)) {
        assert!(KEY.open::<Position>("another", &cursor).is_err(), "the purpose was not checked");
        let _ = KEY.open::<Position>("fuzz", &cursor);
    }
});
