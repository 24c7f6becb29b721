//! The best matches of each segment, in any of the orders.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::take;
use std::sync::Arc;

use kudos_core::ports::IndexOrder;
use kudos_core::{Millis, TimeKey};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::TermOrdHit;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::segment::{Segment, UNKNOWN};
use crate::board::Board;

/// Documents whose totals are looked up under one lock of the board.
const BLOCK: usize = 256;

/// A match, by what places it: a greater one comes first. Ordinals of ids compare as the ids do,
/// within a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// What the order asks for: score, total or nothing.
    pub(super) rank: u64,
    pub(super) created_at: u64,
    pub(super) ordinal: Reverse<u64>,
}

/// What ranks a match.
#[derive(Clone)]
enum Rank {
    Score,
    Total(Arc<Board>),
    None,
}

/// Collects the best matches, at least `limit` if there are so many.
pub(super) struct Best<'a> {
    pub(super) segments: &'a [Segment],
    pub(super) board: &'a Arc<Board>,
    pub(super) order: &'a IndexOrder,
    pub(super) since: Option<Millis>,
    pub(super) limit: usize,
}

impl Collector for Best<'_> {
    type Fruit = Vec<(SegmentOrdinal, Place)>;
    type Child = BestOfSegment;

    fn for_segment(
        &self,
        ordinal: SegmentOrdinal,
        _: &SegmentReader,
    ) -> tantivy::Result<BestOfSegment> {
        let segment = self.segments[ordinal as usize].clone();
        let (rank, after) = match self.order {
            IndexOrder::Relevance => (Rank::Score, None),
            IndexOrder::Popular => (Rank::Total(Arc::clone(self.board)), None),
            IndexOrder::Recent(after) => (Rank::None, after.as_ref()),
        };
        Ok(BestOfSegment {
            behind: after.map(|after| Behind::of(after, &segment)).transpose()?,
            segment,
            ordinal,
            rank,
            since: self.since.map_or(0, |since| since.0),
            limit: self.limit,
            best: BinaryHeap::with_capacity(self.limit),
            block: Vec::with_capacity(BLOCK),
            places: Vec::with_capacity(BLOCK),
            totals: Vec::with_capacity(BLOCK),
            fault: None,
        })
    }

    fn requires_scoring(&self) -> bool {
        *self.order == IndexOrder::Relevance
    }

    fn merge_fruits(
        &self,
        segments: Vec<tantivy::Result<Vec<(SegmentOrdinal, Place)>>>,
    ) -> tantivy::Result<Self::Fruit> {
        let best: Vec<_> = segments.into_iter().collect::<tantivy::Result<_>>()?;
        Ok(best.into_iter().flatten().collect())
    }
}

/// Where a page walk goes on within a segment: at older posts, and at those of the same time from
/// this ordinal on.
struct Behind {
    created_at: u64,
    ordinal: u64,
}

impl Behind {
    /// The key's own post need not be in the segment.
    fn of(after: &TimeKey, segment: &Segment) -> tantivy::Result<Self> {
        let ordinal = match segment.posts.dictionary().term_ord_or_next(after.post.as_str())? {
            TermOrdHit::Exact(own) => own + 1,
            TermOrdHit::Next(next) => next,
        };
        Ok(Self { created_at: after.created_at.0, ordinal })
    }

    fn holds(&self, place: &Place) -> bool {
        let Place { created_at, ordinal, .. } = *place;
        created_at < self.created_at || created_at == self.created_at && ordinal.0 >= self.ordinal
    }
}

/// See [`Best`].
pub(super) struct BestOfSegment {
    segment: Segment,
    ordinal: SegmentOrdinal,
    rank: Rank,
    behind: Option<Behind>,
    since: u64,
    limit: usize,
    /// The worst kept match is on top.
    best: BinaryHeap<Reverse<Place>>,
    /// Documents whose totals are to be looked up.
    block: Vec<DocId>,
    places: Vec<u32>,
    totals: Vec<u64>,
    fault: Option<tantivy::TantivyError>,
}

impl BestOfSegment {
    fn offer(&mut self, doc: DocId, rank: u64) {
        let worst = match self.best.peek() {
            Some(worst) if self.best.len() == self.limit => Some(worst.0),
            _ => None,
        };
        // Most matches lose by their rank alone: nothing else is read of them.
        if worst.is_some_and(|worst| rank < worst.rank) {
            return;
        }
        let created_at = self.segment.created_at.get_val(doc);
        if created_at < self.since {
            return;
        }
        let ordinal = Reverse(self.segment.ordinal(doc));
        let place = Place { rank, created_at, ordinal };
        if self.behind.as_ref().is_some_and(|behind| !behind.holds(&place)) {
            return;
        }
        if worst.is_none() {
            self.best.push(Reverse(place));
        } else if let Some(mut worst) = self.best.peek_mut()
            && place > worst.0
        {
            *worst = Reverse(place);
        }
    }

    fn look_up(&mut self, board: &Board) -> tantivy::Result<()> {
        let (mut block, mut totals) = (take(&mut self.block), take(&mut self.totals));
        self.places.clear();
        self.places.extend(block.iter().map(|&doc| self.segment.places[doc as usize]));
        board.totals_at(&self.places, &mut totals);
        for (at, &doc) in block.iter().enumerate() {
            let total = match self.places[at] {
                UNKNOWN => board.total(self.segment.post(self.segment.ordinal(doc))?.as_str()),
                _ => totals[at],
            };
            self.offer(doc, total);
        }
        block.clear();
        (self.block, self.totals) = (block, totals);
        Ok(())
    }

    fn flush(&mut self) {
        if let Rank::Total(board) = self.rank.clone()
            && let Err(error) = self.look_up(&board)
        {
            self.fault = Some(error);
        }
    }
}

impl SegmentCollector for BestOfSegment {
    type Fruit = tantivy::Result<Vec<(SegmentOrdinal, Place)>>;

    fn collect(&mut self, doc: DocId, score: Score) {
        match self.rank {
            // Bits of positive floats compare as the floats do. The last ones are noise of the
            // order of additions, and must not decide between equally good matches.
            Rank::Score => self.offer(doc, u64::from(score.max(0.0).to_bits() >> 8)),
            Rank::None => self.offer(doc, 0),
            Rank::Total(_) => {
                self.block.push(doc);
                if self.block.len() == BLOCK {
                    self.flush();
                }
            }
        }
    }

    fn harvest(mut self) -> Self::Fruit {
        self.flush();
        let best = self.best.into_iter().map(|place| (self.ordinal, place.0)).collect();
        self.fault.map_or(Ok(best), Err)
    }
}
