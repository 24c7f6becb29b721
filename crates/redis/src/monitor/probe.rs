//! A connection of the monitor's own: what serves requests has breakers that would answer for the
//! server, and must not be kept busy by questions.

use kudos_degraded::Deadline;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult, Value};

use crate::connect::Connector;

/// One server, and the connection to it while it is well.
pub(super) struct Probe {
    pub(super) address: String,
    connection: Option<MultiplexedConnection>,
}

impl Probe {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    /// The answers to all questions, errors among them; none if there is no answer in time.
    pub(super) async fn ask(
        &mut self,
        connector: &Connector,
        questions: &Pipeline,
        deadline: Deadline,
    ) -> Option<Vec<Value>> {
        // What is dropped at the deadline may hold an answer to come: it is not used again.
        let kept = self.connection.take();
        let asked = deadline.run(ask(connector, &self.address, kept, questions)).await;
        let (connection, answers) = asked.ok()?.ok()?;
        self.connection = Some(connection);
        Some(answers)
    }
}

async fn ask(
    connector: &Connector,
    address: &str,
    kept: Option<MultiplexedConnection>,
    questions: &Pipeline,
) -> RedisResult<(MultiplexedConnection, Vec<Value>)> {
    if let Some(mut connection) = kept {
        let sent = connection.send_packed_commands(questions, 0, questions.len()).await;
        // A server that was restarted has closed it.
        if let Ok(answers) = sent {
            return Ok((connection, answers));
        }
    }
    let mut connection = connector.connect(address, false).await?;
    let answers = connection.send_packed_commands(questions, 0, questions.len()).await?;
    Ok((connection, answers))
}
