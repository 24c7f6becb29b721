//! What the tests share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kudos_degraded::{Backoff, Breaker, BreakerConfig, CallError, Jitter, Observer, Reason, State};

pub(crate) type Failure = CallError<std::io::Error>;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn broken() -> Failure {
    CallError::Failed(std::io::ErrorKind::ConnectionReset.into())
}

/// Opens at 3 of 5, rests 100, 200, 400, 400 … ms, closes after 2 probes, waits 30 ms.
pub(crate) fn config() -> BreakerConfig {
    BreakerConfig {
        window: 5,
        failures: 3,
        rest: Backoff::new(ms(100), ms(400)),
        jitter: Jitter::NONE,
        probes: 2,
        patience: ms(30),
    }
}

pub(crate) fn breaker() -> Breaker {
    Breaker::new("node", config()).expect("valid settings")
}

/// Fails calls until the breaker opens.
pub(crate) fn trip(breaker: &Breaker) {
    for _ in 0..config().failures {
        breaker.try_acquire().expect("still closed").failure();
    }
    assert_eq!(breaker.state(), State::Open);
}

/// Writes every event down as a line.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<String>>);

impl Journal {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics in here"))
    }

    fn add(&self, line: String) {
        self.0.lock().expect("no test panics in here").push(line);
    }
}

impl Observer for Journal {
    fn breaker_moved(&self, breaker: &str, to: State) {
        self.add(format!("{breaker} {}", to.as_str()));
    }

    fn breaker_gone(&self, breaker: &str) {
        self.add(format!("{breaker} gone"));
    }

    fn fallback_taken(&self, chain: &'static str, source: &'static str, reason: Reason) {
        self.add(format!("{chain} past {source} {reason}"));
    }

    fn delivery_missed(&self, sink: &'static str, reason: Reason) {
        self.add(format!("{sink} missed {reason}"));
    }

    fn retried(&self, budget: &'static str) {
        self.add(format!("{budget} retried"));
    }

    fn retry_refused(&self, budget: &'static str) {
        self.add(format!("{budget} refused"));
    }

    fn bulkhead_refused(&self, bulkhead: &'static str) {
        self.add(format!("{bulkhead} full"));
    }
}
