//! Reading copies back: those of given posts, or all of them.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use kudos_core::{Counts, Kinds, PortError, PostId};
use serde::Deserialize;
use serde_json::json;

use crate::elastic::Elastic;
use crate::error::CallError;
use crate::node::Request;
use crate::query::MAX_HITS;
use crate::search::Shards;

/// The fields of [`Stored`].
const SOURCE: &str = "post,title,version,counts,reaction_count,hidden";
/// How long the server keeps a walk's point in time after each page.
const KEEP_ALIVE: &str = "2m";

/// What the index holds of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The post.
    pub post: PostId,
    /// Its title; empty while it is hidden.
    pub title: String,
    /// The [`version`](kudos_core::Snapshot::version) of the snapshot.
    pub version: u64,
    /// Its reactions, of the kinds that this deployment has.
    pub counts: Counts,
    /// Its reactions of all kinds, by which it is ranked.
    pub total: u64,
    /// Whether searches pass it over.
    pub hidden: bool,
}

/// A walk over all copies, hidden ones too, in order of ids, as they were when it began: a point
/// in time. The walk is long and may not miss what moves, so here it pays that the server keeps
/// the old segments for it.
#[derive(Debug)]
pub struct Walk<'a> {
    elastic: &'a Elastic,
    point: Option<PointInTime>,
    after: Option<PostId>,
}

/// The two products have it under different paths.
#[derive(Debug)]
enum PointInTime {
    Elasticsearch(String),
    OpenSearch(String),
}

impl PointInTime {
    fn id(&mut self) -> &mut String {
        let (Self::Elasticsearch(id) | Self::OpenSearch(id)) = self;
        id
    }

    fn close(&self) -> Request {
        let (path, body) = match self {
            Self::Elasticsearch(id) => ("_pit", json!({ "id": id })),
            Self::OpenSearch(id) => ("_search/point_in_time", json!({ "pit_id": [id] })),
        };
        Request::new(Method::Delete, path).json(&body)
    }
}

impl Elastic {
    /// What the index holds of each post, in the order given; also what no search sees yet.
    ///
    /// # Errors
    /// The servers cannot be asked.
    pub async fn copies(&self, posts: &[PostId]) -> Result<Vec<Option<Stored>>, PortError> {
        let documents = self.documents(posts).await?;
        Ok(documents.into_iter().map(|document| document.map(|(stored, _)| stored)).collect())
    }

    /// The same, each with the version under which the server keeps the document: who changes it in
    /// part makes that another one.
    pub(crate) async fn documents(
        &self,
        posts: &[PostId],
    ) -> Result<Vec<Option<(Stored, u64)>>, PortError> {
        if posts.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = posts.iter().map(PostId::as_str).collect();
        let request = Request::new(Method::Post, format!("{}/_mget", self.index))
            .query("_source_includes", SOURCE)
            .query("filter_path", "docs.found,docs._version,docs._source")
            .json(&json!({ "ids": ids }));
        let answer: Docs = self.cluster.ask(&request, self.admin_deadline()).await?;
        if answer.docs.len() != posts.len() {
            let problem = format!("{} documents for {} posts", answer.docs.len(), posts.len());
            return Err(CallError::Unintelligible(problem).into());
        }
        let stored = |doc: Doc| Some((doc.source?.stored(&self.kinds), doc.version));
        Ok(answer.docs.into_iter().map(stored).collect())
    }

    /// Begins a walk over all that searches see now. Close it when done.
    ///
    /// # Errors
    /// The servers cannot be asked.
    pub async fn walk(&self) -> Result<Walk<'_>, PortError> {
        let open = |path: &str| {
            let path = format!("{}/{path}", self.index);
            Request::new(Method::Post, path).query("keep_alive", KEEP_ALIVE)
        };
        let elasticsearch = self.cluster.ask(&open("_pit"), self.admin_deadline()).await;
        let opened = match elasticsearch {
            // OpenSearch does not know this path.
            Err(CallError::Refused(refusal)) if matches!(refusal.status, 400 | 405) => {
                let request = open("_search/point_in_time");
                let opened = self.cluster.ask(&request, self.admin_deadline()).await;
                opened.map(|Opened { id }| PointInTime::OpenSearch(id))
            }
            opened => opened.map(|Opened { id }| PointInTime::Elasticsearch(id)),
        };
        Ok(Walk { elastic: self, point: Some(opened?), after: None })
    }
}

impl Walk<'_> {
    /// The next copies, at most `limit`; none at the end.
    ///
    /// # Errors
    /// The servers cannot be asked, or the point in time is gone; then begin again.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<Stored>, PortError> {
        let Some(point) = &mut self.point else { return Ok(Vec::new()) };
        let mut body = json!({
            "pit": { "id": point.id(), "keep_alive": KEEP_ALIVE },
            "size": limit.min(MAX_HITS),
            "sort": [{ "post": "asc" }],
            "track_total_hits": false,
            "_source": SOURCE.split(',').collect::<Vec<_>>(),
        });
        if let Some(after) = &self.after {
            body["search_after"] = json!([after.as_str()]);
        }
        let request = Request::new(Method::Post, "_search")
            .query("filter_path", "pit_id,_shards,hits.hits._source")
            .json(&body);
        let page: Page = self.elastic.cluster.ask(&request, self.elastic.admin_deadline()).await?;
        // Servers may change the id on the way.
        *point.id() = page.id;
        page.shards.whole()?;
        let stored = |hit: Hit| hit.source.stored(&self.elastic.kinds);
        let copies: Vec<_> = page.hits.hits.into_iter().map(stored).collect();
        self.after = copies.last().map(|copy: &Stored| copy.post.clone()).or(self.after.take());
        Ok(copies)
    }

    /// Lets the server forget the point in time; it does so by itself after a few minutes.
    ///
    /// # Errors
    /// The servers cannot be asked.
    pub async fn close(mut self) -> Result<(), PortError> {
        let Some(point) = self.point.take() else { return Ok(()) };
        self.elastic.cluster.call(&point.close(), self.elastic.admin_deadline()).await?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Docs {
    docs: Vec<Doc>,
}

#[derive(Deserialize)]
struct Doc {
    #[serde(rename = "_version", default)]
    version: u64,
    #[serde(rename = "_source")]
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Opened {
    #[serde(alias = "pit_id")]
    id: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "pit_id")]
    id: String,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(default)]
    hits: Hits,
}

/// Left out of the answer when there are none.
#[derive(Default, Deserialize)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    post: PostId,
    title: String,
    version: u64,
    counts: BTreeMap<String, u64>,
    reaction_count: u64,
    hidden: bool,
}

impl Source {
    fn stored(self, kinds: &Kinds) -> Stored {
        let Self { post, title, version, counts: named, reaction_count: total, hidden } = self;
        let mut counts = Counts::new();
        for (name, count) in named {
            if let Some(kind) = kinds.find(&name) {
                counts.set(kind, count);
            }
        }
        Stored { post, title, version, counts, total, hidden }
    }
}
