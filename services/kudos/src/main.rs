//! Kudos.
fn main() {}
