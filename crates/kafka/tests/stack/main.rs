//! On a real broker: the port's contract, groups, records set aside, faults.

mod broker;
mod contract;
mod group;
mod measure;
mod secure;
mod topics;
