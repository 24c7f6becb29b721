//! The last trace in each bucket of each series of a histogram.
//!
//! The SDK has a place for exemplars in its data, but fills it nowhere, and its Prometheus exporter
//! has none to put them into; so they are kept here, beside the histograms.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::SystemTime,
};

use opentelemetry::{KeyValue, trace::TraceId};
use parking_lot::Mutex;
use prometheus::proto::LabelPair;

/// The most series of one histogram that have exemplars: as many as the SDK keeps apart.
const MOST_SERIES: usize = 2_000;

/// Of the whole process, as its meter is: instruments are made wherever something is measured.
static HISTOGRAMS: Mutex<Vec<Weak<Exemplars>>> = Mutex::new(Vec::new());

/// A sample and the trace that explains it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exemplar {
    pub(super) trace: TraceId,
    pub(super) seconds: f64,
    pub(super) at: SystemTime,
}

/// One place a bucket; the last one is that without a bound.
type Buckets = Box<[Option<Exemplar>]>;

/// A family and the labels of a series, as Prometheus spells them and in its order.
type Series = (String, Vec<(String, String)>);

/// The exemplars of one histogram.
pub(super) struct Exemplars {
    family: String,
    bounds: Box<[f64]>,
    series: Mutex<HashMap<Box<[KeyValue]>, Buckets>>,
}

impl Exemplars {
    /// None yet, for the histogram that Prometheus sees as `family`.
    pub(super) fn of(family: String, bounds: &[f64]) -> Arc<Self> {
        let exemplars = Arc::new(Self { family, bounds: bounds.into(), series: Mutex::default() });
        let mut all = HISTOGRAMS.lock();
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&exemplars));
        exemplars
    }

    /// Takes the place of the one in the same bucket. Allocates only for a series that is new.
    pub(super) fn keep(&self, labels: &[KeyValue], exemplar: Exemplar) {
        let bucket = self.bounds.partition_point(|bound| *bound < exemplar.seconds);
        let mut series = self.series.lock();
        if let Some(buckets) = series.get_mut(labels) {
            buckets[bucket] = Some(exemplar);
        } else if series.len() < MOST_SERIES {
            let mut buckets: Buckets = vec![None; self.bounds.len() + 1].into();
            buckets[bucket] = Some(exemplar);
            series.insert(labels.into(), buckets);
        }
    }
}

/// The exemplars of all histograms at one moment.
#[derive(Default)]
pub(super) struct Kept(HashMap<Series, Buckets>);

impl Kept {
    /// Take it before the samples are gathered: then none lacks its sample.
    pub(super) fn now() -> Self {
        let mut kept = Self::default();
        for histogram in HISTOGRAMS.lock().iter().filter_map(Weak::upgrade) {
            kept.add(&histogram);
        }
        kept
    }

    fn add(&mut self, histogram: &Exemplars) {
        for (labels, buckets) in histogram.series.lock().iter() {
            let mut labels: Vec<_> = labels.iter().map(spelled).collect();
            labels.sort_unstable();
            self.0.insert((histogram.family.clone(), labels), buckets.clone());
        }
    }

    /// The buckets of a series, if it has exemplars.
    pub(super) fn buckets(&self, family: &str, labels: &[LabelPair]) -> Option<&Buckets> {
        let pair = |label: &LabelPair| (label.name().to_owned(), label.value().to_owned());
        let mut labels: Vec<_> = labels.iter().map(pair).collect();
        labels.sort_unstable();
        self.0.get(&(family.to_owned(), labels))
    }
}

fn spelled(label: &KeyValue) -> (String, String) {
    (label.key.as_str().replace('.', "_"), label.value.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn exemplar(trace: u128, seconds: f64) -> Exemplar {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        Exemplar { trace: TraceId::from(trace), seconds, at }
    }

    fn pair(name: &str, value: &str) -> LabelPair {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    }

    #[test]
    fn each_bucket_keeps_its_last_exemplar_and_a_bound_belongs_to_the_bucket_below() {
        let exemplars = Exemplars::of("buckets_seconds".to_owned(), &[0.1, 1.0]);
        let labels = [KeyValue::new("http.route", "/v1/x"), KeyValue::new("degraded", true)];
        for (trace, seconds) in [(1, 0.05), (2, 0.1), (3, 0.5), (4, 7.0), (5, 1.1)] {
            exemplars.keep(&labels, exemplar(trace, seconds));
        }
        let kept = Kept::now();
        let labels = [pair("degraded", "true"), pair("http_route", "/v1/x")];
        let buckets = kept.buckets("buckets_seconds", &labels).unwrap();
        let expected = [Some(exemplar(2, 0.1)), Some(exemplar(3, 0.5)), Some(exemplar(5, 1.1))];
        assert_eq!(**buckets, expected);
        assert!(kept.buckets("buckets_seconds", &labels[..1]).is_none());
        assert!(kept.buckets("others_seconds", &labels).is_none());
    }

    #[test]
    fn series_beyond_the_most_have_none_and_known_ones_still_change() {
        let exemplars = Exemplars::of("many_seconds".to_owned(), &[]);
        let labels = |number: usize| [KeyValue::new("number", number as i64)];
        for number in 0..MOST_SERIES + 5 {
            exemplars.keep(&labels(number), exemplar(1, 0.1));
        }
        exemplars.keep(&labels(0), exemplar(2, 0.1));
        let kept = Kept::now();
        let buckets =
            |number: usize| kept.buckets("many_seconds", &[pair("number", &number.to_string())]);
        assert_eq!(buckets(0).unwrap()[0], Some(exemplar(2, 0.1)));
        assert!(buckets(MOST_SERIES - 1).is_some());
        assert!(buckets(MOST_SERIES).is_none());
    }

    #[test]
    fn a_histogram_that_is_gone_has_none() {
        let exemplars = Exemplars::of("gone_seconds".to_owned(), &[]);
        exemplars.keep(&[], exemplar(1, 0.1));
        assert!(Kept::now().buckets("gone_seconds", &[]).is_some());
        drop(exemplars);
        assert!(Kept::now().buckets("gone_seconds", &[]).is_none());
    }
}
