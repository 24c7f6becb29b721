//! Metric families as OpenMetrics 1.0, with exemplars.
//!
//! Written here because no library does: the `prometheus` crate, which gathers the families, writes
//! text 0.0.4 alone and has no exemplars in its model (its issue 393), and crates that write
//! OpenMetrics, such as `prometheus-client`, do so for instruments of their own, not for families.
//! `scripts/check-metrics` reads the result with the strict parser of Prometheus's Python client.

use std::time::{Duration, SystemTime};

use prometheus::{
    Error,
    proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::exemplars::{Exemplar, Kept};

/// What OpenTelemetry calls its resource in text, where there is no type for it. OpenMetrics has one,
/// and wants it first.
const TARGET: &str = "target_info";

/// Units that a name may end with, and is then said to have.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// The whole exposition.
pub(super) fn encode(families: &[MetricFamily], kept: &Kept) -> Result<String, Error> {
    let mut text = Text::default();
    let (target, others): (Vec<_>, Vec<_>) =
        families.iter().partition(|family| family.name() == TARGET);
    for family in target {
        text.describe("target", "info", family.help());
        for metric in family.get_metric() {
            text.sample(TARGET, metric.get_label(), None, "1", None);
        }
    }
    for family in others {
        text.family(family, kept)?;
    }
    text.0.push_str("# EOF\n");
    Ok(text.0)
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, family: &MetricFamily, kept: &Kept) -> Result<(), Error> {
        let (name, metrics) = (family.name(), family.get_metric());
        match family.get_field_type() {
            MetricType::COUNTER => {
                let name = name.strip_suffix("_total").unwrap_or(name);
                self.describe(name, "counter", family.help());
                let sample = format!("{name}_total");
                for metric in metrics {
                    let value = number(metric.get_counter().get_value());
                    self.sample(&sample, metric.get_label(), None, &value, None);
                }
            }
            MetricType::GAUGE => {
                self.describe(name, "gauge", family.help());
                for metric in metrics {
                    let value = number(metric.get_gauge().get_value());
                    self.sample(name, metric.get_label(), None, &value, None);
                }
            }
            MetricType::HISTOGRAM => {
                self.describe(name, "histogram", family.help());
                metrics.iter().for_each(|metric| self.histogram(name, metric, kept));
            }
            // OpenTelemetry makes none.
            other @ (MetricType::SUMMARY | MetricType::UNTYPED) => {
                return Err(Error::Msg(format!("{name} is of the type {other:?}")));
            }
        }
        Ok(())
    }

    fn describe(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# TYPE {name} {kind}\n"));
        let unit = name.rsplit_once('_').map(|(_, last)| last);
        if let Some(unit) = unit.filter(|unit| UNITS.contains(unit)) {
            self.0.push_str(&format!("# UNIT {name} {unit}\n"));
        }
        if !help.is_empty() {
            self.0.push_str(&format!("# HELP {name} {}\n", escaped(help)));
        }
    }

    fn histogram(&mut self, name: &str, metric: &Metric, kept: &Kept) {
        let (histogram, labels) = (metric.get_histogram(), metric.get_label());
        let exemplars = kept.buckets(name, labels);
        let bucket = format!("{name}_bucket");
        for (place, (bound, count)) in buckets(histogram).enumerate() {
            let exemplar = exemplars.and_then(|buckets| *buckets.get(place)?);
            self.sample(&bucket, labels, Some(&bound), &count.to_string(), exemplar);
        }
        let sum = number(histogram.get_sample_sum());
        self.sample(&format!("{name}_sum"), labels, None, &sum, None);
        let count = histogram.get_sample_count().to_string();
        self.sample(&format!("{name}_count"), labels, None, &count, None);
    }

    fn sample(
        &mut self,
        name: &str,
        labels: &[LabelPair],
        bound: Option<&str>,
        value: &str,
        exemplar: Option<Exemplar>,
    ) {
        let mut pairs: Vec<_> = labels
            .iter()
            .map(|label| format!("{}=\"{}\"", label.name(), escaped(label.value())))
            .collect();
        pairs.extend(bound.map(|bound| format!("le=\"{bound}\"")));
        self.0.push_str(name);
        if !pairs.is_empty() {
            self.0.push_str(&format!("{{{}}}", pairs.join(",")));
        }
        self.0.push_str(&format!(" {value}"));
        if let Some(Exemplar { trace, seconds, at }) = exemplar {
            let (seconds, at) = (number(seconds), timestamp(at));
            self.0.push_str(&format!(" # {{trace_id=\"{trace}\"}} {seconds} {at}"));
        }
        self.0.push('\n');
    }
}

