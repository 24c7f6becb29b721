//! Values of the core as columns.

use std::collections::BTreeMap;

use kudos_core::{Counts, Kind, Kinds, Millis, PortError, PostId, UserId, UserRow};
use scylla::value::{CqlDate, CqlTimestamp};

/// What precedes a row's bytes, so that another form can be told apart.
const FORMAT: u8 = 1;
const DAY_MS: u64 = 24 * 3600 * 1000;
/// The day of the epoch in CQL.
const EPOCH: u64 = 1 << 31;

pub(crate) fn damaged(what: &str, why: impl std::fmt::Display) -> PortError {
    PortError::Corrupt(format!("{what}: {why}"))
}

/// Counts by the names of their kinds, for people to read; kinds that nobody holds are left out.
pub(crate) fn counts_to_map(counts: &Counts, kinds: &Kinds) -> BTreeMap<String, i64> {
    let held = kinds.all().filter(|&kind| counts.get(kind) > 0);
    held.map(|kind| (kinds.name(kind).to_owned(), to_bigint(counts.get(kind)))).collect()
}

pub(crate) fn counts_from_map(
    map: &BTreeMap<String, i64>,
    kinds: &Kinds,
) -> Result<Counts, PortError> {
    let mut counts = Counts::new();
    for (name, &count) in map {
        let kind = kinds.find(name).ok_or_else(|| damaged("counts", format!("no kind {name}")))?;
        counts.set(kind, from_bigint(count));
    }
    Ok(counts)
}

/// No kind is the empty name: a null would be a tombstone.
pub(crate) fn kind_to_name(kind: Option<Kind>, kinds: &Kinds) -> &str {
    kind.map_or("", |kind| kinds.name(kind))
}

pub(crate) fn kind_from_name(name: &str, kinds: &Kinds) -> Result<Option<Kind>, PortError> {
    match (name, kinds.find(name)) {
        ("", _) => Ok(None),
        (_, Some(kind)) => Ok(Some(kind)),
        _ => Err(damaged("user row", format!("no kind {name}"))),
    }
}

pub(crate) fn row_to_blob(row: &UserRow) -> Result<Vec<u8>, PortError> {
    postcard::to_extend(row, vec![FORMAT]).map_err(|error| damaged("user row", error))
}

pub(crate) fn row_from_blob(bytes: &[u8]) -> Result<UserRow, PortError> {
    match bytes.split_first() {
        Some((&FORMAT, row)) => {
            postcard::from_bytes(row).map_err(|error| damaged("user row", error))
        }
        Some((other, _)) => Err(damaged("user row", format!("unknown format {other}"))),
        None => Err(damaged("user row", "empty")),
    }
}

pub(crate) fn post_id(text: &str) -> Result<PostId, PortError> {
    PostId::new(text).map_err(|error| damaged("post id", error))
}

pub(crate) fn user_id(text: &str) -> Result<UserId, PortError> {
    UserId::new(text).map_err(|error| damaged("user id", error))
}

pub(crate) fn to_bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn from_bigint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(crate) fn timestamp(at: Millis) -> CqlTimestamp {
    CqlTimestamp(to_bigint(at.0))
}

pub(crate) fn millis(at: CqlTimestamp) -> Millis {
    Millis(from_bigint(at.0))
}

/// The day that holds a moment; the last one that CQL has for those beyond.
pub(crate) fn day_of(at: Millis) -> CqlDate {
    CqlDate(u32::try_from(EPOCH + at.0 / DAY_MS).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_back_by_name() {
        let kinds = Kinds::default();
        let counts = Counts::from_iter([3, 0, 7]);
        let map = counts_to_map(&counts, &kinds);
        assert_eq!(map, BTreeMap::from([("haha".into(), 7), ("like".into(), 3)]));
        assert_eq!(counts_from_map(&map, &kinds), Ok(counts));
        let foreign = BTreeMap::from([("meh".to_owned(), 1)]);
        assert!(matches!(counts_from_map(&foreign, &kinds), Err(PortError::Corrupt(_))));
    }

    #[test]
    fn a_row_is_read_back_and_another_format_is_refused() {
        let mut row = UserRow::default();
        (row.kind, row.reacted_at) = (Some(Kind(2)), Millis(7));
        let mut blob = row_to_blob(&row).unwrap();
        assert_eq!(row_from_blob(&blob), Ok(row));
        blob[0] = 9;
        assert!(matches!(row_from_blob(&blob), Err(PortError::Corrupt(_))));
        assert!(matches!(row_from_blob(&[]), Err(PortError::Corrupt(_))));
    }

    #[test]
    fn days_begin_at_midnight_and_end_with_the_calendar() {
        let day = |ms| day_of(Millis(ms)).0;
        assert_eq!(day(0), 1 << 31);
        assert_eq!((day(DAY_MS - 1), day(DAY_MS)), (1 << 31, (1 << 31) + 1));
        assert_eq!(day(u64::MAX), u32::MAX);
    }
}
