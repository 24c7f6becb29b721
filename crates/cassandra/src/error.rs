//! What can go wrong at a start, in the words of the one who has to mend it; and the errors of a
//! request as the ports have them.

use std::error::Error;
use std::path::PathBuf;

use kudos_core::{Kinds, PortError};
use kudos_runtime::config::InvalidSetting;
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError,
    MetadataError, NewSessionError, PrepareError, RequestAttemptError,
};

use crate::settings::CassandraSettings;

/// Why this process cannot work with its Cassandra. Each names the setting, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A setting that cannot be right.
    #[error("{} {}", .0.key, .0.problem)]
    Setting(InvalidSetting),
    /// No node answers.
    #[error(
        "cassandra.contact_points: none of {contact_points:?} answers at all ({cause}); start \
         Cassandra, correct the addresses, or set cassandra.tls to what the nodes want"
    )]
    Unreachable {
        /// Who was asked.
        contact_points: Vec<String>,
        /// What the driver says.
        cause: String,
    },
    /// A node and this process do not agree on a TLS connection.
    #[error(
        "cassandra.tls: no secure connection to any of {contact_points:?} ({cause}); name the \
         authority of the nodes' certificates as cassandra.tls.ca_file, or turn cassandra.tls off"
    )]
    Handshake {
        /// Who was asked.
        contact_points: Vec<String>,
        /// What TLS says.
        cause: String,
    },
    /// The cluster does not know user and password.
    #[error(
        "cassandra.username, cassandra.password: the cluster refuses them ({0}); correct them, or \
         create the role"
    )]
    Login(String),
    /// The cluster wants a user and a password.
    #[error("cassandra.username, cassandra.password: the cluster asks for them; set both")]
    LoginNeeded,
    /// The cluster knows the user, who may not do this.
    #[error("cassandra.username: {0}; grant the role what it needs on the keyspace")]
    Forbidden(String),
    /// A file of certificates or a key cannot be used.
    #[error("cassandra.tls.{key}: {path}: {cause}")]
    Tls {
        /// Which one.
        key: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// There is no such keyspace.
    #[error(
        "cassandra.keyspace: there is no keyspace {0:?}; correct the name, or make it with \
         `kudosctl migrate`"
    )]
    NoKeyspace(String),
    /// The tables are those of an older version.
    #[error(
        "the keyspace {keyspace:?} has schema version {found}, this program needs {needed}; run \
         `kudosctl migrate`"
    )]
    SchemaOlder {
        /// Where.
        keyspace: String,
        /// What is there.
        found: i32,
        /// What this program was built for.
        needed: i32,
    },
    /// The tables are those of a newer version.
    #[error(
        "the keyspace {keyspace:?} has schema version {found}, newer than the {needed} that this \
         program knows; install a newer program"
    )]
    SchemaNewer {
        /// Where.
        keyspace: String,
        /// What is there.
        found: i32,
        /// What this program was built for.
        needed: i32,
    },
    /// Rows are spread over another number of buckets.
    #[error(
        "cassandra.buckets: the keyspace {keyspace:?} was made with {recorded:?}, and \
         {configured} are configured; set cassandra.buckets = {recorded}: it cannot be changed \
         afterwards"
    )]
    Buckets {
        /// Where.
        keyspace: String,
        /// What the keyspace says.
        recorded: String,
        /// What the settings say.
        configured: u8,
    },
    /// The stored reactions have other kinds.
    #[error(
        "kinds: the keyspace {keyspace:?} has {recorded:?}, and {configured:?} are configured; \
         kinds can be added at the end, and neither removed nor moved"
    )]
    Kinds {
        /// Where.
        keyspace: String,
        /// What the keyspace says.
        recorded: String,
        /// What the settings say.
        configured: String,
    },
    /// The cluster answered, and failed.
    #[error("Cassandra at {contact_points:?} fails: {cause}")]
    Failed {
        /// Who was asked.
        contact_points: Vec<String>,
        /// What it says.
        cause: String,
    },
}

impl ConnectError {
    /// Why no session came about.
    pub(crate) fn of_session(error: &NewSessionError, settings: &CassandraSettings) -> Self {
        let contact_points = settings.contact_points.clone();
        let last = last_connection_error(error);
        if let Some(cause) = last.and_then(of_handshake) {
            return Self::Handshake { contact_points, cause };
        }
        let unreachable = || Self::Unreachable { contact_points, cause: error.to_string() };
        last.and_then(of_setup).unwrap_or_else(unreachable)
    }

    /// Why a session that came about is of no use.
    pub(crate) fn of_request(error: &(dyn Error + 'static), settings: &CassandraSettings) -> Self {
        if let Some(message) = causes(error).find_map(unauthorized) {
            return Self::Forbidden(message);
        }
        Self::Failed { contact_points: settings.contact_points.clone(), cause: error.to_string() }
    }

    pub(crate) fn of_kinds(keyspace: &str, recorded: &str, configured: &Kinds) -> Self {
        Self::Kinds {
            keyspace: keyspace.to_owned(),
            recorded: recorded.to_owned(),
            configured: crate::schema::kinds_text(configured),
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Why the node that was asked last could not be connected to.
fn last_connection_error(error: &NewSessionError) -> Option<&ConnectionError> {
    match error {
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
            ConnectionPoolError::Broken { last_connection_error },
        )) => Some(last_connection_error),
        _ => None,
    }
}

/// What TLS said, if it was TLS that failed.
fn of_handshake(error: &ConnectionError) -> Option<String> {
    let ConnectionError::IoError(io) = error else { return None };
    Some(io.get_ref()?.downcast_ref::<openssl::ssl::Error>()?.to_string())
}

/// What a node said to the login, if it said anything.
fn of_setup(error: &ConnectionError) -> Option<ConnectError> {
    let ConnectionError::ConnectionSetupRequestError(refused) = error else { return None };
    match refused.get_error() {
        ConnectionSetupRequestErrorKind::MissingAuthentication => Some(ConnectError::LoginNeeded),
        ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, message) => {
            Some(ConnectError::Login(message.clone()))
        }
        _ => None,
    }
}

fn unauthorized(cause: &(dyn Error + 'static)) -> Option<String> {
    match cause.downcast_ref::<RequestAttemptError>()? {
        RequestAttemptError::DbError(DbError::Unauthorized, message) => Some(message.clone()),
        _ => None,
    }
}

/// A failed request as the ports have it. Nobody knows whether a write was done.
pub(crate) fn port_error(error: &ExecutionError) -> PortError {
    match error {
        ExecutionError::RequestTimeout(_) => PortError::Timeout,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::ReadTimeout { .. } | DbError::WriteTimeout { .. },
            _,
        )) => PortError::Timeout,
        other => PortError::Unavailable(other.to_string()),
    }
}

/// Whether the connection failed, and not the node that it leads to.
pub(crate) fn is_connection_lost(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::ConnectionPoolError(_)
            | ExecutionError::LastAttemptError(RequestAttemptError::BrokenConnectionError(_))
    )
}

/// A statement that the cluster does not take.
pub(crate) fn prepare_error(error: &PrepareError, settings: &CassandraSettings) -> ConnectError {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => {
            ConnectError::of_request(first_attempt, settings)
        }
        other => ConnectError::of_request(other, settings),
    }
}
