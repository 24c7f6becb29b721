//! On a real Cassandra: `make stack-up`, then `make test-stack`.

mod buckets;
mod contracts;
mod fence;
mod journal;
mod leases;
mod projections;
mod proxy;
mod server;
mod settling;
mod starts;
mod two_writers;
