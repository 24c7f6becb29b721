//! One committed state of the index, ready to be searched.

use std::cmp::Reverse;
use std::sync::Arc;

use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery};
use kudos_core::{Millis, PostId};
use tantivy::collector::Count;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, SegmentOrdinal, Term};

use super::best::{Best, Place};
use super::fault::Fault;
use super::schema::Fields;
use super::segment::Segment;
use super::words;
use crate::board::Board;

/// The most hits of one search.
const MAX_HITS: usize = 2000;
/// How much more a word in the title weighs than one in the body, which it also counts as.
const TITLE_BOOST: f32 = 2.0;

/// Finds posts as of one commit, with the counts of now.
pub(super) struct Snapshot {
    searcher: Searcher,
    fields: Fields,
    /// By segment ordinal of the searcher.
    segments: Vec<Segment>,
    board: Arc<Board>,
}

impl Snapshot {
    /// Prepares a searcher; segments that `earlier` has too cost nothing.
    pub(super) fn new(
        searcher: Searcher,
        fields: Fields,
        board: Arc<Board>,
        earlier: Option<&Self>,
    ) -> tantivy::Result<Self> {
        let earlier = earlier.map_or(&[][..], |snapshot| &snapshot.segments);
        let readers = searcher.segment_readers().iter();
        let segments = readers
            .map(|reader| Segment::open(reader, &board, earlier))
            .collect::<tantivy::Result<_>>()?;
        Ok(Self { searcher, fields, segments, board })
    }

    /// See [`kudos_core::ports::PostIndex::search`]. Posts hidden since the commit are left out.
    pub(super) fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, Fault> {
        let IndexQuery { ref text, since, ref among, ref order, limit } = *query;
        let limit = limit.min(MAX_HITS);
        let words = words::of_query(text);
        if limit == 0 || words.is_empty() && !text.is_empty() {
            return Ok(Vec::new());
        }
        let matching = self.matching(&words, *order == IndexOrder::Relevance);
        let matching = self.confined(matching, among.as_deref());
        let (segments, board) = (self.segments.as_slice(), &self.board);
        let best = Best { segments, board, order, since, limit };
        let best = self.searcher.search(&*matching, &best)?;
        let mut ranked = self.identify(best, limit)?;
        ranked.sort_unstable_by(|(a, a_place), (b, b_place)| {
            let better_first = |place: &Place| Reverse((place.rank, place.created_at));
            better_first(a_place).cmp(&better_first(b_place)).then_with(|| a.cmp(b))
        });
        ranked.truncate(limit);
        let hit = |(post, place): (PostId, Place)| {
            let now = self.board.visible_total(post.as_str())?;
            let total = if *order == IndexOrder::Popular { place.rank } else { now };
            Some(IndexHit { post, created_at: Millis(place.created_at), total })
        };
        Ok(ranked.into_iter().filter_map(hit).collect())
    }

    /// Whether the post is in the commit, found or hidden since.
    pub(super) fn contains(&self, post: &PostId) -> Result<bool, Fault> {
        let key = TermQuery::new(self.fields.key(post), IndexRecordOption::Basic);
        Ok(self.searcher.search(&key, &Count)? > 0)
    }

    /// Every post for no words; otherwise those that have all of them.
    fn matching(&self, words: &[String], scored: bool) -> Box<dyn Query> {
        if words.is_empty() {
            return Box::new(AllQuery);
        }
        let Fields { text, title, .. } = self.fields;
        let reading = if scored { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
        let has = |field: Field, word: &str| -> Box<dyn Query> {
            Box::new(TermQuery::new(Term::from_field_text(field, word), reading))
        };
        let mut clauses: Vec<_> = words.iter().map(|word| (Occur::Must, has(text, word))).collect();
        if scored {
            clauses.extend(words.iter().map(|word| {
                let boosted = BoostQuery::new(has(title, word), TITLE_BOOST);
                (Occur::Should, Box::new(boosted) as Box<dyn Query>)
            }));
        }
        Box::new(BooleanQuery::new(clauses))
    }

    /// Only posts among `posts`, if given; of any number of them, their being listed weighs nothing.
    fn confined(&self, matching: Box<dyn Query>, posts: Option<&[PostId]>) -> Box<dyn Query> {
        let Some(posts) = posts else { return matching };
        let listed = TermSetQuery::new(posts.iter().map(|post| self.fields.key(post)));
        let listed = ConstScoreQuery::new(Box::new(listed), 0.0);
        let both = vec![(Occur::Must, matching), (Occur::Must, Box::new(listed) as Box<dyn Query>)];
        Box::new(BooleanQuery::new(both))
    }

    /// Reads the ids of those that can be among the first `limit`: ids decide only between
    /// equals.
    fn identify(
        &self,
        mut best: Vec<(SegmentOrdinal, Place)>,
        limit: usize,
    ) -> tantivy::Result<Vec<(PostId, Place)>> {
        let key = |&(_, place): &(SegmentOrdinal, Place)| Reverse((place.rank, place.created_at));
        if best.len() > limit {
            let (_, last, _) = best.select_nth_unstable_by_key(limit - 1, key);
            let last = key(last);
            best.retain(|place| key(place) <= last);
        }
        let identify = |(segment, place): (SegmentOrdinal, Place)| {
            Ok((self.segments[segment as usize].post(place.ordinal.0)?, place))
        };
        best.into_iter().map(identify).collect()
    }
}
