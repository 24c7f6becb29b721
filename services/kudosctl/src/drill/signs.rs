//! What Kudos' services say of themselves, as /metrics has it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use futures::future::join_all;
use kudos_runtime::start::BoxError;

/// A service that hangs is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where services tell their metrics.
pub(super) struct Watch {
    http: reqwest::Client,
    services: Vec<String>,
}

impl Watch {
    pub(super) fn over(services: &[String]) -> Result<Self, BoxError> {
        kudos_runtime::tls::install();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { http, services: services.to_vec() })
    }

    /// Of all services that answer.
    pub(super) async fn signs(&self) -> Signs {
        let asked = self.services.iter().map(async |service| {
            self.http.get(format!("{service}/metrics")).send().await.ok()?.text().await.ok()
        });
        let mut signs = Signs::default();
        for text in join_all(asked).await.into_iter().flatten() {
            signs.add(&text);
        }
        signs
    }
}

/// The signs of a deployment that is not as it should be.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Signs {
    /// Breakers that are open.
    open: BTreeSet<String>,
    /// The age of the oldest note in the journal, in seconds.
    journal: f64,
    /// Differences that the auditor has found since the start.
    drift: f64,
}

impl Signs {
    fn add(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let value: f64 = value.parse().unwrap_or(0.0);
            let name = series.split('{').next().unwrap_or_default();
            match name {
                "kudos_breaker_open" if value > 0.0 => {
                    // The last label tells which.
                    let labels = series.split('"').skip(1).step_by(2);
                    self.open.extend(labels.last().map(str::to_owned));
                }
                "kudos_journal_age_seconds" => self.journal = self.journal.max(value),
                "kudos_drift_total" => self.drift += value,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Signs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { open, journal, drift } = self;
        let open = match open.len() {
            0 => "none".to_owned(),
            1..=3 => open.iter().cloned().collect::<Vec<_>>().join(","),
            many => many.to_string(),
        };
        write!(f, "journal {journal:>3.0} s  drift {drift:.0}  breakers open: {open}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_late_or_wrong_is_seen() {
        let mut signs = Signs::default();
        signs.add(
            "# TYPE kudos_breaker_open gauge\n\
             kudos_breaker_open{breaker=\"redis-1\"} 1\n\
             kudos_breaker_open{breaker=\"redis-2\"} 0\n\
             kudos_journal_age_seconds 12.5\n\
             kudos_drift_total{copy=\"live\"} 2\n\
             kudos_drift_total{copy=\"rows\"} 1\n",
        );
        assert_eq!(signs.to_string(), "journal  12 s  drift 3  breakers open: redis-1");
    }
}
