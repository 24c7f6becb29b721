//! One event as it goes over the wire.

use std::fmt::{self, Write};

use axum::body::Bytes;

/// An event, written once and cheap to clone for every client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// An event with an id to resume behind, a name, and data of any number of lines. Line breaks
    /// and NUL are left out of id and name, where they would begin another field.
    pub fn new(id: &dyn fmt::Display, event: &str, data: &str) -> Self {
        let mut text = String::with_capacity(data.len() + event.len() + 64);
        field(&mut text, "id", id);
        field(&mut text, "event", &event);
        for line in data.lines() {
            // CR alone ends a line too.
            for line in line.split('\r') {
                field(&mut text, "data", &line);
            }
        }
        text.push('\n');
        Self(text.into())
    }

    /// A comment that clients pass over.
    pub fn heartbeat() -> Self {
        Self(Bytes::from_static(b":\n\n"))
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.0
    }
}

fn field(text: &mut String, name: &str, value: &dyn fmt::Display) {
    struct OneLine<'a>(&'a mut String);
    impl Write for OneLine<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0.extend(part.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
            Ok(())
        }
    }
    text.push_str(name);
    text.push_str(": ");
    // Writing to a String cannot fail.
    let _ = write!(OneLine(text), "{value}");
    text.push('\n');
}
