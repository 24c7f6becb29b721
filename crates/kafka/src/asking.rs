use std::sync::Arc;

use rdkafka::consumer::StreamConsumer;
use tokio::task::JoinHandle;

use crate::client::{Context, Hearing, config};
use crate::fault::KafkaFault;
use crate::settings::KafkaSettings;

/// A client that asks the brokers, and consumes nothing.
pub(crate) struct Asking {
    pub(crate) consumer: Arc<StreamConsumer<Context>>,
    pub(crate) hearing: Arc<Hearing>,
    listening: JoinHandle<()>,
}

impl Asking {
    /// Has to be called within a runtime.
    pub(crate) fn new(settings: &KafkaSettings, role: &'static str) -> Result<Self, KafkaFault> {
        let hearing = Hearing::new(role);
        // Without a group, and so without a word to a coordinator.
        let own = [("allow.auto.create.topics", "false".into())];
        let consumer = config(settings, own).create_with_context(Context(Arc::clone(&hearing)));
        let consumer = Arc::new(consumer.map_err(|error| KafkaFault::creation(&error))?);
        let listening = tokio::spawn(listen(Arc::clone(&consumer)));
        Ok(Self { consumer, hearing, listening })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Takes what the client has to say from its queue: nobody would hear it, and the queue would grow.
async fn listen(consumer: Arc<StreamConsumer<Context>>) {
    loop {
        // Errors have been heard by the context.
        let _ = consumer.recv().await;
    }
}
