//! The index as whoever compares it with the truth sees it.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use elasticsearch::http::Method;
use kudos_core::ports::{Facts, Mirror, MirrorWalk, PostIndex, Projection, Put, Said, Standing};
use kudos_core::{Counts, PortError, PostId, Snapshot};
use serde::Deserialize;
use serde_json::json;

use crate::document::version;
use crate::elastic::Elastic;
use crate::node::Request;
use crate::walk::{Stored, Walk};

/// How long a server needs to notice that deletions need not be remembered: its own clock for
/// them goes in steps.
const MOMENT: Duration = Duration::from_secs(1);

impl Elastic {
    fn facts(
        &self,
        counts: &Counts,
        (total, version): (u64, u64),
        document: u64,
        hidden: bool,
    ) -> Facts {
        Facts::new()
            .with_counts(counts, &self.kinds)
            .with("reaction_count", Said::Number(total))
            .with(Facts::VERSION, Said::Number(version))
            .with("_version", Said::Number(document))
            .with("hidden", Said::Flag(hidden))
    }

    fn standing(&self, post: PostId) -> Standing {
        Standing { post, place: self.index.clone() }
    }

    async fn delete(&self, posts: &[PostId]) -> Result<(), PortError> {
        let mut body = String::new();
        for post in posts {
            // Writing into a string does not fail.
            let _ = writeln!(body, "{}", json!({ "delete": { "_id": post } }));
        }
        let request = Request::new(Method::Post, format!("{}/_bulk", self.index))
            .query("require_alias", "true")
            .query("filter_path", "errors")
            .body(body);
        let answer: Deleted = self.cluster.ask(&request, self.admin_deadline()).await?;
        match answer.errors {
            false => Ok(()),
            true => Err(PortError::Unavailable("some documents cannot be deleted".to_owned())),
        }
    }

    /// How long deletions are remembered; none for the server's own default.
    async fn remember_deletions(&self, span: Option<&str>) -> Result<(), PortError> {
        let request = Request::new(Method::Put, format!("{}/_settings", self.index))
            .json(&json!({ "index.gc_deletes": span }));
        self.cluster.call(&request, self.admin_deadline()).await?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Deleted {
    errors: bool,
}

#[async_trait]
impl Mirror for Elastic {
    fn name(&self) -> &'static str {
        Projection::name(self)
    }

    fn expected(&self, truth: &Snapshot) -> Facts {
        let (counts, version) = (&truth.state.counts, version(truth));
        self.facts(counts, (counts.total(), version), version, truth.hidden)
    }

    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError> {
        let posts: Vec<_> = posts.iter().map(|truth| truth.post.id.clone()).collect();
        let facts = |(stored, document): (Stored, u64)| {
            let Stored { counts, total, version, hidden, .. } = stored;
            self.facts(&counts, (total, version), document, hidden)
        };
        let documents = self.documents(&posts).await?.into_iter();
        Ok(documents.map(|document| document.map(facts).unwrap_or_default()).collect())
    }

    fn candidates(&self, post: &PostId) -> Vec<Standing> {
        vec![self.standing(post.clone())]
    }

    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError> {
        let posts: Vec<_> = standings.iter().map(|standing| standing.post.clone()).collect();
        Ok(self.copies(&posts).await?.into_iter().map(|copy| copy.is_some()).collect())
    }

    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError> {
        Ok(Box::new(Steps { elastic: self, walk: Some(Elastic::walk(self).await?) }))
    }

    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        Put::all(self.put(snapshots).await?)
    }

    /// A document whose version is too high keeps out all others, and so does the memory of its
    /// deletion, for a minute. Kudos itself deletes none, so for a moment nothing has to be
    /// remembered; should that moment be cut short, the next one ends it.
    async fn forget(&self, posts: &[PostId]) -> Result<(), PortError> {
        self.remember_deletions(Some("0s")).await?;
        self.delete(posts).await?;
        tokio::time::sleep(MOMENT).await;
        self.refresh().await?;
        self.remember_deletions(None).await
    }

    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError> {
        let posts: Vec<_> = standings.iter().map(|standing| standing.post.clone()).collect();
        self.delete(&posts).await
    }
}

/// A walk that ends by itself.
struct Steps<'a> {
    elastic: &'a Elastic,
    walk: Option<Walk<'a>>,
}

#[async_trait]
impl MirrorWalk for Steps<'_> {
    async fn next(&mut self, limit: usize) -> Result<Option<Vec<Standing>>, PortError> {
        let Some(walk) = &mut self.walk else { return Ok(None) };
        let copies = walk.next(limit).await?;
        if copies.is_empty() {
            if let Some(walk) = self.walk.take() {
                walk.close().await?;
            }
            return Ok(None);
        }
        let standing = |copy: Stored| self.elastic.standing(copy.post);
        Ok(Some(copies.into_iter().map(standing).collect()))
    }
}
