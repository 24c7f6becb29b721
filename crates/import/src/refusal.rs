use kudos_core::IdError;

/// Why a record is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The record is longer than any valid one.
    #[error("longer than {} bytes", crate::MAX_RECORD_BYTES)]
    TooLong,
    /// The bytes are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not a JSON object with the expected types.
    #[error("not a JSON object of the expected form: {0}")]
    Json(String),
    /// Not a row of CSV.
    #[error("not a row of CSV: {0}")]
    Csv(String),
    /// A column has no value.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// An id that no post or user can have.
    #[error("`{column}` {error}")]
    Id {
        /// Which column.
        column: &'static str,
        /// What is wrong.
        error: IdError,
    },
    /// A kind that the deployment does not have.
    #[error("`kind` {0:?} is not one of the deployment's kinds")]
    UnknownKind(String),
    /// A time that cannot be read.
    #[error(
        "`{0}` must be RFC 3339 from 1970 to 9999, or whole seconds or milliseconds since 1970"
    )]
    Time(&'static str),
    /// A text longer than a post can have.
    #[error("`{column}` has {bytes} bytes; at most {most} are allowed")]
    Length {
        /// Which column.
        column: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
}

/// Why nothing of a CSV file can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The file has no first record, or one that is no header.
    #[error("there is no header line")]
    Absent,
    /// A required column is not there.
    #[error("the header has no column `{0}`")]
    Missing(&'static str),
}
