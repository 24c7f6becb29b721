//! The columns of a segment, and where its posts stand on the board.

use std::sync::Arc;

use kudos_core::PostId;
use tantivy::columnar::{ColumnValues, StrColumn};
use tantivy::error::DataCorruption;
use tantivy::index::SegmentId;
use tantivy::{SegmentReader, TantivyError};

use super::schema::{CREATED_AT, POST};
use crate::board::Board;

/// The place of a post that the board did not hold when the segment was opened.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// What ranking reads of a segment. Cheap to clone.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) id: SegmentId,
    /// The ids; their ordinals are in the order of the ids.
    pub(super) posts: StrColumn,
    ordinals: Arc<dyn ColumnValues<u64>>,
    pub(super) created_at: Arc<dyn ColumnValues<u64>>,
    /// The place on the board of each document, so that a total costs no look-up by id.
    pub(super) places: Arc<[u32]>,
}

impl Segment {
    /// Opens a segment; `earlier` may hold its places already.
    pub(super) fn open(
        reader: &SegmentReader,
        board: &Board,
        earlier: &[Self],
    ) -> tantivy::Result<Self> {
        let columns = reader.fast_fields();
        let missing = || TantivyError::SchemaError("a segment without post ids".into());
        let posts = columns.str(POST)?.ok_or_else(missing)?;
        let ordinals = posts.ords().clone().first_or_default_col(0);
        let known = earlier.iter().find(|segment| segment.id == reader.segment_id());
        let places = match known {
            Some(segment) => Arc::clone(&segment.places),
            None => places(&posts, &*ordinals, reader.max_doc(), board)?,
        };
        let created_at = columns.u64(CREATED_AT)?.first_or_default_col(0);
        Ok(Self { id: reader.segment_id(), posts, ordinals, created_at, places })
    }

    /// The ordinal of a document's id.
    pub(super) fn ordinal(&self, doc: u32) -> u64 {
        self.ordinals.get_val(doc)
    }

    /// The id of an ordinal.
    pub(super) fn post(&self, ordinal: u64) -> tantivy::Result<PostId> {
        let mut id = String::new();
        self.posts.ord_to_str(ordinal, &mut id)?;
        let damage = |error| DataCorruption::comment_only(format!("post {id:?}: {error}"));
        PostId::new(&id).map_err(|error| damage(error).into())
    }
}

fn places(
    posts: &StrColumn,
    ordinals: &dyn ColumnValues<u64>,
    documents: u32,
    board: &Board,
) -> tantivy::Result<Arc<[u32]>> {
    let mut by_ordinal = Vec::with_capacity(posts.num_terms());
    let mut ids = posts.dictionary().stream()?;
    while ids.advance() {
        let place = std::str::from_utf8(ids.key()).ok().and_then(|id| board.place(id));
        by_ordinal.push(place.unwrap_or(UNKNOWN));
    }
    let place_of = |doc| by_ordinal.get(ordinals.get_val(doc) as usize).copied();
    Ok((0..documents).map(|doc| place_of(doc).unwrap_or(UNKNOWN)).collect())
}
