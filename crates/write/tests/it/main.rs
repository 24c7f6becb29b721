//! What a write promises, on backends in memory that misbehave on demand.

mod posts;
mod reactions;
mod sinks;
mod truth;
mod world;
