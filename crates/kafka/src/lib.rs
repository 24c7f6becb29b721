//! The log of changes on Kafka: who publishes them, who follows them, and who shares the work of
//! applying them.
//!
//! | question | file |
//! |---|---|
//! | how is a change published, and read from a position? | [`KafkaLog`], `log.rs` |
//! | how do several instances share the changes? | [`KafkaFeed`], `feed/` |
//! | what does a record look like? | [`event`], `schema/reaction-event.v1.json` |
//! | what can be set? | [`KafkaSettings`], `settings.rs` |
//! | is Kafka usable, and which topics does it need? | [`check`], [`migrate_topics`], `admin/` |
//! | what is wrong with my brokers, and what has to be done? | [`examine`], `admin/examine.rs` |
//! | how does a record get to Kafka, and never twice in another order? | `publisher.rs` |
//! | who reads pages for many clients with few connections? | `reader.rs` |
//!
//! A record says what is, never "+1", so that one that comes twice, late or after a newer one is
//! harmless. All of a post are in one partition, in their order. What could not be delivered in
//! time is not sent by anybody here: the outage journal knows of it.
//!
//! Everything starts without Kafka, and goes on when it is there. Troubles are told once, when they
//! begin and when they end; librdkafka's own lines are at debug level, under its name.

mod admin;
mod asking;
mod client;
pub mod event;
mod fault;
mod feed;
mod log;
mod offsets;
mod publisher;
mod reader;
mod settings;

pub use admin::{
    Difference, TopicOutcome, TopicReport, check, examine, inspect_topics, migrate_topics,
};
pub use fault::KafkaFault;
pub use feed::KafkaFeed;
pub use log::KafkaLog;
pub use settings::{KafkaSettings, SaslMechanism, Security};
