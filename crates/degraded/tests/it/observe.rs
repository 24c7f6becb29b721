//! What a service sees of the pieces: labels, reasons and texts, which its dashboards rely on.

use kudos_degraded::{
    Bulkhead, BulkheadConfig, CallError, Deadline, Elapsed, FallbackChain, Full, Observer, Open,
    Reason, RetryBudget, Source, State,
};

use crate::support::{Failure, broken, ms};

#[test]
fn labels_are_words_that_stay() {
    use Reason::{Abandoned, Error, Full, Open, Partial, Timeout};
    let reasons = [Timeout, Open, Full, Error, Partial, Abandoned];
    let labels = ["timeout", "open", "full", "error", "partial", "abandoned"];
    assert_eq!(reasons.map(Reason::as_str), labels);
    assert_eq!(reasons.map(|reason| reason.to_string()), labels);
    let states = [State::Closed, State::Open, State::HalfOpen];
    assert_eq!(states.map(State::as_str), ["closed", "open", "half_open"]);
}

#[test]
fn each_refusal_has_its_reason_however_it_is_wrapped() {
    let open = Open { retry_after: ms(1) };
    let bare: [Reason; 3] = [Elapsed.into(), open.into(), Full.into()];
    assert_eq!(bare, [Reason::Timeout, Reason::Open, Reason::Full]);
    let wrapped: [Failure; 4] = [Elapsed.into(), open.into(), Full.into(), broken()];
    let wrapped = wrapped.map(Reason::from);
    assert_eq!(wrapped, [Reason::Timeout, Reason::Open, Reason::Full, Reason::Error]);
}

#[test]
fn an_error_tells_its_cause_once() {
    let error: Failure = broken();
    assert_eq!(error.to_string(), "the call failed");
    let cause = std::error::Error::source(&error).expect("the call's own error");
    assert_eq!(cause.to_string(), "connection reset");
    let refused: Failure = CallError::from(Full);
    assert_eq!(refused.to_string(), Full.to_string());
    assert!(std::error::Error::source(&refused).is_none());
}

/// Overrides nothing.
struct Silent;

impl Observer for Silent {}

#[tokio::test(start_paused = true)]
async fn an_observer_overrides_only_what_it_counts() {
    let silent = std::sync::Arc::new(Silent);
    let config = BulkheadConfig { concurrency: 1, queue: 0, max_wait: ms(0) };
    let bulkhead = Bulkhead::observed("node", config, silent.clone()).unwrap();
    let _held = bulkhead.try_enter().unwrap();
    assert_eq!(bulkhead.try_enter().unwrap_err(), Full);
    let budget = RetryBudget::observed("node", 10, 1, silent.clone()).unwrap();
    assert!(budget.try_withdraw() && !budget.try_withdraw());
    let error = FallbackChain::new("counts", Deadline::after(ms(400)))
        .observed_by(&*silent)
        .source(Source::new("live", ms(40)), async |_| Err::<(), _>(Full))
        .await
        .finish()
        .unwrap_err();
    assert_eq!(error.to_string(), "no source of counts answered: live=full");
}
