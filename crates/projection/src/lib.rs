//! How a change reaches the copies of the truth, over ports only.
//!
//! A writer tells its sinks at once, at best effort, under the cover of the outage journal. What a
//! sink missed is delivered later from the truth itself. Everything that travels is absolute and
//! versioned, so it may come twice, late, or out of order.
//!
//! | question | file |
//! |---|---|
//! | what is told to whom? | `sink.rs` |
//! | what happens when a sink is slow or gone? | `deliveries.rs` |
//! | how is delivered later what a sink missed? | `sweeper/`, `teller.rs` |
//! | is every copy what the truth says? | `auditor/` |
//! | how is noticed what a copy has lost, and how does it get it back? | `loader/` |
//! | what does a part of the log come to? | `digest.rs` |
//! | which of several instances does it? | `tenure.rs` |
//! | when does a search index or a rollup learn of a change? | `projector/` |
//! | what if a reader finds that a sink has lost a post? | `mender.rs` |

mod auditor;
mod deliveries;
mod digest;
mod loader;
mod mender;
mod projector;
mod rate;
mod settings;
mod sink;
mod sweeper;
mod teller;
mod tenure;

pub use auditor::{AuditReport, Auditor, Difference, Drift, Held};
pub use deliveries::{Covered, Deliveries};
pub use digest::Digest;
pub use loader::{Loader, LoaderPorts, Rebuild};
pub use mender::Mender;
pub use projector::Projector;
pub use settings::{AuditorSettings, LoaderSettings, ProjectorSettings, SweeperSettings};
pub use sink::{LiveSink, LogSink, Sink};
pub use sweeper::Sweeper;
