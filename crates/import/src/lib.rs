//! Reads somebody's own posts and reactions, as JSON lines or CSV, without writing them anywhere.
//!
//! [`Lines`] cuts a file into records of bounded size, each with its line number and the offset
//! behind it; [`Format::columns`] and [`Columns::post`] or [`Columns::reaction`] make a record of
//! each. A bad record is a [`Refusal`] with its reason, never the end of the file.
//!
//! | file | columns |
//! |---|---|
//! | posts | `post` (or `id`), `title`, `body`, `author`, `created_at`; body and author may be absent |
//! | reactions | `post`, `user`, `kind`, `at`; an empty or null kind takes the reaction back |
//!
//! Times are RFC 3339, or a whole number of seconds or milliseconds since 1970. Ids may be JSON
//! numbers. Other columns are ignored.

mod fields;
mod lines;
mod record;
mod refusal;
mod time_of;

use std::path::Path;

pub use lines::{Line, Lines, MAX_RECORD_BYTES};
pub use record::{Columns, Reaction};
pub use refusal::{HeaderError, Refusal};
pub use time_of::parse_time;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// Comma-separated values with a header line, quoted as in RFC 4180.
    Csv,
}

impl Format {
    /// The format that a file's extension tells: `.csv`, or `.jsonl`, `.ndjson`, `.json`.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json" => Some(Self::JsonLines),
            _ => None,
        }
    }

    /// How to read records: for CSV by its header, the first record of the file.
    ///
    /// # Errors
    /// [`HeaderError`], if the header lacks one of the `required` columns.
    pub fn columns(self, header: &[u8], required: &[&'static str]) -> Result<Columns, HeaderError> {
        match self {
            Self::JsonLines => Ok(Columns::Named),
            Self::Csv => Columns::of_header(header, required),
        }
    }
}
