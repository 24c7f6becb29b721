//! One node: its connection, its breaker, and how much may be under way to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use kudos_degraded::{Breaker, BreakerConfig, Bulkhead, BulkheadConfig, Deadline, Elapsed};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, Pipeline, RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::connect::Connector;
use crate::failure::{Cause, Failure};
use crate::settings::RedisSettings;
use crate::verdict::blames_the_node;

/// What all nodes share.
pub(crate) struct Shared {
    pub(crate) connector: Connector,
    pub(crate) settings: RedisSettings,
    /// Asks for a look at who serves what.
    pub(crate) refresh: Notify,
}

/// How the connection of a node is.
#[derive(Clone)]
enum Link {
    /// There is none, because of what is said, or because it was never needed.
    Down(Option<Cause>),
    Connecting,
    Up(MultiplexedConnection),
}

/// One node. Its connection is made when it is needed, by a task of its own: callers come and go
/// with deadlines that may be shorter than that takes.
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    /// Whether a replica is asked for reads here.
    read_only: bool,
    shared: Arc<Shared>,
    breaker: Breaker,
    bulkhead: Bulkhead,
    link: watch::Sender<Link>,
    /// Time-outs since the last answer.
    timeouts: AtomicU32,
    /// Whether the library was missing when it was last looked for.
    pub(crate) lacks_library: AtomicBool,
}

impl Node {
    pub(crate) fn new(
        name: &str,
        read_only: bool,
        shared: Arc<Shared>,
        breaker: Breaker,
        bulkhead: Bulkhead,
    ) -> Self {
        Self {
            name: name.into(),
            read_only,
            shared,
            breaker,
            bulkhead,
            link: watch::Sender::new(Link::Down(None)),
            timeouts: AtomicU32::new(0),
            lacks_library: AtomicBool::new(false),
        }
    }

    /// What a node's bulkhead has to be.
    pub(crate) fn limits(settings: &RedisSettings) -> BulkheadConfig {
        let concurrency = settings.in_flight;
        BulkheadConfig { concurrency, queue: concurrency, max_wait: settings.response() }
    }

