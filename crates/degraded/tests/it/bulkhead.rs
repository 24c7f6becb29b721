use std::pin::pin;

use futures::FutureExt;
use kudos_degraded::{Bulkhead, BulkheadConfig, ConfigError, Deadline, Full};
use tokio::time::{Instant, timeout};

use crate::support::{Journal, ms};

const CONFIG: BulkheadConfig = BulkheadConfig { concurrency: 2, queue: 1, max_wait: ms(50) };

fn soon() -> Deadline {
    Deadline::after(ms(1000))
}

#[tokio::test(start_paused = true)]
async fn beyond_slots_and_queue_it_refuses_at_once() {
    let (journal, start) = (Journal::new(), Instant::now());
    let bulkhead = Bulkhead::observed("node", CONFIG, journal.clone()).unwrap();
    let first = bulkhead.enter(soon()).await.unwrap();
    let _second = bulkhead.enter(soon()).await.unwrap();
    assert_eq!(bulkhead.try_enter().unwrap_err(), Full);

    let (queued, refused, ()) =
        tokio::join!(bulkhead.enter(soon()), async { bulkhead.enter(soon()).await }, async {
            assert_eq!(bulkhead.waiting(), 1);
            drop(first);
        });
    assert!(queued.is_ok());
    assert_eq!(refused.unwrap_err(), Full);
    assert_eq!((start.elapsed(), bulkhead.waiting()), (ms(0), 0));
    assert_eq!(journal.take(), ["node full", "node full"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_deadline_or_the_longest_wait() {
    let bulkhead = Bulkhead::new("node", CONFIG).unwrap();
    let _held = (bulkhead.try_enter().unwrap(), bulkhead.try_enter().unwrap());
    for (deadline, waited) in [(1000, 50), (20, 20)] {
        let start = Instant::now();
        assert_eq!(bulkhead.enter(Deadline::after(ms(deadline))).await.unwrap_err(), Full);
        assert_eq!(start.elapsed(), ms(waited));
    }
    assert_eq!(bulkhead.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_queue() {
    let bulkhead = Bulkhead::new("node", CONFIG).unwrap();
    let held = (bulkhead.try_enter().unwrap(), bulkhead.try_enter().unwrap());
    assert!(timeout(ms(10), bulkhead.enter(soon())).await.is_err());
    assert_eq!(bulkhead.waiting(), 0);
    drop(held);
    assert_eq!(bulkhead.available(), 2);
}

#[test]
fn a_bulkhead_without_slots_is_refused() {
    let refused = |concurrency| {
        let config = BulkheadConfig { concurrency, ..CONFIG };
        Bulkhead::new("node", config).map(drop).unwrap_err()
    };
    assert_eq!(refused(0), ConfigError::Zero { setting: "concurrency" });
    assert!(matches!(refused(usize::MAX), ConfigError::TooLarge { .. }));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_or_a_wait_nobody_waits() {
    let no_queue = BulkheadConfig { queue: 0, ..CONFIG };
    let no_wait = BulkheadConfig { max_wait: ms(0), ..CONFIG };
    for config in [no_queue, no_wait] {
        let (start, bulkhead) = (Instant::now(), Bulkhead::new("node", config).unwrap());
        let _held = (bulkhead.try_enter().unwrap(), bulkhead.try_enter().unwrap());
        assert_eq!(bulkhead.enter(soon()).await.unwrap_err(), Full);
        assert_eq!((start.elapsed(), bulkhead.waiting()), (ms(0), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn slots_are_given_in_the_order_of_the_queue_and_not_to_who_comes_later() {
    let config = BulkheadConfig { concurrency: 1, queue: 2, max_wait: ms(50) };
    let bulkhead = Bulkhead::new("node", config).unwrap();
    let held = bulkhead.try_enter().unwrap();
    let (mut first, mut second) = (pin!(bulkhead.enter(soon())), pin!(bulkhead.enter(soon())));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    drop(held);
    assert_eq!(bulkhead.try_enter().unwrap_err(), Full, "the slot is promised");
    assert!(second.as_mut().now_or_never().is_none());
    let slot = first.now_or_never().expect("its turn").unwrap();
    drop(slot);
    assert!(second.now_or_never().expect("its turn").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_slot_promised_to_a_caller_that_goes_away_is_free_again() {
    let bulkhead = Bulkhead::new("node", CONFIG).unwrap();
    let held = (bulkhead.try_enter().unwrap(), bulkhead.try_enter().unwrap());
    let mut waiter = Box::pin(bulkhead.enter(soon()));
    assert!(waiter.as_mut().now_or_never().is_none());
    drop(held);
    drop(waiter);
    assert_eq!((bulkhead.available(), bulkhead.waiting()), (2, 0));
}
