use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep};

use super::client::Reply;
use super::recording::{Moment, Recording};

/// How long lies between two looks for something that is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// How available and how fast the writes and the reads of a recording were.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Every sending of a request.
    pub writes: Figure,
    /// Every read.
    pub reads: Figure,
}

/// How available and how fast one kind of request was.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Of each second since the first request, those sent in it.
    pub seconds: Vec<Second>,
    /// How long every request took that ended, whatever its answer.
    pub latency: Latency,
}

/// What became of the requests of one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// Those that were answered as they should be.
    pub answered: usize,
    /// All that were sent.
    pub sent: usize,
}

/// How long requests took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half took at most this.
    pub p50: Duration,
    /// 99% did.
    pub p99: Duration,
    /// 99.9% did.
    pub p999: Duration,
    /// All did.
    pub max: Duration,
}

impl Second {
    /// The share that was answered, from 0 to 1; all of none.
    pub fn share(&self) -> f64 {
        if self.sent == 0 { 1.0 } else { self.answered as f64 / self.sent as f64 }
    }
}

impl Figures {
    /// The figures of all that was recorded. A write that is refused as too old is answered; one
    /// that shall be sent again, or of which nobody knows, is not.
    pub fn of(recording: &Recording) -> Self {
        let good = |reply: &Reply| matches!(reply, Reply::Acknowledged(_) | Reply::Stale);
        let writes = recording.sends().iter().map(|sending| Request {
            begun: sending.begun,
            ended: sending.ended.as_ref().map(|(ended, reply)| (*ended, good(reply))),
        });
        let reads = recording.reads().iter().map(|reading| Request {
            begun: reading.begun,
            ended: reading.ended.as_ref().map(|(ended, shown)| (*ended, shown.is_some())),
        });
        Self { writes: Figure::of(writes), reads: Figure::of(reads) }
    }
}

struct Request {
    begun: Moment,
    /// And whether the answer is good.
    ended: Option<(Moment, bool)>,
}

impl Figure {
    fn of(requests: impl Iterator<Item = Request>) -> Self {
        let (mut first, mut seconds) = (None::<Instant>, Vec::<Second>::new());
        let mut took = Histogram::<u64>::new(3).expect("3 digits are allowed");
        for Request { begun, ended } in requests {
            let first = *first.get_or_insert(begun.at);
            let second = (begun.at - first).as_secs() as usize;
            if seconds.len() <= second {
                seconds.resize(second + 1, Second::default());
            }
            seconds[second].sent += 1;
            if let Some((ended, good)) = ended {
                seconds[second].answered += usize::from(good);
                let micros = (ended.at - begun.at).as_micros();
                took.record(u64::try_from(micros).unwrap_or(u64::MAX)).expect("it grows");
            }
        }
        Self { seconds, latency: Latency::of(&took) }
    }

    /// Those of all seconds together.
    pub fn all(&self) -> Second {
        let add = |a: Second, b: &Second| Second {
            answered: a.answered + b.answered,
            sent: a.sent + b.sent,
        };
        self.seconds.iter().fold(Second::default(), add)
    }

    /// The second of which the least share was answered, and its number, if anything was sent.
    pub fn worst(&self) -> Option<(usize, Second)> {
        let sent = self.seconds.iter().copied().enumerate().filter(|(_, second)| second.sent > 0);
        sent.min_by(|(_, a), (_, b)| a.share().total_cmp(&b.share()))
    }
}

impl Latency {
    fn of(took: &Histogram<u64>) -> Self {
        let at = |quantile| Duration::from_micros(took.value_at_quantile(quantile));
        let max = Duration::from_micros(took.max());
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Second { answered, sent } = self.all();
        write!(f, "{answered} of {sent} answered")?;
        if let Some((number, Second { answered, sent })) = self.worst() {
            write!(f, ", {answered} of {sent} in the worst second, {number}")?;
        }
        let Latency { p50, p99, p999, max } = self.latency;
        write!(f, "; p50 {p50:.1?}, p99 {p99:.1?}, p99.9 {p999:.1?}, max {max:.1?}")
    }
}

/// How long it takes until something is so; none if it is not within `limit`.
pub async fn noticed(limit: Duration, mut is_so: impl AsyncFnMut() -> bool) -> Option<Duration> {
    let begun = Instant::now();
    loop {
        if is_so().await {
            return Some(begun.elapsed());
        }
        if begun.elapsed() >= limit {
            return None;
        }
        sleep(LOOK).await;
    }
}
