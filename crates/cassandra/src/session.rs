//! One session with the cluster, and how each sort of statement is sent.
//!
//! | statement | consistency | sent again by the driver | to a second node when slow |
//! |---|---|---|---|
//! | read | quorum | yes | yes |
//! | settling read | serial | yes | no: two would hold each other up |
//! | plain write, safe to repeat | quorum | yes | no |
//! | conditional write | quorum, in serial order | never: see [`crate::store`] | no |

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::{DefaultRetryPolicy, FallthroughRetryPolicy};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::Batch;
use scylla::statement::prepared::PreparedStatement;

use crate::codec::damaged;
use crate::error::{ConnectError, is_connection_lost, port_error, prepare_error};
use crate::settings::CassandraSettings;
use crate::tls;

/// How long a request that is safe to repeat waits for a new connection, each time.
const RECONNECT_WAITS: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(400)];

/// A session and its profiles.
pub(crate) struct Db {
    pub(crate) session: Session,
    reads: ExecutionProfileHandle,
    settling_reads: ExecutionProfileHandle,
    writes: ExecutionProfileHandle,
    pub(crate) conditional: ExecutionProfileHandle,
}

impl Db {
    /// Connects to the cluster, with no keyspace chosen yet.
    pub(crate) async fn connect(settings: &CassandraSettings) -> Result<Self, ConnectError> {
        settings.validate().map_err(ConnectError::Setting)?;
        let profiles = Profiles::new(settings);
        let mut builder = SessionBuilder::new()
            .known_nodes(&settings.contact_points)
            .default_execution_profile_handle(profiles.reads.clone())
            .connection_timeout(settings.connect_timeout)
            .hostname_resolution_timeout(Some(settings.connect_timeout))
            .keepalive_interval(settings.keepalive)
            .keepalive_timeout(settings.keepalive)
            .tcp_nodelay(true)
            .keyspaces_to_fetch([&settings.keyspace])
            .tls_context(tls::connector(&settings.tls)?);
        if let (Some(user), Some(password)) = (&settings.username, &settings.password) {
            builder = builder.user(user, password.expose_secret());
        }
        let session = builder.build().await;
        let session = session.map_err(|error| ConnectError::of_session(&error, settings))?;
        let Profiles { reads, settling_reads, writes, conditional } = profiles;
        Ok(Self { session, reads, settling_reads, writes, conditional })
    }

    /// Prepares a read.
    pub(crate) async fn read(
        &self,
        cql: &str,
        settings: &CassandraSettings,
    ) -> Result<PreparedStatement, ConnectError> {
        self.prepare(cql, &self.reads, true, settings).await
    }

    /// Prepares a read that finishes whatever commit is under way, and shows it.
    pub(crate) async fn settling_read(
        &self,
        cql: &str,
        settings: &CassandraSettings,
    ) -> Result<PreparedStatement, ConnectError> {
        self.prepare(cql, &self.settling_reads, true, settings).await
    }

    /// Prepares a write that is safe to repeat.
    pub(crate) async fn write(
        &self,
        cql: &str,
        settings: &CassandraSettings,
    ) -> Result<PreparedStatement, ConnectError> {
        self.prepare(cql, &self.writes, true, settings).await
    }

    /// Prepares a conditional write.
    pub(crate) async fn conditional(
        &self,
        cql: &str,
        settings: &CassandraSettings,
    ) -> Result<PreparedStatement, ConnectError> {
        self.prepare(cql, &self.conditional, false, settings).await
    }

    async fn prepare(
        &self,
        cql: &str,
        profile: &ExecutionProfileHandle,
        idempotent: bool,
        settings: &CassandraSettings,
    ) -> Result<PreparedStatement, ConnectError> {
        let prepared = self.session.prepare(cql).await;
        let mut prepared = prepared.map_err(|error| prepare_error(&error, settings))?;
        prepared.set_execution_profile_handle(Some(profile.clone()));
        prepared.set_is_idempotent(idempotent);
        Ok(prepared)
    }

