//! The state machine under a breaker: atomics on the common path, a lock for transitions.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;
use super::{BreakerConfig, Open, State};
use crate::Observer;

/// A state and how many came before it. A permit remembers the phase it was given in, so an outcome
/// that arrives after a transition is told from a current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase(u64);

impl Phase {
    const FIRST: Self = Self(State::Closed as u64);

    fn state(self) -> State {
        match self.0 & 0b11 {
            0 => State::Closed,
            1 => State::Open,
            _ => State::HalfOpen,
        }
    }

    fn next(self, state: State) -> Self {
        Self(((self.0 >> 2) + 1) << 2 | state as u64)
    }
}

/// What a call says about the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    Unknown,
}

pub(super) struct Machine {
    name: Box<str>,
    config: BreakerConfig,
    observer: Arc<dyn Observer>,
    born: Instant,
    /// Written only under `recovery`'s lock.
    phase: AtomicU64,
    /// When the rest is over, in nanoseconds since `born`; written before `phase` says open.
    rested_at: AtomicU64,
    window: Window,
    recovery: Mutex<Recovery>,
}

/// What matters only while the node is not well.
struct Recovery {
    /// Openings since it was last closed.
    openings: u32,
    /// Probes given leave and not settled.
    under_way: u32,
    /// Probes that succeeded.
    succeeded: u32,
    /// A probe still unsettled then is taken for lost.
    lease_ends: Instant,
}

/// A transition, announced after the lock is gone: an observer may call back into the breaker.
struct Moved {
    to: State,
    rest: Duration,
}

impl Machine {
    pub(super) fn new(name: Box<str>, config: BreakerConfig, observer: Arc<dyn Observer>) -> Self {
        let born = Instant::now();
        Self {
            name,
            observer,
            born,
            phase: AtomicU64::new(Phase::FIRST.0),
            rested_at: AtomicU64::new(0),
            window: Window::new(config.window, config.failures),
            recovery: Mutex::new(Recovery {
                openings: 0,
                under_way: 0,
                succeeded: 0,
                lease_ends: born,
            }),
            config,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn patience(&self) -> Duration {
        self.config.patience
    }

    pub(super) fn state(&self) -> State {
        self.phase().state()
    }

    /// The phase in which a call may be made.
    pub(super) fn acquire(&self, now: Instant) -> Result<Phase, Open> {
        let phase = self.phase();
        match phase.state() {
            State::Closed => Ok(phase),
            State::Open => self.refuse_resting(now).and_then(|()| self.probe(now)),
            State::HalfOpen => self.probe(now),
        }
    }

    /// Enters the outcome of a call made in `phase`.
    pub(super) fn settle(&self, phase: Phase, outcome: Outcome) {
        match phase.state() {
            State::Closed => self.settle_call(phase, outcome),
            State::HalfOpen => self.settle_probe(phase, outcome),
            // No call is made while open.
            State::Open => {}
        }
    }

    fn settle_call(&self, phase: Phase, outcome: Outcome) {
        if outcome == Outcome::Unknown || self.phase() != phase {
            return;
        }
        let tripped = self.window.push(outcome == Outcome::Failure);
        if !tripped {
            return;
        }
        let mut recovery = self.lock();
        if self.phase() == phase {
            let moved = self.open(&mut recovery, Instant::now());
            drop(recovery);
            self.announce(&moved);
        }
    }

    fn settle_probe(&self, phase: Phase, outcome: Outcome) {
        let mut recovery = self.lock();
        if self.phase() != phase {
            return;
        }
        recovery.under_way -= 1;
        let moved = match outcome {
            Outcome::Unknown => return,
            Outcome::Failure => self.open(&mut recovery, Instant::now()),
            Outcome::Success => {
                recovery.succeeded += 1;
                if recovery.succeeded < self.config.probes {
                    return;
                }
                self.close(&mut recovery)
            }
        };
        drop(recovery);
        self.announce(&moved);
    }

    /// Decides under the lock whether one more call may probe the node.
    fn probe(&self, now: Instant) -> Result<Phase, Open> {
        let mut recovery = self.lock();
        let moved = match self.state() {
            State::Closed => return Ok(self.phase()),
            State::Open => {
                self.refuse_resting(now)?;
                self.half_open(&mut recovery)
            }
            State::HalfOpen if recovery.has_room(self.config.probes) => {
                return Ok(self.admit(&mut recovery, now));
            }
            State::HalfOpen if now < recovery.lease_ends => {
                return Err(Open { retry_after: recovery.lease_ends - now });
            }
            State::HalfOpen => self.open(&mut recovery, now),
        };
        let admitted = match moved.to {
            State::HalfOpen => Ok(self.admit(&mut recovery, now)),
            _ => Err(Open { retry_after: moved.rest }),
        };
        drop(recovery);
        self.announce(&moved);
        admitted
    }

    fn admit(&self, recovery: &mut Recovery, now: Instant) -> Phase {
        recovery.under_way += 1;
        recovery.lease_ends = now + self.config.rest.cap;
        self.phase()
    }

    fn refuse_resting(&self, now: Instant) -> Result<(), Open> {
        let rested_at = Duration::from_nanos(self.rested_at.load(Relaxed));
        let retry_after = rested_at.saturating_sub(now - self.born);
        if retry_after.is_zero() { Ok(()) } else { Err(Open { retry_after }) }
    }

    fn open(&self, recovery: &mut Recovery, now: Instant) -> Moved {
        let rest = self.config.rest.half_jitter(recovery.openings, self.config.jitter);
        recovery.openings = recovery.openings.saturating_add(1);
        let rested_at = (now - self.born).saturating_add(rest).as_nanos();
        self.rested_at.store(u64::try_from(rested_at).unwrap_or(u64::MAX), Relaxed);
        self.enter(State::Open, rest)
    }

    fn half_open(&self, recovery: &mut Recovery) -> Moved {
        recovery.under_way = 0;
        recovery.succeeded = 0;
        self.enter(State::HalfOpen, Duration::ZERO)
    }

    fn close(&self, recovery: &mut Recovery) -> Moved {
        recovery.openings = 0;
        self.window.clear();
        self.enter(State::Closed, Duration::ZERO)
    }

    /// Callers hold the lock. The release pairs with the acquire of a reader without it.
    fn enter(&self, to: State, rest: Duration) -> Moved {
        self.phase.store(self.phase().next(to).0, Release);
        Moved { to, rest }
    }

    fn announce(&self, moved: &Moved) {
        let breaker = &*self.name;
        match moved.to {
            State::Open => {
                tracing::warn!(breaker, rest_ms = moved.rest.as_millis() as u64, "breaker opened");
            }
            State::HalfOpen => tracing::debug!(breaker, "breaker probes"),
            State::Closed => tracing::info!(breaker, "breaker closed"),
        }
        self.observer.breaker_moved(breaker, moved.to);
    }

    fn phase(&self) -> Phase {
        Phase(self.phase.load(Acquire))
    }

    fn lock(&self) -> MutexGuard<'_, Recovery> {
        // No code under the lock can leave the numbers half written.
        self.recovery.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.observer.breaker_gone(&self.name);
    }
}

impl Recovery {
    fn has_room(&self, probes: u32) -> bool {
        self.under_way + self.succeeded < probes
    }
}
