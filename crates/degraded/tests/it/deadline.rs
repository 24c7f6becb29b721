use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use kudos_degraded::{Deadline, Elapsed};
use tokio::time::{Instant, advance, sleep};

use crate::support::ms;

#[tokio::test(start_paused = true)]
async fn a_child_never_outlives_its_parent() {
    let parent = Deadline::after(ms(50));
    assert_eq!(parent.within(ms(80)), parent);
    assert_eq!(parent.within(Duration::MAX), parent);
    assert_eq!(parent.within(ms(20)).remaining(), ms(20));
    assert_eq!(parent.min(Deadline::after(ms(60))), parent);

    sleep(ms(40)).await;
    assert_eq!(parent.within(ms(20)).remaining(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_deadline_and_not_later() {
    let start = Instant::now();
    let deadline = Deadline::after(ms(50));
    assert_eq!(deadline.run(pending::<()>()).await, Err(Elapsed));
    assert_eq!(start.elapsed(), ms(50));
    assert!(deadline.is_past());
}

#[tokio::test(start_paused = true)]
async fn a_call_in_time_gives_its_value() {
    let deadline = Deadline::at(Instant::now() + ms(50));
    let call = async {
        sleep(ms(49)).await;
        7
    };
    assert_eq!(deadline.run(call).await, Ok(7));
    assert_eq!(deadline.remaining(), ms(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_not_started() {
    let deadline = Deadline::after(Duration::ZERO);
    let started = Cell::new(false);
    assert_eq!(deadline.run(async { started.set(true) }).await, Err(Elapsed));
    assert!(!started.get());
}

#[tokio::test(start_paused = true)]
async fn an_endless_budget_does_not_overflow() {
    assert!(Deadline::after(Duration::MAX).remaining() > ms(1_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_end_in_sight_still_runs() {
    let call = async {
        sleep(ms(50)).await;
        7
    };
    assert_eq!(Deadline::after(Duration::MAX).run(call).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_call_cut_by_the_deadline_is_dropped_before_the_caller_goes_on() {
    struct Held<'a>(&'a Cell<bool>);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Cell::new(false);
    let held = Held(&dropped);
    let call = async {
        let _held = held;
        pending::<()>().await;
    };
    assert_eq!(Deadline::after(ms(50)).run(call).await, Err(Elapsed));
    assert!(dropped.get());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_lets_go_of_its_task_ends_in_time_all_the_same() {
    let busy = async {
        loop {
            tokio::task::consume_budget().await;
        }
    };
    let deadline = Deadline::after(ms(50));
    // Nothing is idle here, so that paused time does not go on by itself.
    tokio::spawn(advance(ms(51)));
    assert_eq!(deadline.run(busy).await, Err::<(), _>(Elapsed));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ended_is_dropped_even_if_its_future_is_kept() {
    let held = std::rc::Rc::new(());
    let inside = held.clone();
    let mut call = Box::pin(Deadline::after(ms(50)).run(async move {
        sleep(ms(10)).await;
        drop(inside);
    }));
    assert_eq!(call.as_mut().await, Ok(()));
    assert_eq!(std::rc::Rc::strong_count(&held), 1);
}

#[test]
fn a_call_may_be_made_before_there_is_a_runtime() {
    let call = Deadline::after(ms(50)).run(async { 7 });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(call), Ok(7));
}
