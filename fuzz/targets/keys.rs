//! What headers carry: idempotency keys, and positions of the event log.
#![no_main]

use kudos_core::operation::MAX_SKEW;
use kudos_core::ports::Position;
use kudos_core::{Millis, Operation, PostId, UserId};
use kudos_http::extract::IdempotencyKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    let Ok(key) = IdempotencyKey::new(text) else {
        return;
    };
    assert_eq!(key.as_str(), text);
    let (Ok(post), Ok(user)) = (PostId::new("p"), UserId::new("u")) else {
        unreachable!("a letter is an identifier")
    };
    // The same key is the same operation, whenever it arrives; a UUID version 7 tells its time,
    // which is believed unless it lies in the future.
    let op = |at| Operation::keyed(key.as_str(), post.clone(), user.clone(), None, Millis(at));
    let (early, late) = (op(0), op(u64::MAX));
    assert_eq!(early.id, late.id);
    assert!(early.issued_at.is_none_or(|at| at <= Millis(0).plus(MAX_SKEW)));
    assert!(early.issued_at.is_none() || early.issued_at == late.issued_at);
});