    /// Runs a statement that answers rows, all of them at once.
    pub(crate) async fn rows(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, PortError> {
        into_rows(self.execute(statement, &values).await?)
    }

    /// Runs a statement that answers nothing.
    pub(crate) async fn run(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), PortError> {
        self.execute(statement, &values).await.map(drop)
    }

    /// What is safe to repeat is sent again when its connection breaks and there is no other node
    /// to ask: a node that paused for longer than the keep-alive is back in a moment.
    async fn execute(
        &self,
        statement: &PreparedStatement,
        values: &impl SerializeRow,
    ) -> Result<QueryResult, PortError> {
        let mut waits = RECONNECT_WAITS.iter().filter(|_| statement.get_is_idempotent());
        loop {
            let result = self.session.execute_unpaged(statement, values).await;
            match (result, waits.next()) {
                (Ok(result), _) => return Ok(result),
                (Err(error), Some(&wait)) if is_connection_lost(&error) => {
                    tokio::time::sleep(wait).await;
                }
                (Err(error), _) => return Err(port_error(&error)),
            }
        }
    }

    /// Runs one conditional statement, and tells whether it was applied.
    pub(crate) async fn run_if(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<bool, PortError> {
        applied(&self.rows(statement, values).await?)
    }

    /// Runs a conditional batch, and tells whether it was applied.
    pub(crate) async fn batch_if(
        &self,
        batch: &Batch,
        values: impl scylla::serialize::batch::BatchValues,
    ) -> Result<bool, PortError> {
        let result = self.session.batch(batch, values).await;
        applied(&into_rows(result.map_err(|error| port_error(&error))?)?)
    }
}

struct Profiles {
    reads: ExecutionProfileHandle,
    settling_reads: ExecutionProfileHandle,
    writes: ExecutionProfileHandle,
    conditional: ExecutionProfileHandle,
}

impl Profiles {
    fn new(settings: &CassandraSettings) -> Self {
        let quorum = settings.quorum;
        let base = ExecutionProfile::builder()
            .request_timeout(Some(settings.request_timeout))
            .consistency(quorum.of_reads())
            .serial_consistency(Some(quorum.of_commits()))
            .load_balancing_policy(routing(settings, true))
            .retry_policy(Arc::new(DefaultRetryPolicy::new()));
        let speculative = SimpleSpeculativeExecutionPolicy {
            max_retry_count: 1,
            retry_interval: settings.speculative_after,
        };
        let reads = base.clone().speculative_execution_policy(Some(Arc::new(speculative)));
        // Writers of one post go to one node first: fewer of their commits collide.
        let in_order = base.clone().load_balancing_policy(routing(settings, false));
        let settling = in_order.clone().consistency(quorum.of_settling_reads());
        let conditional = in_order.retry_policy(Arc::new(FallthroughRetryPolicy::new()));
        Self {
            reads: reads.build().into_handle(),
            settling_reads: settling.build().into_handle(),
            writes: base.build().into_handle(),
            conditional: conditional.build().into_handle(),
        }
    }
}

/// To a node that has the data, in the preferred rack and data center; never to another data
/// center, whose quorum would not be ours.
fn routing(settings: &CassandraSettings, spread: bool) -> Arc<dyn LoadBalancingPolicy> {
    let policy = DefaultPolicy::builder().token_aware(true).enable_shuffling_replicas(spread);
    match (settings.datacenter.clone(), settings.rack.clone()) {
        (Some(datacenter), Some(rack)) => policy.prefer_datacenter_and_rack(datacenter, rack),
        (Some(datacenter), None) => policy.prefer_datacenter(datacenter),
        _ => policy,
    }
    .build()
}

pub(crate) fn into_rows(result: QueryResult) -> Result<QueryRowsResult, PortError> {
    result.into_rows_result().map_err(|error| damaged("an answer", error))
}

/// Whether a conditional write was applied. The column is found by its name: what comes beside it
/// differs.
fn applied(rows: &QueryRowsResult) -> Result<bool, PortError> {
    let columns = rows.column_specs();
    let place = columns.get_by_name("[applied]").map(|(place, _)| place);
    let row = rows.first_row::<scylla::value::Row>().map_err(|e| damaged("an answer", e))?;
    let value = place.and_then(|place| row.columns.get(place)?.as_ref()?.as_boolean());
    value.ok_or_else(|| damaged("an answer", "no [applied]"))
}
