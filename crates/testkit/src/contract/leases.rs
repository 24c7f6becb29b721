//! The promises of [`Leases`], one by one.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::Leases;

use super::HasLeases;
use super::support::eventually;
use crate::scope::Scope;

/// Makes a test of each check of leases; the backend has [`HasLeases`].
#[macro_export]
macro_rules! leases_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, leases:
            one_holds_a_lease_and_renews_it,
            leases_of_different_names_are_different,
            a_lease_given_back_is_free,
            nobody_gives_back_what_another_holds,
            a_lease_that_is_not_renewed_ends_by_itself,
            of_many_who_ask_at_once_one_gets_it,
        }
    };
}

/// Longer than any check.
const LONG: Duration = Duration::from_secs(600);
/// Short, and still more than the least that a server may count in.
const SHORT: Duration = Duration::from_secs(2);

async fn hold(leases: &Arc<dyn Leases>, name: &str, holder: &str, span: Duration) -> bool {
    leases.hold(name, holder, span).await.expect("the backend answers")
}

/// And another does not.
pub async fn one_holds_a_lease_and_renews_it<B: HasLeases>() {
    let (backend, name) = (B::open().await, Scope::new().to_string());
    let leases = backend.leases();
    for _ in 0..3 {
        assert!(hold(&leases, &name, "a", LONG).await);
        assert!(!hold(&leases, &name, "b", LONG).await);
    }
}

/// Both at once.
pub async fn leases_of_different_names_are_different<B: HasLeases>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let leases = backend.leases();
    assert!(hold(&leases, &format!("{scope}x"), "a", LONG).await);
    assert!(hold(&leases, &format!("{scope}y"), "b", LONG).await);
}

/// At once, and to anybody.
pub async fn a_lease_given_back_is_free<B: HasLeases>() {
    let (backend, name) = (B::open().await, Scope::new().to_string());
    let leases = backend.leases();
    for holder in ["a", "b", "a"] {
        assert!(hold(&leases, &name, holder, LONG).await);
        assert_eq!(leases.release(&name, holder).await, Ok(()));
    }
}

/// Nor what nobody holds.
pub async fn nobody_gives_back_what_another_holds<B: HasLeases>() {
    let (backend, name) = (B::open().await, Scope::new().to_string());
    let leases = backend.leases();
    assert_eq!(leases.release(&name, "b").await, Ok(()));
    assert!(hold(&leases, &name, "a", LONG).await);
    assert_eq!(leases.release(&name, "b").await, Ok(()));
    assert!(!hold(&leases, &name, "b", LONG).await);
}

/// Its holder died.
pub async fn a_lease_that_is_not_renewed_ends_by_itself<B: HasLeases>() {
    let (backend, name) = (B::open().await, Scope::new().to_string());
    let leases = backend.leases();
    assert!(hold(&leases, &name, "a", SHORT).await);
    assert!(!hold(&leases, &name, "b", SHORT).await);
    eventually("taken over", async || hold(&leases, &name, "b", LONG).await).await;
    assert!(!hold(&leases, &name, "a", LONG).await);
}

/// A race from the start.
pub async fn of_many_who_ask_at_once_one_gets_it<B: HasLeases>() {
    let (backend, name) = (B::open().await, Scope::new().to_string());
    let leases = backend.leases();
    let askers = (0..16).map(|i| {
        let (leases, name) = (leases.clone(), name.clone());
        tokio::spawn(async move { hold(&leases, &name, &i.to_string(), LONG).await })
    });
    let held = futures::future::join_all(askers).await;
    let held = held.into_iter().filter(|held| held.as_ref().is_ok_and(|&held| held)).count();
    assert_eq!(held, 1);
}
