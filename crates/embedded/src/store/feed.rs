//! What the text index reads to follow the posts.

use kudos_core::{PortError, Post, PostId};

use super::{Store, reads, schema};

impl Store {
    /// Posts whose text or visibility changed behind revision `after`, oldest first, with the
    /// revision of the last.
    pub(crate) fn outbox_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<PostId>, u64), PortError> {
        self.engine.with(|db| reads::outbox(db, after, limit))
    }

    /// The newest revision.
    pub(crate) fn outbox_end(&self) -> u64 {
        self.ends.borrow().outbox
    }

    /// Returns when there is a revision behind `after`, or false when the store closes.
    pub(crate) async fn outbox_grown(&self, after: u64) -> bool {
        self.ends.clone().wait_for(|ends| ends.outbox > after).await.is_ok()
    }

    /// Forgets the outbox up to `upto`. The newest revision is kept: revisions count on from it.
    pub(crate) fn trim_outbox(&self, upto: u64) -> Result<(), PortError> {
        let last = upto.min(self.outbox_end().saturating_sub(1));
        self.engine.with(|db| {
            for entry in db.outbox.range::<[u8; 8], _>(..=last.to_be_bytes()) {
                db.outbox.remove(entry.key()?)?;
            }
            Ok(())
        })
    }

    /// Visible posts in the order of their ids behind `after`, and where to go on.
    pub(crate) fn scan_posts(
        &self,
        after: Option<&PostId>,
        limit: usize,
    ) -> Result<(Vec<Post>, Option<PostId>), PortError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, |post| Excluded(post.as_str().as_bytes()));
        self.engine.with(|db| {
            let (mut posts, mut last, mut read) = (Vec::new(), None, 0);
            for entry in db.posts.range::<&[u8], _>((start, Unbounded)).take(limit) {
                let (key, value) = entry.into_inner()?;
                let id = schema::post_of(&key)?;
                read += 1;
                last = Some(id.clone());
                if let Some((state, false)) = self.board.get(&id) {
                    let body: schema::Body = schema::decode("post", &value)?;
                    posts.push(body.into_post(id, state.created_at));
                }
            }
            Ok((posts, last.filter(|_| read == limit)))
        })
    }
}
