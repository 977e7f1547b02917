//! Why a row is rejected.

/// Bytes of the longest accepted field; the real data's longest is some 100.
pub(crate) const MAX_FIELD_BYTES: usize = 16 * 1024;

/// Why a row is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentences are the documentation")]
pub enum Reason {
    #[error("{found} fields where the header has {expected}")]
    FieldCount { expected: usize, found: usize },
    #[error("not UTF-8")]
    NotUtf8,
    #[error("a field of {bytes} bytes; the longest accepted is {MAX_FIELD_BYTES}")]
    Oversized { bytes: usize },
    #[error("no id")]
    NoId,
    #[error("no key: the columns {0} are empty")]
    NoKey(String),
    #[error("no date of occurrence")]
    NoDate,
    #[error("`{field}` is not a date in a known format: `{text}`")]
    NotADate { field: &'static str, text: String },
    #[error("occurred in the future: {0}")]
    Future(String),
    #[error("occurred before 1900: {0}")]
    TooEarly(String),
    #[error("`{field}` is neither true nor false: `{text}`")]
    NotABoolean { field: &'static str, text: String },
    #[error("`{field}` is not a coordinate in degrees: `{text}`")]
    NotACoordinate { field: &'static str, text: String },
    #[error("no value: a deletion is a record with `deleted`, not a tombstone")]
    NoValue,
    #[error("a message of {bytes} bytes; the longest accepted is {most}")]
    LongMessage { bytes: usize, most: usize },
    #[error("not an incident in JSON: {0}")]
    NotAnIncident(String),
    #[error("wrong key: the incident's is `{expected}`")]
    OtherKey { expected: String },
    #[error("belongs in partition {expected}, not {found}: produce with the partitioner `murmur2_random`")]
    OtherPartition { expected: u32, found: u32 },
    #[error("`areas` has `{0}`, but the city's profile has no layer of that name")]
    UnknownLayer(String),
    #[error("`latitude` and `longitude`: both or neither")]
    HalfAPosition,
}
