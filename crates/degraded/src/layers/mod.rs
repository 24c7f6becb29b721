//! The pieces as tower layers, so that adapters and services stack the same ones.
//!
//! A layer refuses with its own error turned into the inner service's by `From`, so the error type
//! stays the same through the stack: [`CallError`](crate::CallError), a boxed error, or an enum of
//! the service's own.
//!
//! Outermost first, a stack for one node reads:
//!
//! ```
//! use std::time::Duration;
//! use kudos_degraded::{Breaker, BreakerConfig, Bulkhead, BulkheadConfig, CallError};
//! use kudos_degraded::layers::{BreakerLayer, BulkheadLayer, DeadlineLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     // All of it, the queue included.
//!     .layer(DeadlineLayer::new(Duration::from_millis(200)))
//!     // Outside the breaker: a refusal here says nothing about the node.
//!     .layer(BulkheadLayer::new(Bulkhead::new("redis", BulkheadConfig::default())?))
//!     .layer(BreakerLayer::new(Breaker::new("10.0.0.1:6379", BreakerConfig::default())?))
//!     // Inside the breaker, which sees the time-out of one call as a failure.
//!     .layer(DeadlineLayer::new(Duration::from_millis(40)))
//!     .service(service_fn(async |n: u32| Ok::<_, CallError<std::io::Error>>(n + 1)));
//! assert_eq!(service.oneshot(1).await?, 2);
//! # Ok(())
//! # }
//! ```

mod breaker;
mod bulkhead;
mod deadline;

pub use breaker::{BreakerFuture, BreakerLayer, BreakerService};
pub use bulkhead::{BulkheadFuture, BulkheadLayer, BulkheadService};
pub use deadline::{DeadlineFuture, DeadlineLayer, DeadlineService};
