//! Leases on a shared server.

use std::time::Duration;

use kudos_core::ports::Leases;
use kudos_testkit::Scope;

use crate::server;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn one_of_two_holds_a_lease_and_the_other_gets_it_when_it_is_released() {
    let (a, b, name) = (server::connect().await, server::connect().await, Scope::new().to_string());
    let (one, two) = tokio::join!(a.leases.hold(&name, "a", LONG), b.leases.hold(&name, "b", LONG));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one != two, "one of two");
    let (holder, other) = if one { ("a", "b") } else { ("b", "a") };
    assert_eq!(a.leases.hold(&name, holder, LONG).await, Ok(true), "renewed");
    a.leases.release(&name, other).await.unwrap();
    assert_eq!(a.leases.hold(&name, other, LONG).await, Ok(false));
    a.leases.release(&name, holder).await.unwrap();
    assert_eq!(a.leases.hold(&name, other, LONG).await, Ok(true));
}

#[tokio::test]
async fn a_lease_ends_by_itself() {
    let (cassandra, name) = (server::connect().await, Scope::new().to_string());
    let leases = &cassandra.leases;
    assert_eq!(leases.hold(&name, "a", Duration::from_millis(1)).await, Ok(true));
    let taken = async || leases.hold(&name, "b", LONG).await.unwrap().then_some(());
    server::eventually("another takes over", taken).await;
}
