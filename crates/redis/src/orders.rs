//! Whether Redis holds every post, in the words of the port.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::PortError;
use kudos_core::ports::{Completeness, Loss};
use tokio::sync::Mutex;

use crate::complete::Load;
use crate::live::RedisLive;

/// The orders of Redis, which lack posts when they are new, were emptied or were split anew.
pub struct Orders {
    live: Arc<RedisLive>,
    /// The load that would make up for the loss that was told last.
    load: Mutex<(u64, Option<Load>)>,
}

impl Orders {
    /// Those of this Redis.
    pub fn new(live: Arc<RedisLive>) -> Self {
        Self { live, load: Mutex::default() }
    }
}

#[async_trait]
impl Completeness for Orders {
    async fn missing(&self) -> Result<Option<Loss>, PortError> {
        if self.live.completeness().await?.is_empty() {
            return Ok(None);
        }
        let mut held = self.load.lock().await;
        if held.1.is_none() {
            *held = (held.0 + 1, Some(self.live.begin_load().await?));
        }
        Ok(Some(Loss(held.0.to_string())))
    }

    async fn mark_complete(&self, loss: &Loss) -> Result<bool, PortError> {
        let mut held = self.load.lock().await;
        if held.0.to_string() != loss.0 {
            return Ok(false);
        }
        let Some(load) = held.1.take() else { return Ok(false) };
        match self.live.mark_complete(&load).await {
            Ok(()) => Ok(true),
            // Whether the order was emptied meanwhile or cannot be asked: it is not complete.
            Err(error) => {
                tracing::warn!(%error, "Redis cannot be marked as complete");
                Ok(false)
            }
        }
    }
}
