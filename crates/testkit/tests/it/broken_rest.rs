//! Logs, post stores and indexes that are broken on purpose.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{
    EventLog, IndexHit, IndexQuery, LogError, LogPage, Position, PostIndex, PostMeta, PostStore,
    ReactionStore, Upserted,
};
use kudos_core::{Change, Millis, Operation, PortError, Post, PostId, TimeKey};
use kudos_testkit::contract::{
    Backend, HasIndex, HasLog, HasPosts, event_log, post_index, post_store,
};
use kudos_testkit::{MemoryIndex, MemoryTruth};

use crate::finds::broken;

broken! {
    a_log_that_skips_between_pages_is_found: Broken<SKIPS>, found by
        event_log::reading_resumes_where_a_page_ended;
    a_log_that_reads_backwards_is_found: Broken<BACKWARDS>, found by
        event_log::changes_tell_all_that_happened_in_the_order_of_their_post;
    a_log_that_takes_any_position_is_found: Broken<TAKES_ANY_POSITION>, found by
        event_log::a_position_that_was_never_given_is_gone,
        event_log::a_trimmed_position_is_gone_and_the_head_is_not;
    a_post_store_that_does_not_hide_is_found: Broken<HIDES_NOTHING>, found by
        post_store::a_hidden_post_is_not_shown_until_it_is_stored_again,
        post_store::posts_are_listed_by_time_then_id_in_pages;
    a_post_store_that_says_updated_always_is_found: Broken<ALWAYS_UPDATED>, found by
        post_store::an_upsert_tells_whether_it_created_updated_or_changed_nothing;
    an_index_that_is_content_with_any_word_is_found: Broken<ANY_WORD>, found by
        post_index::all_words_must_occur,
        post_index::no_character_has_a_special_meaning;
    an_index_that_ignores_the_bound_is_found: Broken<IGNORES_BOUND>, found by
        post_index::only_posts_since_the_bound_are_found;
    an_index_that_removes_nothing_is_found: Broken<REMOVES_NOTHING>, found by
        post_index::a_removed_post_is_not_found_until_it_is_put_again;
}

const SKIPS: u8 = 0;
const BACKWARDS: u8 = 1;
const TAKES_ANY_POSITION: u8 = 2;
const HIDES_NOTHING: u8 = 3;
const ALWAYS_UPDATED: u8 = 4;
const ANY_WORD: u8 = 5;
const IGNORES_BOUND: u8 = 6;
const REMOVES_NOTHING: u8 = 7;

/// A backend with one defect.
#[derive(Default)]
struct Broken<const DEFECT: u8>(Arc<Ports<DEFECT>>);

#[derive(Default)]
struct Ports<const DEFECT: u8> {
    truth: MemoryTruth,
    index: MemoryIndex,
}

impl<const DEFECT: u8> Backend for Broken<DEFECT> {
    async fn open() -> Self {
        Self::default()
    }
}

impl<const DEFECT: u8> HasLog for Broken<DEFECT> {
    fn log(&self) -> Arc<dyn EventLog> {
        self.0.clone()
    }

    async fn commit(&self, op: Operation) {
        self.0.truth.apply(op).await.unwrap();
    }

    async fn trim(&self, _: &Position) -> bool {
        self.0.truth.log().trim(1);
        true
    }
}

impl<const DEFECT: u8> HasPosts for Broken<DEFECT> {
    fn posts(&self) -> Arc<dyn PostStore> {
        self.0.clone()
    }
}

impl<const DEFECT: u8> HasIndex for Broken<DEFECT> {
    fn index(&self) -> Arc<dyn PostIndex> {
        self.0.clone()
    }

    async fn put(&self, posts: &[Post]) {
        self.0.index.put(posts);
    }

    async fn remove(&self, posts: &[PostId]) {
        if DEFECT != REMOVES_NOTHING {
            self.0.index.remove(posts);
        }
    }
}

#[async_trait]
impl<const DEFECT: u8> EventLog for Ports<DEFECT> {
    async fn publish(&self, change: &Change) -> Result<(), PortError> {
        self.truth.log().publish(change).await
    }

    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError> {
        let page = self.truth.log().read(after, limit).await;
        match (DEFECT, page) {
            (TAKES_ANY_POSITION, Err(LogError::Gone)) => {
                Ok(LogPage { changes: Vec::new(), next: self.head().await? })
            }
            (BACKWARDS, Ok(mut page)) => {
                page.changes.reverse();
                Ok(page)
            }
            (SKIPS, Ok(mut page)) if page.changes.len() == limit && page.next.0[0] == 4 => {
                page.next.0[0] += 1;
                Ok(page)
            }
            (_, page) => page,
        }
    }

    async fn head(&self) -> Result<Position, PortError> {
        self.truth.log().head().await
    }

    async fn grown(&self, after: &Position) -> Result<(), PortError> {
        self.truth.log().grown(after).await
    }
}

#[async_trait]
impl<const DEFECT: u8> PostStore for Ports<DEFECT> {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        match (DEFECT, self.truth.upsert(post).await?) {
            (ALWAYS_UPDATED, Upserted::Unchanged) => Ok(Upserted::Updated),
            (_, upserted) => Ok(upserted),
        }
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        if DEFECT == HIDES_NOTHING {
            let meta = self.truth.meta(post).await?;
            return Ok(meta.is_some());
        }
        self.truth.hide(post).await
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        self.truth.meta(post).await
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        self.truth.get(posts).await
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        self.truth.by_time(since, after, limit).await
    }
}

#[async_trait]
impl<const DEFECT: u8> PostIndex for Ports<DEFECT> {
    async fn refresh(&self) -> Result<(), PortError> {
        self.index.refresh().await
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError> {
        let mut query = query.clone();
        match DEFECT {
            IGNORES_BOUND => query.since = None,
            ANY_WORD => query.text = query.text.split(' ').take(1).collect(),
            _ => {}
        }
        self.index.search(&query).await
    }
}