    /// Sends commands in one go, and reads as many answers; those that are errors too. A failure
    /// may mean that another node has taken over, so somebody should look.
    pub(crate) async fn send(
        &self,
        pipeline: &Pipeline,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Failure> {
        let look = LookUnless(Some(&self.shared.refresh));
        let sent = self.look(pipeline, deadline).await;
        if sent.is_ok() {
            look.not_needed();
        }
        sent
    }

    /// The same for who looks already.
    pub(crate) async fn look(
        &self,
        pipeline: &Pipeline,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Failure> {
        let permit = self.breaker.try_acquire().map_err(|_| self.failure(Cause::Open))?;
        let Ok(_slot) = self.bulkhead.enter(deadline).await else {
            permit.release();
            return Err(self.failure(Cause::Full));
        };
        let attempt = Attempt { node: self, since: Instant::now() };
        let sent = self.round_trip(pipeline, deadline).await;
        match &sent {
            Ok(replies) => {
                attempt.answered();
                match replies.iter().any(blames_the_node) {
                    true => permit.failure(),
                    false => permit.success(),
                }
            }
            // The guards know whether the node had time enough to be blamed.
            Err(Cause::Timeout) => drop((permit, attempt)),
            Err(_) => {
                attempt.answered();
                permit.failure();
            }
        }
        sent.map_err(|cause| self.failure(cause))
    }

    async fn round_trip(
        &self,
        pipeline: &Pipeline,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Cause> {
        let mut connection = self.connection(deadline).await?;
        let sent = connection.send_packed_commands(pipeline, 0, pipeline.len());
        match deadline.within(self.shared.settings.response()).run(sent).await {
            Ok(Ok(replies)) => Ok(replies),
            Ok(Err(error)) if error.is_timeout() => Err(Cause::Timeout),
            Ok(Err(error)) => {
                let cause = Cause::Lost(error.to_string());
                self.link.send_replace(Link::Down(Some(cause.clone())));
                Err(cause)
            }
            Err(Elapsed) => Err(Cause::Timeout),
        }
    }

    async fn connection(&self, deadline: Deadline) -> Result<MultiplexedConnection, Cause> {
        if let Link::Up(connection) = &*self.link.borrow() {
            return Ok(connection.clone());
        }
        let mut link = self.link.subscribe();
        self.connect_unless_connecting();
        let settled = link.wait_for(|link| !matches!(link, Link::Connecting));
        let limit = deadline.within(self.shared.settings.connect() * 2);
        match limit.run(settled).await.map(|link| link.map(|link| link.clone())) {
            Ok(Ok(Link::Up(connection))) => Ok(connection),
            Ok(Ok(Link::Down(Some(cause)))) => Err(cause),
            // The sender is this node's own, so it is not closed while the node is borrowed.
            Ok(Ok(Link::Down(None) | Link::Connecting) | Err(_)) | Err(Elapsed) => {
                Err(Cause::Timeout)
            }
        }
    }

    fn connect_unless_connecting(&self) {
        let begun = self.link.send_if_modified(|link| {
            let down = matches!(link, Link::Down(_));
            if down {
                *link = Link::Connecting;
            }
            down
        });
        if begun {
            tokio::spawn(connect(
                Arc::clone(&self.shared),
                Arc::clone(&self.name),
                self.read_only,
                self.link.clone(),
            ));
        }
    }

    pub(crate) fn failure(&self, cause: Cause) -> Failure {
        Failure::new(&self.name, cause)
    }

    /// A node that hangs keeps its connections: after several time-outs a new one is worth more.
    fn timed_out(&self) {
        if self.timeouts.fetch_add(1, Relaxed) + 1 >= self.shared.settings.rebuild_after {
            self.timeouts.store(0, Relaxed);
            self.link.send_if_modified(|link| {
                let up = matches!(link, Link::Up(_));
                if up {
                    *link = Link::Down(Some(Cause::Timeout));
                }
                up
            });
        }
    }
}

/// Asks for a look at who serves what when it is dropped: callers give up without a word.
struct LookUnless<'a>(Option<&'a Notify>);

impl LookUnless<'_> {
    fn not_needed(mut self) {
        self.0 = None;
    }
}

impl Drop for LookUnless<'_> {
    fn drop(&mut self) {
        if let Some(refresh) = self.0 {
            refresh.notify_one();
        }
    }
}

/// Makes a connection, within its own time.
async fn connect(shared: Arc<Shared>, name: Arc<str>, read_only: bool, link: watch::Sender<Link>) {
    // Greetings may need a second round trip, which the client's own limit does not count.
    let limit = Deadline::after(shared.settings.connect() * 2);
    let made = limit.run(shared.connector.connect(&name, read_only)).await;
    link.send_replace(match made {
        Ok(Ok(connection)) => Link::Up(connection),
        Ok(Err(error)) => Link::Down(Some(connect_cause(&error))),
        Err(Elapsed) => Link::Down(Some(Cause::Connect("no answer in time".into()))),
    });
}

pub(crate) fn connect_cause(error: &RedisError) -> Cause {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            Cause::Login(error.to_string())
        }
        _ => Cause::Connect(error.to_string()),
    }
}

/// Breakers as nodes need them: they may rest less than by default, because a new master is new
/// to its breaker, and one that comes back is wanted soon.
pub(crate) fn breaker_config() -> BreakerConfig {
    let mut config = BreakerConfig::default();
    config.rest.cap = Duration::from_secs(2);
    config
}

/// A round trip under way. Given up by a caller that had waited long enough, it is a time-out.
struct Attempt<'a> {
    node: &'a Node,
    since: Instant,
}

impl Attempt<'_> {
    fn answered(self) {
        self.node.timeouts.store(0, Relaxed);
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.since.elapsed() >= breaker_config().patience {
            self.node.timed_out();
        }
    }
}