/// Upper bounds, the last of them infinite, and how many samples are below.
fn buckets(histogram: &Histogram) -> impl Iterator<Item = (String, u64)> {
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    // With `.0` behind whole numbers, as OpenMetrics wants the text of a bound to be.
    let bounded =
        finite.map(|bucket| (format!("{:?}", bucket.upper_bound()), bucket.cumulative_count()));
    bounded.chain([("+Inf".to_owned(), histogram.get_sample_count())])
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

/// Seconds since 1970, to the millisecond.
fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    format!("{}.{:03}", since.as_secs(), since.subsec_millis())
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use opentelemetry::{KeyValue, trace::TraceId};
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, core::Collector};

    use super::{super::exemplars::Exemplars, *};

    fn gathered(collector: impl Collector + 'static) -> Vec<MetricFamily> {
        let registry = Registry::new();
        registry.register(Box::new(collector)).unwrap();
        registry.gather()
    }

    fn gauge(name: &str, help: &str, value: f64) -> MetricFamily {
        let gauge = prometheus::Gauge::new(name, help).unwrap();
        gauge.set(value);
        gathered(gauge).remove(0)
    }

    fn encoded(families: &[MetricFamily]) -> String {
        encode(families, &Kept::default()).unwrap()
    }

    #[test]
    fn a_counter_is_named_without_total_and_its_samples_with_it() {
        let likes = IntCounterVec::new(Opts::new("likes_total", "Likes"), &["kind"]).unwrap();
        likes.with_label_values(&["love"]).inc_by(3);
        assert_eq!(
            encoded(&gathered(likes)),
            "# TYPE likes counter\n# HELP likes Likes\nlikes_total{kind=\"love\"} 3\n# EOF\n"
        );
    }

    #[test]
    fn a_gauge_may_be_any_number_and_names_its_unit() {
        for (value, written) in [
            (2.5, "2.5"),
            (-1.0, "-1"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(
                encoded(&[gauge("age_seconds", "Age", value)]),
                format!(
                    "# TYPE age_seconds gauge\n# UNIT age_seconds seconds\n\
                     # HELP age_seconds Age\nage_seconds {written}\n# EOF\n"
                )
            );
        }
    }

    #[test]
    fn quotes_backslashes_and_line_ends_are_escaped() {
        let opts = Opts::new("odd_total", "a \"b\" \\ c\nd");
        let odd = IntCounterVec::new(opts, &["text"]).unwrap();
        odd.with_label_values(&["a \"b\" \\ c\nd"]).inc();
        let text = encoded(&gathered(odd));
        assert!(text.contains(r#"# HELP odd a \"b\" \\ c\nd"#), "{text}");
        assert!(text.contains(r#"odd_total{text="a \"b\" \\ c\nd"} 1"#), "{text}");
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn what_is_scraped_comes_first_and_is_an_info() {
        let families = [gauge("a", "A", 1.0), gauge("target_info", "Target metadata", 1.0)];
        let text = encoded(&families);
        let begin = "# TYPE target info\n# HELP target Target metadata\ntarget_info 1\n# TYPE a ";
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn a_histogram_shows_exemplars_on_their_buckets_and_nowhere_else() {
        let bounds = [0.1, 1.0, 10.0];
        let opts = HistogramOpts::new("wait_seconds", "Wait").buckets(bounds.to_vec());
        let waits = HistogramVec::new(opts, &["http_route"]).unwrap();
        let exemplars = Exemplars::of("wait_seconds".to_owned(), &bounds);
        for (trace, seconds) in [(0xa_u128, 0.75), (0xb, 12.5)] {
            waits.with_label_values(&["/x"]).observe(seconds);
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_000_250);
            let exemplar = Exemplar { trace: TraceId::from(trace), seconds, at };
            exemplars.keep(&[KeyValue::new("http.route", "/x")], exemplar);
        }
        waits.with_label_values(&["/y"]).observe(0.75);

        let text = encode(&gathered(waits), &Kept::now()).unwrap();
        let expected = r##"# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
# HELP wait_seconds Wait
wait_seconds_bucket{http_route="/x",le="0.1"} 0
wait_seconds_bucket{http_route="/x",le="1.0"} 1 # {trace_id="0000000000000000000000000000000a"} 0.75 1764000000.250
wait_seconds_bucket{http_route="/x",le="10.0"} 1
wait_seconds_bucket{http_route="/x",le="+Inf"} 2 # {trace_id="0000000000000000000000000000000b"} 12.5 1764000000.250
wait_seconds_sum{http_route="/x"} 13.25
wait_seconds_count{http_route="/x"} 2
wait_seconds_bucket{http_route="/y",le="0.1"} 0
wait_seconds_bucket{http_route="/y",le="1.0"} 1
wait_seconds_bucket{http_route="/y",le="10.0"} 1
wait_seconds_bucket{http_route="/y",le="+Inf"} 1
wait_seconds_sum{http_route="/y"} 0.75
wait_seconds_count{http_route="/y"} 1
# EOF
"##;
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_is_an_exposition_too() {
        assert_eq!(encoded(&[]), "# EOF\n");
    }
}
