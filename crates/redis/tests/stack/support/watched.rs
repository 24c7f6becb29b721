//! A monitor, and the metrics that it shows.

use std::sync::LazyLock;

use kudos_redis::{Monitor, MonitorSettings, RedisSettings};
use kudos_runtime::settings::{LogSettings, TelemetrySettings};
use kudos_runtime::telemetry::Telemetry;
use tokio::task::JoinHandle;

/// One for all tests: a process has one.
static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(|| {
    let log = LogSettings { level: "off".to_owned(), ..LogSettings::default() };
    Telemetry::start("stack", &log, &TelemetrySettings::default()).expect("nobody started it yet")
});

/// Servers whose figures are shown while this is kept.
pub(crate) struct Watched(JoinHandle<()>);

impl Watched {
    pub(crate) fn start(redis: &RedisSettings) -> Self {
        LazyLock::force(&TELEMETRY);
        let settings = MonitorSettings { enabled: true, every_ms: 1_000, timeout_ms: 500 };
        let monitor = Monitor::new(redis, settings).expect("the settings are valid");
        Self(tokio::spawn(monitor.run()))
    }

    /// Everything that Prometheus would be shown now.
    pub(crate) fn all() -> String {
        TELEMETRY.metrics().render().expect("metrics can be written")
    }

    pub(crate) fn text(&self) -> String {
        Self::all()
    }

    /// A figure of a node, with more labels if need be.
    pub(crate) fn value(&self, name: &str, node: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Vec<_> = [("node", node)]
            .iter()
            .chain(labels)
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let text = self.text();
        let line = text.lines().find(|line| {
            let named = line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
            named && labels.iter().all(|label| line.contains(label))
        });
        line?.rsplit_once(' ')?.1.parse().ok()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.abort();
    }
}
