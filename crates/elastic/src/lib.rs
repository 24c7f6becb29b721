//! Full-text search over posts on Elasticsearch (8 or later) or OpenSearch (2 or later).
//!
//! [`Elastic`] is the [`PostIndex`](kudos_core::ports::PostIndex) that searches ask, and the
//! [`Projection`](kudos_core::ports::Projection) that the projector feeds. The official client
//! carries the requests; what it leaves out is here: time limits, nodes that are skipped while
//! they are sick, a second node, and a look at every item of a bulk answer. Only what both
//! products and their smallest distributions have is used.
//!
//! | question | file |
//! |---|---|
//! | what can be set? | `settings.rs` |
//! | which node is asked, and which instead? | `cluster.rs`, `node.rs` |
//! | what does a failure mean? | `error.rs` |
//! | what is stored of a post? | `document.rs`, `migrations/elasticsearch` |
//! | how do snapshots get in, in any order? | `projection.rs`, `bulk.rs` |
//! | how is a search put, and in which order do hits come? | `query.rs`, `search.rs` |
//! | what does the index hold, hidden or not yet visible? | `walk.rs` |
//! | what is compared with the truth, and mended by hand? | `mirror.rs` |
//! | who makes the index? | `migrate.rs`, `schema.rs` |
//! | what is wrong with my set-up? | `check.rs`; with everything, and what has to be done: [`examine`], `examine.rs` |
//!
//! Words are what the servers' `standard` tokenizer makes of a text (Unicode's word boundaries),
//! in lower case: the smallest distribution has no other filters. Unlike in the embedded index,
//! accents count, and `don't` or `example.com` is one word.

mod bulk;
mod check;
mod cluster;
mod document;
mod elastic;
mod error;
mod examine;
mod migrate;
mod mirror;
mod node;
mod projection;
mod query;
mod schema;
mod search;
mod settings;
mod walk;

pub use check::{CheckError, Checked};
pub use elastic::Elastic;
pub use error::{CallError, Refusal};
pub use examine::examine;
pub use migrate::{MigrateError, Report, migrate};
pub use settings::ElasticSettings;
pub use walk::{Stored, Walk};
