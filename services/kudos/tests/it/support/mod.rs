//! A server process, its clients, and the checker that remembers what was acknowledged.

mod api;
mod ledger;
mod load;
mod raw;
mod server;

pub(crate) use api::{Answer, Api, Op, Ranked, answer, numbered_posts};
pub(crate) use ledger::Shared;
pub(crate) use load::Load;
pub(crate) use raw::{RawAnswer, exchange, get, read_answer};
pub(crate) use server::{Launch, Server, Stopped, kudos};
