//! What needs no Cassandra.

mod login;
