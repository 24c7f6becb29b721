//! What needs no broker: the schema of events, settings, and a Kafka that is not there.

mod down;
mod schema;
mod settings;
