//! The tables, by numbered files that are applied once each.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_core::ports::Leases;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::statement::Statement;

use crate::error::{ConnectError, port_error};
use crate::leases::LeaseTable;
use crate::schema;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// How long another migration may take before this one gives up, and after which one that died is
/// taken over.
const LOCK: Duration = Duration::from_secs(60);
const LOCK_POLL: Duration = Duration::from_millis(250);
/// Tables are made on all nodes.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// One file of `migrations/cassandra`.
pub(crate) struct Migration {
    pub(crate) version: i32,
    pub(crate) name: &'static str,
    cql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            cql: include_str!(concat!("../../../migrations/cassandra/", $name, ".cql")),
        }),+]
    };
}

/// All of them, in order.
pub(crate) const MIGRATIONS: &[Migration] = migrations![
    1 "0001_truth",
    2 "0002_rollup",
    3 "0003_outage_journal",
];

/// What is there before the first migration: who did what, and who is at work.
const FOUNDATIONS: [&str; 3] = [
    "CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${replication}",
    "CREATE TABLE IF NOT EXISTS ${keyspace}.schema_migrations (part smallint, version int, \
     name text, checksum text, applied_at timestamp, PRIMARY KEY (part, version))",
    "CREATE TABLE IF NOT EXISTS ${keyspace}.leases (name text PRIMARY KEY, holder text, \
     until timestamp)",
];

/// What a run of [`migrate`] found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The files applied by this run, in order; none if there was nothing to do.
    pub applied: Vec<&'static str>,
    /// The version of the schema now.
    pub version: i32,
}

/// Why the tables could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There is no way to the cluster, or its schema is newer than this program.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A file differs from the one that was applied under its number.
    #[error(
        "{name} was applied to {keyspace:?} with another content; migrations are never edited: \
         restore the file, and write a new one"
    )]
    Edited {
        /// The file.
        name: &'static str,
        /// Where it was applied.
        keyspace: String,
    },
    /// Another migration of the keyspace does not come to its end.
    #[error("another migration of {0:?} is at work for more than {LOCK:?}; see what it is doing")]
    Locked(String),
    /// A statement failed. What was done before stays, and a new run goes on from there.
    #[error("{name}: {cause}")]
    Failed {
        /// The file.
        name: &'static str,
        /// What the cluster says.
        cause: PortError,
    },
}

/// Makes the keyspace and its tables, or brings them up to date. Safe to run again, and by several
/// at once: one works, the others wait and find nothing left to do.
///
/// # Errors
/// As [`MigrateError`] says.
pub async fn migrate(settings: &CassandraSettings) -> Result<Report, MigrateError> {
    // The driver's futures are large.
    Box::pin(bring_up_to_date(settings)).await
}

async fn bring_up_to_date(settings: &CassandraSettings) -> Result<Report, MigrateError> {
    let db = Db::connect(settings).await?;
    for statement in FOUNDATIONS {
        run(&db, settings, "the foundations", statement).await?;
    }
    schema::use_keyspace(&db, settings).await?;
    let leases = LeaseTable::prepare(Arc::new(db), settings).await?;
    let holder = uuid::Uuid::new_v4().to_string();
    lock(&leases, settings, &holder).await?;
    let migrated = apply_missing(leases.db(), settings).await;
    // If this fails the lease ends by itself.
    let _ = leases.release("migrate", &holder).await;
    migrated
}

async fn lock(
    leases: &LeaseTable,
    settings: &CassandraSettings,
    holder: &str,
) -> Result<(), MigrateError> {
    let taken = async {
        while !leases.hold("migrate", holder, LOCK).await? {
            tokio::time::sleep(LOCK_POLL).await;
        }
        Ok(())
    };
    match tokio::time::timeout(LOCK, taken).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(cause)) => Err(MigrateError::Failed { name: "the lock", cause }),
        Err(_) => Err(MigrateError::Locked(settings.keyspace.clone())),
    }
}

async fn apply_missing(db: &Db, settings: &CassandraSettings) -> Result<Report, MigrateError> {
    let done = schema::applied(db, settings).await?;
    let version = done.last().map_or(0, |(version, _)| *version);
    let needed = MIGRATIONS.last().map_or(0, |last| last.version);
    if version > needed {
        let keyspace = settings.keyspace.clone();
        return Err(ConnectError::SchemaNewer { keyspace, found: version, needed }.into());
    }
    let mut report = Report { applied: Vec::new(), version: needed };
    for migration in MIGRATIONS {
        match done.iter().find(|(version, _)| *version == migration.version) {
            Some((_, checksum)) if *checksum == migration.checksum() => {}
            Some(_) => {
                let (name, keyspace) = (migration.name, settings.keyspace.clone());
                return Err(MigrateError::Edited { name, keyspace });
            }
            None => {
                for statement in migration.statements() {
                    run(db, settings, migration.name, statement).await?;
                }
                schema::record(db, settings, migration).await?;
                report.applied.push(migration.name);
            }
        }
    }
    schema::claim_buckets(db, settings).await?;
    Ok(report)
}

/// Runs one statement that changes the schema. All such statements go to one node, the same for
/// everybody who migrates: two nodes that make the same table at once make two of it.
async fn run(
    db: &Db,
    settings: &CassandraSettings,
    name: &'static str,
    template: &str,
) -> Result<(), MigrateError> {
    let cql = template
        .replace("${keyspace}", &settings.keyspace)
        .replace("${replication}", &settings.replication_cql());
    let mut statement = Statement::new(cql);
    statement.set_request_timeout(Some(STATEMENT_TIMEOUT));
    let cluster = db.session.get_cluster_state();
    let first = cluster.get_nodes_info().iter().map(|node| node.host_id).min();
    if let Some(first) = first {
        let node = NodeIdentifier::HostId(first);
        let only = SingleTargetLoadBalancingPolicy::new(node, None);
        statement.set_load_balancing_policy(Some(only));
    }
    let done = db.session.query_unpaged(statement, ()).await;
    done.map(drop).map_err(|error| MigrateError::Failed { name, cause: port_error(&error) })
}

impl Migration {
    /// Of the template: a keyspace's name is no change.
    pub(crate) fn checksum(&self) -> String {
        blake3::hash(self.cql.as_bytes()).to_hex()[..32].to_owned()
    }

    /// Comments end at the end of their line; no statement holds a semicolon.
    fn statements(&self) -> impl Iterator<Item = &'static str> {
        let statements = self.cql.split(';').map(str::trim);
        let is_code = |line: &str| !line.trim().is_empty() && !line.trim().starts_with("--");
        statements.filter(move |statement| statement.lines().any(is_code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_and_names_carry_them() {
        for (place, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.version, place);
            assert!(migration.name.starts_with(&format!("{place:04}_")));
        }
    }

    #[test]
    fn every_statement_can_run_again() {
        for statement in MIGRATIONS.iter().flat_map(Migration::statements) {
            let code = statement.lines().find(|line| !line.starts_with("--")).unwrap();
            assert!(code.contains(" IF NOT EXISTS ${keyspace}."), "{code}");
        }
    }

    #[test]
    fn no_comment_holds_a_semicolon_that_would_cut_it() {
        for line in MIGRATIONS.iter().flat_map(|migration| migration.cql.lines()) {
            let comment = line.split_once("--").map_or("", |(_, comment)| comment);
            assert!(!comment.contains(';'), "{line}");
        }
    }
}
