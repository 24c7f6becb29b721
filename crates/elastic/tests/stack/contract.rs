//! The promises of the ports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kudos_core::ports::{PostIndex, Projection};
use kudos_core::{Millis, Post, PostId, Snapshot};
use kudos_elastic::Elastic;
use kudos_testkit::contract::{Backend, HasIndex, HasProjection, Shown};

use crate::server::{elastic, put, shared, snapshot};

struct OnServer {
    elastic: Arc<Elastic>,
    /// A projection is told whole posts, also when they are hidden or only their counts change.
    posts: Mutex<HashMap<PostId, Post>>,
}

impl OnServer {
    fn post(&self, id: &PostId) -> Post {
        let known = self.posts.lock().expect("no test panics while it holds it").get(id).cloned();
        known.unwrap_or_else(|| Post {
            id: id.clone(),
            title: String::new(),
            body: String::new(),
            author: String::new(),
            created_at: Millis(0),
        })
    }
}

impl Backend for OnServer {
    const SHARED: bool = true;

    async fn open() -> Self {
        let elastic = Arc::new(elastic(&shared().await));
        Self { elastic, posts: Mutex::default() }
    }
}

impl HasIndex for OnServer {
    fn index(&self) -> Arc<dyn PostIndex> {
        self.elastic.clone()
    }

    async fn put(&self, posts: &[Post]) {
        let known = posts.iter().map(|post| (post.id.clone(), post.clone()));
        self.posts.lock().expect("no test panics while it holds it").extend(known);
        let snapshots: Vec<_> = posts.iter().map(|post| snapshot(post, 0)).collect();
        put(&self.elastic, &snapshots).await;
    }

    async fn remove(&self, posts: &[PostId]) {
        let hidden = |id| Snapshot { hidden: true, ..snapshot(&self.post(id), 0) };
        let snapshots: Vec<_> = posts.iter().map(hidden).collect();
        put(&self.elastic, &snapshots).await;
    }

    async fn set_totals(&self, totals: &[(PostId, u64)]) -> bool {
        let counted = |(id, total): &(PostId, u64)| snapshot(&self.post(id), *total);
        let snapshots: Vec<_> = totals.iter().map(counted).collect();
        put(&self.elastic, &snapshots).await;
        true
    }
}

impl HasProjection for OnServer {
    fn projection(&self) -> Arc<dyn Projection> {
        self.elastic.clone()
    }

    async fn shown(&self, post: &PostId) -> Option<Shown> {
        let stored = self.elastic.copies(std::slice::from_ref(post)).await;
        let [stored] = &mut stored.expect("the server answers")[..] else { panic!("one each") };
        let stored = stored.take().filter(|stored| !stored.hidden)?;
        assert_eq!(stored.total, stored.counts.total());
        Some(Shown { counts: stored.counts, title: Some(stored.title) })
    }
}

mod projection {
    use super::OnServer;
    kudos_testkit::projection_contract!(OnServer);
}

mod post_index {
    use super::OnServer;
    kudos_testkit::post_index_contract!(OnServer);
}
