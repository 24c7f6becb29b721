//! Asks the services of `console.services` how they are, for the console.
//!
//! Each is given a second and a few megabytes; what it says is shown, and what it does not say too.

mod settings;
#[cfg(test)]
mod tests;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use kudos_page::{PATIENCE, Service, Services};
use kudos_runtime::config::InvalidSetting;
use kudos_runtime::start::{BoxError, Chain};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

pub(crate) use settings::ConsoleSettings;
use settings::MOST;

/// The most bytes of metrics that are read.
const MOST_METRICS: usize = 4 << 20;

/// The most bytes of a report that are read.
const MOST_REPORT: usize = 64 << 10;

/// The services of the settings, asked side by side.
pub(crate) struct Asked {
    client: Client,
    services: Vec<Url>,
    /// How many names may be looked for at a time.
    names: Arc<Semaphore>,
}

/// What was found, or why not, for an operator.
type Answer<T> = Result<T, String>;

/// One process.
struct Place {
    name: String,
    url: Url,
}

impl Asked {
    /// Nobody is asked yet.
    ///
    /// # Errors
    /// Settings that make no sense; no client for lack of certificates.
    pub(crate) fn new(settings: &ConsoleSettings) -> Result<Self, BoxError> {
        let services = settings.urls().map_err(|InvalidSetting { key, problem }| {
            BoxError::from(format!("{key}: {problem}"))
        })?;
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .build()?;
        Ok(Self { client, services, names: Arc::new(Semaphore::new(MOST)) })
    }

    /// Whoever a URL stands for: behind a name may be several processes, each with figures of its
    /// own. What has a certificate is asked by the name in it.
    async fn places(&self, url: &Url, until: Instant) -> Vec<Result<Place, (String, String)>> {
        let name = url.authority().to_owned();
        let itself = || Place { name: name.clone(), url: url.clone() };
        let (Some(host), Some(port)) = (url.domain(), url.port_or_known_default()) else {
            return vec![Ok(itself())];
        };
        let found = match Arc::clone(&self.names).try_acquire_owned() {
            Ok(permit) => within(until, resolve(host, port, permit)).await,
            Err(_) => Err("its name is still looked for".to_owned()),
        };
        match found.as_deref() {
            Err(why) => vec![Err((name, why.clone()))],
            Ok([]) => vec![Err((name, "its name has no address".to_owned()))],
            Ok([_]) => vec![Ok(itself())],
            Ok(_) if url.scheme() == "https" => vec![Ok(itself())],
            Ok(several) => several.iter().filter_map(|at| one_of(url, *at)).map(Ok).collect(),
        }
    }

    async fn answer(&self, place: Result<Place, (String, String)>, until: Instant) -> Service {
        let Place { name, url } = match place {
            Ok(place) => place,
            Err((name, why)) => return Service::answered(name, Err(why.clone()), Err(why)),
        };
        let metrics = within(until, self.metrics(url.clone()));
        let (metrics, report) = futures::join!(metrics, within(until, self.report(url)));
        Service::answered(name, metrics, report)
    }

    async fn metrics(&self, mut url: Url) -> Answer<String> {
        url.set_path("/metrics");
        let (status, body) = self.get(url, MOST_METRICS).await?;
        match status {
            StatusCode::OK => String::from_utf8(body).map_err(|_| "answers no text".to_owned()),
            refused => Err(format!("answers {refused} for /metrics")),
        }
    }

    async fn report(&self, mut url: Url) -> Answer<Box<RawValue>> {
        url.set_path("/readyz");
        url.set_query(Some("verbose"));
        let (status, body) = self.get(url, MOST_REPORT).await?;
        // Who is not ready reports too.
        serde_json::from_slice(&body).map_err(|_| format!("answers {status} for /readyz"))
    }

    async fn get(&self, url: Url, most: usize) -> Answer<(StatusCode, Vec<u8>)> {
        let mut response = self.client.get(url).send().await.map_err(told)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if body.len() + chunk.len() > most {
                return Err(format!("answers more than {} KiB", most >> 10));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}

#[async_trait]
impl Services for Asked {
    async fn ask(&self) -> Vec<Service> {
        let until = Instant::now() + PATIENCE;
        let places = join_all(self.services.iter().map(|url| self.places(url, until))).await;
        let places = places.into_iter().flatten().take(MOST);
        join_all(places.map(|place| self.answer(place, until))).await
    }
}

/// The addresses of a name, of one family: who has both is still one. The system may take longer to
/// answer than anybody waits, and cannot be stopped: so many are asked for at a time and no more.
async fn resolve(
    host: &str,
    port: u16,
    under_way: OwnedSemaphorePermit,
) -> Answer<Vec<SocketAddr>> {
    let name = (host.to_owned(), port);
    let found = tokio::task::spawn_blocking(move || {
        let _under_way = under_way;
        name.to_socket_addrs().map(Vec::from_iter)
    });
    let found = found.await.map_err(|error| error.to_string())?;
    let found = found.map_err(|_| "its name cannot be resolved".to_owned())?;
    let (mut old, mut new): (Vec<_>, Vec<_>) = found.into_iter().partition(SocketAddr::is_ipv4);
    let addresses = if old.is_empty() { &mut new } else { &mut old };
    addresses.sort_unstable();
    addresses.dedup();
    Ok(std::mem::take(addresses))
}

fn one_of(url: &Url, at: SocketAddr) -> Option<Place> {
    let (name, mut url) = (format!("{} {at}", url.host_str()?), url.clone());
    url.set_ip_host(at.ip()).ok()?;
    Some(Place { name, url })
}

async fn within<T>(until: Instant, asked: impl Future<Output = Answer<T>>) -> Answer<T> {
    let late = || Err(format!("does not answer within {} s", PATIENCE.as_secs()));
    timeout_at(until, asked).await.unwrap_or_else(|_elapsed| late())
}

fn told(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("does not answer within {} s", PATIENCE.as_secs());
    }
    if error.is_connect() {
        return "cannot be reached".to_owned();
    }
    Chain(&error.without_url()).to_string()
}
