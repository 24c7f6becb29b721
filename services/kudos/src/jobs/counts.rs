use kudos_core::{Counts, Kinds};
use serde::{Serialize, Serializer};

/// Counts under the names of the kinds, in their order.
pub(super) struct Named<'a> {
    pub(super) kinds: &'a Kinds,
    pub(super) counts: &'a Counts,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { kinds, counts } = *self;
        serializer.collect_map(kinds.all().map(|kind| (kinds.name(kind), counts.get(kind))))
    }
}
