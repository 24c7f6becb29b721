//! Connections: address, TLS and login.

use std::path::Path;
use std::time::Duration;

use kudos_runtime::config::InvalidSetting;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
};

use crate::settings::{RedisSettings, host_and_port};

/// Makes connections to any node of a deployment.
#[derive(Clone)]
pub(crate) struct Connector {
    login: RedisConnectionInfo,
    tls: Option<TlsCertificates>,
    config: AsyncConnectionConfig,
}

impl Connector {
    /// Reads the files that the settings name.
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, InvalidSetting> {
        let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
        if !settings.username.is_empty() {
            login = login.set_username(&settings.username);
        }
        if !settings.password.is_empty() {
            login = login.set_password(settings.password.expose_secret());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect()))
            .set_response_timeout(Some(settings.response()));
        let tls = settings.tls.then(|| certificates(settings)).transpose()?;
        let connector = Self { login, tls, config };
        // Certificates are read by making a client of them.
        connector.client("localhost", 1).map_err(|error| InvalidSetting {
            key: "redis.tls_ca".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(connector)
    }

    fn client(&self, host: &str, port: u16) -> RedisResult<Client> {
        let host = host.to_owned();
        let address = match self.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let info = address.into_connection_info()?.set_redis_settings(self.login.clone());
        match &self.tls {
            None => Client::open(info),
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        }
    }

    /// Connects and logs in; to a replica that is to answer reads with `read_only`.
    pub(crate) async fn connect(
        &self,
        address: &str,
        read_only: bool,
    ) -> RedisResult<MultiplexedConnection> {
        let Some((host, port)) = host_and_port(address) else {
            return Err(RedisError::from((redis::ErrorKind::InvalidClientConfig, "not host:port")));
        };
        let client = self.client(host, port)?;
        let mut connection =
            client.get_multiplexed_async_connection_with_config(&self.config).await?;
        if read_only {
            let readonly = redis::cmd("READONLY");
            connection.send_packed_command(&readonly).await?.extract_error()?;
        }
        Ok(connection)
    }

    /// The same with more time for each answer, for work that is not a request's.
    pub(crate) fn patient(&self, response: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(response))
            .set_response_timeout(Some(response));
        Self { config, ..self.clone() }
    }
}

fn certificates(settings: &RedisSettings) -> Result<TlsCertificates, InvalidSetting> {
    kudos_runtime::tls::install();
    let root_cert = settings.tls_ca.as_deref().map(|path| read("tls_ca", path)).transpose()?;
    let client_tls = match (&settings.tls_cert, &settings.tls_key) {
        (Some(cert), Some(key)) => Some(ClientTlsConfig {
            client_cert: read("tls_cert", cert)?,
            client_key: read("tls_key", key)?,
        }),
        _ => None,
    };
    Ok(TlsCertificates { client_tls, root_cert })
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, InvalidSetting> {
    std::fs::read(path).map_err(|error| InvalidSetting {
        key: format!("redis.{key}"),
        problem: format!("{} cannot be read: {error}", path.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_there_is_named_with_its_setting() {
        let tls_ca = Some("/nowhere/ca.pem".into());
        let settings = RedisSettings { tls: true, tls_ca, ..RedisSettings::default() };
        let refused = Connector::new(&settings).err().unwrap();
        assert_eq!(refused.key, "redis.tls_ca");
        assert!(refused.problem.contains("/nowhere/ca.pem"));
    }

    #[test]
    fn a_certificate_that_is_none_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nnonsense").unwrap();
        let tls_ca = Some(file.path().to_owned());
        let settings = RedisSettings { tls: true, tls_ca, ..RedisSettings::default() };
        assert_eq!(Connector::new(&settings).err().unwrap().key, "redis.tls_ca");
    }
}
