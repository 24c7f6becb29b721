//! One breaker a node, for a bounded number of nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{ConfigError, Observer};

use super::{Breaker, BreakerConfig, State};

/// The breakers of a cluster's nodes, all with the same settings.
///
/// Nodes come and go with the topology, so breakers are made on demand. When more than `capacity`
/// nodes are known, one is forgotten: rather one that nobody holds, rather one that is closed.
/// Callers that still hold the forgotten one keep it working.
pub struct Breakers {
    config: BreakerConfig,
    capacity: usize,
    observer: Arc<dyn Observer>,
    nodes: RwLock<BTreeMap<Box<str>, Breaker>>,
}

impl Breakers {
    /// No breaker yet.
    ///
    /// # Errors
    /// A capacity of zero, or a breaker's setting that makes no sense.
    pub fn new(config: BreakerConfig, capacity: usize) -> Result<Self, ConfigError> {
        Self::observed(config, capacity, Arc::new(()))
    }

    /// The same, telling `observer` of each transition of each breaker.
    ///
    /// # Errors
    /// As [`Breakers::new`].
    pub fn observed(
        config: BreakerConfig,
        capacity: usize,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        ConfigError::check_range("capacity", capacity as u64, u64::MAX)?;
        Ok(Self { config, capacity, observer, nodes: RwLock::default() })
    }

    /// The breaker of `node`; made on first sight. Keep the handle where the node is kept: it saves
    /// the lookup.
    pub fn get(&self, node: &str) -> Breaker {
        if let Some(breaker) = self.read().get(node) {
            return breaker.clone();
        }
        // Declared before the lock is taken, and so dropped after it: observers are told.
        let _forgotten;
        let mut nodes = self.write();
        if let Some(breaker) = nodes.get(node) {
            return breaker.clone();
        }
        _forgotten = if nodes.len() >= self.capacity { forget_one(&mut nodes) } else { None };
        let breaker = Breaker::with_valid(node, self.config, Arc::clone(&self.observer));
        nodes.insert(node.into(), breaker.clone());
        breaker
    }

    /// Forgets the nodes for which `is_known` is false: those that left the topology.
    pub fn retain(&self, mut is_known: impl FnMut(&str) -> bool) {
        let left: Vec<_> = self.write().extract_if(.., |node, _| !is_known(node)).collect();
        // Not under the lock: observers are told.
        drop(left);
    }

    /// Each node and where its breaker stands, in order of names.
    pub fn states(&self) -> Vec<(Box<str>, State)> {
        let nodes = self.read();
        nodes.iter().map(|(node, breaker)| (node.clone(), breaker.state())).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Box<str>, Breaker>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Box<str>, Breaker>> {
        self.nodes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_one(nodes: &mut BTreeMap<Box<str>, Breaker>) -> Option<Breaker> {
    let least_missed = |breaker: &Breaker| {
        let held = Arc::strong_count(&breaker.0) > 1;
        (held, breaker.state() != State::Closed)
    };
    let victim = nodes.iter().min_by_key(|(_, breaker)| least_missed(breaker));
    let node = victim.map(|(node, _)| node.clone())?;
    nodes.remove(&node)
}

impl fmt::Debug for Breakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakers")
            .field("capacity", &self.capacity)
            .field("states", &self.states())
            .finish_non_exhaustive()
    }
}
