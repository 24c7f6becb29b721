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
    load: Mutex<Option<Load>>,
}

impl Orders {
    /// Those of this Redis.
    pub fn new(live: Arc<RedisLive>) -> Self {
        Self { live, load: Mutex::default() }
    }
}

/// A loss is named by the mark that was left in the orders: so another process can go on with a load
/// and still learn whether more was lost meanwhile.
#[async_trait]
impl Completeness for Orders {
    async fn missing(&self) -> Result<Option<Loss>, PortError> {
        if self.live.completeness().await?.is_empty() {
            return Ok(None);
        }
        let mut held = self.load.lock().await;
        let load = match held.take() {
            Some(load) => load,
            None => self.live.begin_load().await?,
        };
        Ok(Some(Loss(held.insert(load).mark().to_owned())))
    }

    async fn mark_complete(&self, loss: &Loss) -> Result<bool, PortError> {
        let mut held = self.load.lock().await;
        let Some(load) = Load::marked(&loss.0) else { return Ok(false) };
        // Whether it succeeds or not, the next loss has another name.
        held.take_if(|held| held.mark() == load.mark());
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
