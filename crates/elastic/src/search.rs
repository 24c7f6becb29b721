//! Searching.

use std::str::FromStr;

use async_trait::async_trait;
use elasticsearch::http::Method;
use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery, PostIndex};
use kudos_core::{Millis, PortError, PostId};
use kudos_degraded::Deadline;
use serde::Deserialize;

use crate::elastic::Elastic;
use crate::error::CallError;
use crate::node::Request;
use crate::query;

#[async_trait]
impl PostIndex for Elastic {
    async fn refresh(&self) -> Result<(), PortError> {
        let request = Request::new(Method::Post, format!("{}/_refresh", self.index));
        let answer: Refreshed = self.cluster.ask(&request, self.admin_deadline()).await?;
        answer.shards.whole()
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let deadline = Deadline::after(self.search_budget);
        let body = query::body(query, self.search_budget);
        let request = Request::new(Method::Post, format!("{}/_search", self.index))
            .query("filter_path", "timed_out,_shards,hits.hits.fields")
            .json(&body);
        // Equal texts score alike only if all shards score by the same statistics.
        let request = match query.order {
            IndexOrder::Relevance => request.query("search_type", "dfs_query_then_fetch"),
            IndexOrder::Popular | IndexOrder::Recent(_) => request,
        };
        let found: Found = self.cluster.ask(&request, deadline).await?;
        found.hits()
    }
}

#[derive(Deserialize)]
struct Refreshed {
    #[serde(rename = "_shards")]
    shards: Shards,
}

/// How many shards answered.
#[derive(Deserialize)]
pub(crate) struct Shards {
    total: u32,
    failed: u32,
}

impl Shards {
    /// # Errors
    /// [`PortError::Unavailable`] if some of them did not answer: a part must not pass for the
    /// whole.
    pub(crate) fn whole(&self) -> Result<(), PortError> {
        let Self { total, failed } = self;
        match failed {
            0 => Ok(()),
            _ => Err(PortError::Unavailable(format!("{failed} of {total} shards failed"))),
        }
    }
}

#[derive(Deserialize)]
struct Found {
    timed_out: bool,
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
    fields: Columns,
}

/// Columns come as lists of values; times as text.
#[derive(Deserialize)]
struct Columns {
    post: [PostId; 1],
    created_at: [String; 1],
    reaction_count: [u64; 1],
}

impl Found {
    fn hits(self) -> Result<Vec<IndexHit>, PortError> {
        self.shards.whole()?;
        if self.timed_out {
            return Err(PortError::Timeout);
        }
        self.hits.hits.into_iter().map(|hit| hit.fields.hit()).collect()
    }
}

impl Columns {
    fn hit(self) -> Result<IndexHit, PortError> {
        let Self { post: [post], created_at: [created_at], reaction_count: [total] } = self;
        let created_at = u64::from_str(&created_at).map(Millis).map_err(|_| {
            CallError::Unintelligible(format!("{post} was created at {created_at:?}"))
        })?;
        Ok(IndexHit { post, created_at, total })
    }
}
