//! Counts by the names of kinds.

use kudos_core::kind::Kinds;
use kudos_core::{Counts, Kind};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Counts as a JSON object: every configured kind, in order, zeros included. It borrows the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally<'a> {
    kinds: &'a Kinds,
    counts: &'a Counts,
}

impl<'a> Tally<'a> {
    /// The counts under the names of the deployment's kinds.
    pub fn new(kinds: &'a Kinds, counts: &'a Counts) -> Self {
        Self { kinds, counts }
    }

    /// The sum that the answer shows: of the configured kinds.
    pub fn total(&self) -> u64 {
        self.kinds.all().map(|kind| self.counts.get(kind)).sum()
    }

    /// The name of what a user holds.
    pub fn name(&self, kind: Option<Kind>) -> Option<&'a str> {
        kind.map(|kind| self.kinds.name(kind))
    }

    /// How many kinds the deployment has.
    pub fn kinds(&self) -> usize {
        self.kinds.len()
    }
}

impl Serialize for Tally<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.kinds.len()))?;
        for (name, kind) in self.kinds.names().zip(self.kinds.all()) {
            map.serialize_entry(name, &self.counts.get(kind))?;
        }
        map.end()
    }
}
