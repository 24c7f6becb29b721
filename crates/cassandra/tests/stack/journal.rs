//! The outage journal, with a clock that the tests move.

use std::sync::Arc;
use std::time::Duration;

use kudos_cassandra::{Cassandra, Journal};
use kudos_core::ports::{DueWindow, OutageJournal, OutageWindows};
use kudos_core::{Clock, SystemClock};
use kudos_testkit::{ManualClock, Scope};

use crate::server;

const WINDOW: Duration = Duration::from_secs(10);
const DEAD: Duration = Duration::from_secs(31);

/// A writer, and a sweeper that lives longer.
async fn open() -> (Cassandra, Cassandra, ManualClock) {
    let clock = ManualClock::new(SystemClock.now());
    let settings = server::settings(server::KEYSPACE);
    let writer = server::connect_at(&settings, Arc::new(clock.clone())).await;
    let sweeper = server::connect_at(&settings, Arc::new(clock.clone())).await;
    (writer, sweeper, clock)
}

/// What is due of one writer.
async fn due(sweeper: &Journal, instance: &str) -> Vec<DueWindow> {
    let mut due = sweeper.due(100_000).await.unwrap();
    due.retain(|due| due.instance == instance);
    due
}

async fn first_due(sweeper: &Journal, instance: &str) -> DueWindow {
    let ask = async || due(sweeper, instance).await.into_iter().next();
    server::eventually("a window is due", ask).await
}

#[tokio::test]
async fn a_clean_window_is_never_due() {
    let (writer, sweeper, clock) = open().await;
    let instance = writer.journal.instance().to_owned();
    let ticket = writer.journal.cover(&Scope::new().post("p")).await.unwrap();
    writer.journal.end(ticket);
    writer.close().await;
    clock.advance(DEAD);
    assert_eq!(due(&sweeper.journal, &instance).await, []);
}

#[tokio::test]
async fn what_a_sink_missed_is_due_once_its_window_is_closed_until_it_is_told() {
    let (writer, sweeper, clock) = open().await;
    let (journal, scope) = (&writer.journal, Scope::new());
    let posts = ["a", "b", "c"].map(|name| scope.post(name));
    for post in &posts {
        let ticket = journal.cover(post).await.unwrap();
        journal.missed(ticket, "live");
        journal.end(ticket);
    }
    assert_eq!(due(&sweeper.journal, journal.instance()).await, []);
    clock.advance(WINDOW);
    let window = first_due(&sweeper.journal, journal.instance()).await;
    assert_eq!(
        (window.missed.as_deref(), window.in_doubt),
        (Some(&["live".to_owned()][..]), false)
    );
    let first = sweeper.journal.posts(&window, None, 2).await.unwrap();
    let rest = sweeper.journal.posts(&window, first.last(), 2).await.unwrap();
    assert_eq!([first, rest].concat(), posts);
    sweeper.journal.told(&window, &[]).await.unwrap();
    assert_eq!(due(&sweeper.journal, journal.instance()).await, []);
}

#[tokio::test]
async fn a_commit_in_doubt_is_due_to_any_sink() {
    let (writer, sweeper, clock) = open().await;
    let journal = &writer.journal;
    let ticket = journal.cover(&Scope::new().post("p")).await.unwrap();
    clock.advance(WINDOW);
    journal.in_doubt(ticket);
    journal.end(ticket);
    let window = first_due(&sweeper.journal, journal.instance()).await;
    assert_eq!((window.missed.clone(), window.in_doubt), (None, true));
    sweeper.journal.told(&window, &["log".to_owned()]).await.unwrap();
    let window = first_due(&sweeper.journal, journal.instance()).await;
    assert_eq!(window.missed, Some(vec!["log".to_owned()]));
    sweeper.journal.told(&window, &[]).await.unwrap();
    assert_eq!(due(&sweeper.journal, journal.instance()).await, []);
}

#[tokio::test]
async fn what_a_dead_writer_left_open_is_due_until_it_is_told() {
    let (writer, sweeper, clock) = open().await;
    let (instance, scope) = (writer.journal.instance().to_owned(), Scope::new());
    let post = scope.post("p");
    writer.journal.cover(&post).await.unwrap();
    // Not closed: it dies.
    drop(writer);
    assert_eq!(due(&sweeper.journal, &instance).await, []);
    clock.advance(DEAD);
    let window = first_due(&sweeper.journal, &instance).await;
    assert_eq!((window.missed.clone(), window.in_doubt), (None, true));
    assert_eq!(sweeper.journal.posts(&window, None, 10).await.unwrap(), [post]);
    sweeper.journal.told(&window, &["live".to_owned()]).await.unwrap();
    let window = first_due(&sweeper.journal, &instance).await;
    assert_eq!(window.missed, Some(vec!["live".to_owned()]));
    sweeper.journal.told(&window, &[]).await.unwrap();
    assert_eq!(due(&sweeper.journal, &instance).await, []);
}

#[tokio::test]
async fn a_writer_that_was_stopped_for_long_takes_its_open_windows_for_missed() {
    let (writer, sweeper, clock) = open().await;
    let journal = &writer.journal;
    let ticket = journal.cover(&Scope::new().post("p")).await.unwrap();
    clock.advance(DEAD);
    journal.end(ticket);
    // Due as left open at first, then as recorded by the writer itself.
    let ask = async || {
        let due = due(&sweeper.journal, journal.instance()).await;
        due.into_iter().find(|due| due.missed.is_none() && due.in_doubt)
    };
    server::eventually("the window is due", ask).await;
    writer.close().await;
}
