use std::time::Duration;

use kudos_core::PortError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::settings::KafkaSettings;

/// When a full queue is likely to have room again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// What is wrong with Kafka, or with how it is reached. Each names the setting to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaFault {
    /// A setting that the client refuses.
    #[error("setting `{setting}`: {problem}")]
    Setting {
        /// The key.
        setting: &'static str,
        /// What the client says of it.
        problem: String,
    },
    /// Nobody answers.
    #[error(
        "Kafka at {brokers} does not answer: {reason} (settings `kafka.brokers`, `kafka.security`)"
    )]
    Unreachable {
        /// The brokers to begin with.
        brokers: String,
        /// What the client says.
        reason: String,
    },
    /// The certificate is not trusted, or the broker does not speak TLS.
    #[error(
        "no TLS with Kafka: {0} (settings `kafka.security`, `kafka.ca_file`, `kafka.cert_file`)"
    )]
    Tls(String),
    /// The user or the password is wrong.
    #[error(
        "Kafka refuses the login: {0} (settings `kafka.username`, `kafka.password`, \
         `kafka.sasl_mechanism`)"
    )]
    Authentication(String),
    /// The user may not do that.
    #[error("Kafka forbids it to the user of `kafka.username`: {0}")]
    Forbidden(String),
    /// The topic does not exist.
    #[error("Kafka has no topic `{topic}` (setting `{setting}`): run `kudosctl migrate`")]
    NoTopic {
        /// Its name.
        topic: String,
        /// The key of the name.
        setting: &'static str,
    },
    /// What is none of these.
    #[error("Kafka: {0}")]
    Other(String),
}

/// What kind of fault a code of librdkafka stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Unreachable,
    Tls,
    Authentication,
    Forbidden,
    NoTopic,
    Slow,
    Full,
    Other,
}

impl Class {
    pub(crate) fn of(error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            None => Self::Other,
            Some(code) => Self::of_code(code),
        }
    }

    pub(crate) fn of_code(code: Code) -> Self {
        match code {
            Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve => {
                Self::Unreachable
            }
            Code::SSL => Self::Tls,
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState => Self::Authentication,
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed => Self::Forbidden,
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                Self::NoTopic
            }
            Code::MessageTimedOut
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut => Self::Slow,
            Code::QueueFull => Self::Full,
            _ => Self::Other,
        }
    }
}

/// As the ports say it.
pub(crate) fn port_error(error: &KafkaError) -> PortError {
    match Class::of(error) {
        Class::Slow => PortError::Timeout,
        Class::Full => PortError::Busy { retry_after: RETRY_AFTER },
        Class::NoTopic => PortError::Unavailable(format!("{error}: run `kudosctl migrate`")),
        _ => PortError::Unavailable(error.to_string()),
    }
}

impl KafkaFault {
    /// Why a client could not be made: only a setting can be wrong then.
    pub(crate) fn creation(error: &KafkaError) -> Self {
        // A file that cannot be read is told by the name of the client's own setting.
        let problem = error.to_string();
        let settings = [
            ("ssl.ca.location", "kafka.ca_file"),
            ("ssl.certificate.location", "kafka.cert_file"),
            ("ssl.key.location", "kafka.key_file"),
            ("bootstrap.servers", "kafka.brokers"),
            ("session.timeout.ms", "kafka.session_ms"),
            ("message.timeout.ms", "kafka.delivery_ms"),
        ];
        match settings.into_iter().find(|(word, _)| problem.contains(word)) {
            Some((_, setting)) => Self::Setting { setting, problem },
            None => Self::Other(problem),
        }
    }

    pub(crate) fn of(class: Class, reason: String, settings: &KafkaSettings) -> Self {
        match class {
            Class::Unreachable | Class::Slow => {
                Self::Unreachable { brokers: settings.brokers.join(","), reason }
            }
            Class::Tls => Self::Tls(reason),
            Class::Authentication => Self::Authentication(reason),
            Class::Forbidden => Self::Forbidden(reason),
            Class::NoTopic => {
                Self::NoTopic { topic: settings.topic.clone(), setting: "kafka.topic" }
            }
            Class::Full | Class::Other => Self::Other(reason),
        }
    }
}
