//! The nodes together: whom to ask, and whom instead if that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use kudos_degraded::{
    Backoff, Breaker, BreakerConfig, Breakers, Deadline, Jitter, Observer, Permit, RetryBudget,
    State,
};
use kudos_runtime::config::InvalidSetting;
use serde::de::DeserializeOwned;

use crate::error::CallError;
use crate::node::{Node, Request};
use crate::settings::{ElasticSettings, invalid};

/// The share of the time left that a node gets while another could take over: the other one needs
/// time too.
const FIRST_SHARE: f64 = 2.0 / 3.0;
/// Retries per 100 calls, and at once.
const RETRY_PERCENT: u32 = 20;
const RETRY_BURST: u32 = 20;
/// Rounds of one call that is retried, and the pauses between them.
const ROUNDS: u32 = 5;
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// All nodes that are configured. Each call goes to the next one whose breaker lets it.
#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    next: AtomicUsize,
    retries: RetryBudget,
}

impl Cluster {
    /// Asks nobody yet.
    pub(crate) fn new(
        settings: &ElasticSettings,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidSetting> {
        settings.validate()?;
        kudos_runtime::tls::install();
        let urls = settings.nodes()?;
        let internal = |error: kudos_degraded::ConfigError| invalid("urls", error.to_string());
        let breakers = Breakers::observed(breaker(urls.len()), urls.len(), observer.clone());
        let breakers = breakers.map_err(internal)?;
        let node = |url: elasticsearch::http::Url| {
            let breaker = breakers.get(url.as_str().trim_end_matches('/'));
            Node::new(url, settings, breaker)
        };
        let nodes = urls.into_iter().map(node).collect::<Result<_, _>>()?;
        let retries = RetryBudget::observed("elastic", RETRY_PERCENT, RETRY_BURST, observer);
        Ok(Self { nodes, next: AtomicUsize::new(0), retries: retries.map_err(internal)? })
    }

    /// Sends the request to a node; if that node fails, to another one, once.
    pub(crate) async fn call(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Bytes, CallError> {
        self.retries.deposit();
        let mut asked = None;
        let mut resting = Duration::MAX;
        let first = self.next.fetch_add(1, Relaxed);
        for place in (0..self.nodes.len()).map(|n| (first + n) % self.nodes.len()) {
            let node = &self.nodes[place];
            match (node.breaker.try_acquire(), asked.is_some()) {
                (Ok(permit), true) => return attempt(node, request, deadline, permit).await,
                (Ok(permit), false) => {
                    let share = self.first_share(place, deadline);
                    let answer = attempt(node, request, share, permit).await;
                    let Err(error) = &answer else { return answer };
                    if !blames_the_node(error) || !self.retries.try_withdraw() {
                        return answer;
                    }
                    asked = Some(answer);
                }
                (Err(open), _) => resting = resting.min(open.retry_after),
            }
        }
        asked.unwrap_or(Err(CallError::Resting(resting)))
    }

    /// The same, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        let body = self.call(request, deadline).await?;
        serde_json::from_slice(&body).map_err(|error| CallError::Unintelligible(error.to_string()))
    }

    /// Pauses before round `round` (from 1) of something that is tried again; false if enough was
    /// tried, or there is no time for it.
    pub(crate) async fn pause(&self, round: u32, deadline: Deadline) -> bool {
        let pause = PAUSES.half_jitter(round - 1, Jitter::RANDOM);
        if round >= ROUNDS || pause >= deadline.remaining() || !self.retries.try_withdraw() {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    fn first_share(&self, place: usize, deadline: Deadline) -> Deadline {
        let well = |breaker: &Breaker| breaker.state() == State::Closed;
        let others = self.nodes.iter().enumerate().filter(|&(other, _)| other != place);
        if others.into_iter().any(|(_, node)| well(&node.breaker)) {
            deadline.within(deadline.remaining().mul_f64(FIRST_SHARE))
        } else {
            deadline
        }
    }
}

async fn attempt(
    node: &Node,
    request: &Request,
    deadline: Deadline,
    permit: Permit,
) -> Result<Bytes, CallError> {
    let answer = match deadline.run(node.send(request)).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(elapsed.into()),
    };
    match &answer {
        Err(error) if blames_the_node(error) => permit.failure(),
        _ => permit.success(),
    }
    answer
}

/// Whether another node may do better: this one is gone, cut off from the others, or a proxy
/// before it says so.
fn blames_the_node(error: &CallError) -> bool {
    match error {
        CallError::Unreachable { .. } | CallError::Timeout => true,
        CallError::Refused(refusal) => matches!(refusal.status, 502..=504),
        CallError::Resting(_) | CallError::Unintelligible(_) => false,
    }
}

/// While others can take over, one failure is enough to leave a node alone for a moment: it costs
/// nothing. The only node there is gets the benefit of the doubt.
fn breaker(nodes: usize) -> BreakerConfig {
    let failures = if nodes > 1 { 1 } else { 5 };
    BreakerConfig { failures, ..BreakerConfig::default() }
}
