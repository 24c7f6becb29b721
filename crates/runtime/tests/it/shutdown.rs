//! Tracked tasks at the stop.

use std::time::Duration;

use kudos_runtime::shutdown::Shutdown;

const GRACE: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn the_stop_waits_for_tasks_that_end() {
    let shutdown = Shutdown::new();
    let inner = shutdown.clone();
    let task = shutdown.spawn(async move {
        inner.cancelled().await;
        "flushed"
    });
    shutdown.begin();
    shutdown.drained(GRACE).await.unwrap();
    assert_eq!(task.await.unwrap(), "flushed");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_is_left_behind_after_the_grace() {
    let shutdown = Shutdown::new();
    shutdown.spawn(std::future::pending::<()>());
    shutdown.begin();
    let began = tokio::time::Instant::now();
    assert_eq!(shutdown.drained(GRACE).await.unwrap_err().count, 1);
    assert_eq!(began.elapsed(), GRACE);
    assert_eq!(shutdown.remaining(GRACE), Duration::ZERO);
}
