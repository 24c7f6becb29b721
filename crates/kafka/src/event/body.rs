use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use kudos_core::{
    Change, Counts, Kind, Kinds, Millis, PostId, PostState, UserChange, UserId, Version,
};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// The version of the schema that is written, and the only one that is read. Fields may be added
/// within it; a field that changes its meaning or goes away makes the next one.
pub const SCHEMA: u32 = 1;

/// Why a body is not a change, or a change not a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// There is no body.
    #[error("the record is empty")]
    Empty,
    /// Not JSON, or a field is missing or of a wrong type.
    #[error("not a reaction event: {0}")]
    Malformed(String),
    /// Written by a newer version.
    #[error("schema {0} is not known here, only {SCHEMA}")]
    Schema(u32),
    /// A kind that this deployment does not have. Its readers have to learn a new kind before its
    /// writers do.
    #[error("the kind {0:?} is not configured")]
    Kind(String),
    /// The parts do not add up.
    #[error("the total is {total}, and the counts' sum {sum}")]
    Total {
        /// As the body says.
        total: u64,
        /// As added up.
        sum: u64,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    post: &'a PostId,
    version: u64,
    counts: WrittenCounts<'a>,
    total: u64,
    created_at: u64,
    as_of: u64,
    users: SmallVec<[WrittenUser<'a>; 1]>,
}

struct WrittenCounts<'a>(&'a Kinds, &'a Counts);

impl Serialize for WrittenCounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(kinds, counts) = self;
        let mut map = serializer.serialize_map(Some(kinds.len()))?;
        for kind in kinds.all() {
            map.serialize_entry(kinds.name(kind), &counts.get(kind))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct WrittenUser<'a> {
    user: &'a UserId,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

/// The body of a change, as JSON.
///
/// # Errors
/// [`EventError::Kind`] if the change holds a kind that is not among `kinds`.
pub fn encode(change: &Change, kinds: &Kinds) -> Result<Vec<u8>, EventError> {
    let Change { state, users } = change;
    let foreign = (kinds.len()..state.counts.as_slice().len()).next();
    if let Some(place) = foreign {
        return Err(EventError::Kind(format!("number {place}")));
    }
    let body = Written {
        schema: SCHEMA,
        post: &state.post,
        version: state.version.0,
        counts: WrittenCounts(kinds, &state.counts),
        total: state.counts.total(),
        created_at: state.created_at.0,
        as_of: state.as_of.0,
        users: users.iter().map(|user| written_user(user, kinds)).collect::<Result<_, _>>()?,
    };
    serde_json::to_vec(&body).map_err(|error| EventError::Malformed(error.to_string()))
}

fn written_user<'a>(
    change: &'a UserChange,
    kinds: &'a Kinds,
) -> Result<WrittenUser<'a>, EventError> {
    let name = |kind: Option<Kind>| match kind.map(|kind| (kind, kinds.name(kind))) {
        Some((Kind(place), "")) => Err(EventError::Kind(format!("number {place}"))),
        known => Ok(known.map(|(_, name)| name)),
    };
    Ok(WrittenUser { user: &change.user, from: name(change.from)?, to: name(change.to)? })
}

#[derive(Deserialize)]
struct Read<'a> {
    schema: u32,
    post: PostId,
    version: u64,
    #[serde(borrow)]
    counts: ReadCounts<'a>,
    total: u64,
    created_at: u64,
    as_of: u64,
    #[serde(borrow)]
    users: SmallVec<[ReadUser<'a>; 1]>,
}

/// All that is read of a body that cannot be read whole: the likely reason.
#[derive(Deserialize)]
struct ReadSchema {
    schema: u32,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct ReadUser<'a> {
    user: UserId,
    #[serde(borrow)]
    from: Option<Name<'a>>,
    #[serde(borrow)]
    to: Option<Name<'a>>,
}

/// Names and numbers as they stand there: their meaning depends on the kinds.
struct ReadCounts<'a>(SmallVec<[(Name<'a>, u64); 6]>);

impl<'de: 'a, 'a> Deserialize<'de> for ReadCounts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CountsVisitor(PhantomData))
    }
}

struct CountsVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for CountsVisitor<'a> {
    type Value = ReadCounts<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count per kind")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut counts = SmallVec::new();
        while let Some(entry) = map.next_entry()? {
            counts.push(entry);
        }
        Ok(ReadCounts(counts))
    }
}

/// Reads a change back.
///
/// # Errors
/// [`EventError`] if it cannot be understood whole.
pub fn decode(body: &[u8], kinds: &Kinds) -> Result<Change, EventError> {
    if body.is_empty() {
        return Err(EventError::Empty);
    }
    let read: Read<'_> = serde_json::from_slice(body).map_err(|error| misread(body, &error))?;
    if read.schema != SCHEMA {
        return Err(EventError::Schema(read.schema));
    }
    let counts = read_counts(&read.counts, kinds)?;
    // Not `total()`: what comes from outside may add up to more than fits.
    let sum = counts.as_slice().iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
    if sum != read.total {
        return Err(EventError::Total { total: read.total, sum });
    }
    let state = PostState {
        post: read.post,
        created_at: Millis(read.created_at),
        version: Version(read.version),
        counts,
        as_of: Millis(read.as_of),
    };
    let users = read.users.into_iter().map(|user| read_user(user, kinds));
    Ok(Change { state, users: users.collect::<Result<_, _>>()? })
}

fn misread(body: &[u8], error: &serde_json::Error) -> EventError {
    match serde_json::from_slice::<ReadSchema>(body) {
        Ok(ReadSchema { schema }) if schema != SCHEMA => EventError::Schema(schema),
        _ => EventError::Malformed(error.to_string()),
    }
}

fn read_counts(read: &ReadCounts<'_>, kinds: &Kinds) -> Result<Counts, EventError> {
    let mut counts = Counts::new();
    for (name, count) in &read.0 {
        counts.set(find(name, kinds)?, *count);
    }
    Ok(counts)
}

fn read_user(read: ReadUser<'_>, kinds: &Kinds) -> Result<UserChange, EventError> {
    let kind = |name: Option<Name<'_>>| name.map(|name| find(&name, kinds)).transpose();
    Ok(UserChange { user: read.user, from: kind(read.from)?, to: kind(read.to)? })
}

fn find(Name(name): &Name<'_>, kinds: &Kinds) -> Result<Kind, EventError> {
    kinds.find(name).ok_or_else(|| {
        // It comes from outside: as much of it as a log line needs.
        EventError::Kind(name.chars().take(64).collect())
    })
}
