use std::sync::{Arc, OnceLock, Weak};

use kudos_degraded::{BreakerConfig, Breakers, ConfigError, Observer, State};

use crate::support::{Journal, config, trip};

#[tokio::test(start_paused = true)]
async fn one_bad_node_is_one_bad_node() {
    let breakers = Breakers::new(config(), 8).unwrap();
    trip(&breakers.get("a"));
    assert!(breakers.get("a").try_acquire().is_err());
    assert!(breakers.get("b").try_acquire().is_ok());
    assert_eq!(breakers.states(), [("a".into(), State::Open), ("b".into(), State::Closed)]);
}

#[tokio::test(start_paused = true)]
async fn it_never_holds_more_than_its_capacity_and_forgets_the_idle_first() {
    let breakers = Breakers::new(config(), 3).unwrap();
    let held = breakers.get("a");
    trip(&breakers.get("b"));
    for node in ["c", "d", "e", "f"] {
        breakers.get(node);
    }
    let names: Vec<_> = breakers.states().into_iter().map(|(node, _)| node).collect();
    assert_eq!(names, ["a".into(), "b".into(), Box::<str>::from("f")]);
    trip(&held);
    assert_eq!(breakers.get("a").state(), State::Open, "a held breaker is still the node's");
}

#[tokio::test(start_paused = true)]
async fn nodes_that_left_the_topology_are_forgotten() {
    let breakers = Breakers::new(config(), 3).unwrap();
    breakers.get("a");
    breakers.get("b");
    breakers.retain(|node| node == "b");
    assert_eq!(breakers.states(), [("b".into(), State::Closed)]);
}

#[tokio::test(start_paused = true)]
async fn transitions_carry_the_nodes_name() {
    let journal = Journal::new();
    let breakers = Breakers::observed(config(), 3, journal.clone()).unwrap();
    trip(&breakers.get("10.0.0.1:6379"));
    assert_eq!(journal.take(), ["10.0.0.1:6379 open"]);
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_of_a_node_that_left_once_nobody_holds_its_breaker() {
    let journal = Journal::new();
    let breakers = Breakers::observed(config(), 3, journal.clone()).unwrap();
    let held = breakers.get("a");
    breakers.get("b");
    breakers.retain(|_| false);
    assert_eq!(journal.take(), ["b gone"]);
    drop(held);
    assert_eq!(journal.take(), ["a gone"]);
}

/// Asks the registry whatever it is told, as an observer may.
struct Curious(OnceLock<Weak<Breakers>>);

impl Observer for Curious {
    fn breaker_gone(&self, _: &str) {
        self.0.get().and_then(Weak::upgrade).map(|breakers| breakers.get("c").state());
    }
}

#[test]
fn an_observer_that_hears_of_a_node_that_left_may_ask_the_registry() {
    let curious = Arc::new(Curious(OnceLock::new()));
    let breakers = Arc::new(Breakers::observed(config(), 2, curious.clone()).unwrap());
    curious.0.set(Arc::downgrade(&breakers)).unwrap();
    breakers.get("a");
    breakers.get("b");
    breakers.retain(|node| node == "b");
    // Full now, with `b` and the `c` of the observer.
    breakers.get("d");
    assert_eq!(breakers.states().len(), 2);
}

#[test]
fn a_registry_for_no_node_is_refused() {
    let refused = Breakers::new(config(), 0).unwrap_err();
    assert_eq!(refused, ConfigError::Zero { setting: "capacity" });
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_back_starts_closed() {
    let breakers = Breakers::new(config(), 3).unwrap();
    trip(&breakers.get("a"));
    breakers.retain(|_| false);
    assert_eq!(breakers.get("a").state(), State::Closed);
}

#[test]
fn threads_that_meet_a_node_together_share_its_breaker() {
    let breakers = Breakers::new(BreakerConfig { failures: 5, ..config() }, 3).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| breakers.get("a").try_acquire().unwrap().failure());
        }
    });
    assert_eq!(breakers.states(), [("a".into(), State::Open)]);
}
