//! Identifiers and kinds: any text is kept whole or refused, and no check disagrees with another.
#![no_main]

use kudos_core::id::MAX_ID_BYTES;
use kudos_core::{Kinds, PostId, UserId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let post = PostId::new(text);
    assert_eq!(post.is_ok(), UserId::new(text).is_ok());
    assert_eq!(post, text.parse());
    if let Ok(post) = &post {
        assert_eq!(post.as_str(), text);
        assert!((1..=MAX_ID_BYTES).contains(&text.len()));
        let json = serde_json::to_string(post).expect("a string is JSON");
        assert_eq!(&serde_json::from_str::<PostId>(&json).expect("it was written so"), post);
    }

    assert!(Kinds::default().find(text).is_none_or(|kind| Kinds::default().name(kind) == text));
    if let Ok(kinds) = Kinds::new(text.split(',')) {
        let found: Vec<_> = text.split(',').map(|name| kinds.find(name)).collect();
        assert_eq!(found, kinds.all().map(Some).collect::<Vec<_>>());
    }
    // A deployment's kinds come from a file, too.
    let _ = serde_json::from_str::<Kinds>(text);
});
