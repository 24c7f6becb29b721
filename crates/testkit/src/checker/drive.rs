use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::client::{Ack, Client, Reply, Request};
use super::figures::Figures;
use super::ledger::{Done, Ledger};
use super::recording::Shown;
use super::workload::Workload;

/// The pause before a request is sent again.
const PAUSE: Duration = Duration::from_millis(20);
/// The most operations that wait to be sent again.
const REPEATS: usize = 64;

/// Drives a workload: through several writers, on several lanes at once.
pub struct Drive {
    writers: Vec<Arc<dyn Client>>,
    ledger: Arc<Mutex<Ledger>>,
    patience: Duration,
}

impl Drive {
    /// Over these writers, at least one. An operation is sent again for `patience` until it is
    /// answered; then its row is left alone until [`settle`](Self::settle).
    pub fn new(writers: Vec<Arc<dyn Client>>, ledger: Ledger, patience: Duration) -> Self {
        Self { writers, ledger: Arc::new(Mutex::new(ledger)), patience }
    }

    /// Sends the whole workload on so many lanes.
    pub async fn run(&self, workload: &Workload, lanes: usize) {
        let requests = workload.lanes(lanes).into_iter().zip(1..);
        join_all(requests.map(|(requests, n)| {
            let rng = fastrand::Rng::with_seed(workload.seed.wrapping_mul(31).wrapping_add(n));
            let repeated = workload.repeated;
            Lane { drive: self, rng, repeated, later: VecDeque::new() }.run(requests)
        }))
        .await;
    }

    /// Sends what was never answered again, until it is; false if some is not within the patience.
    pub async fn settle(&self) -> bool {
        let open = self.ledger.lock().open_requests();
        let settled = open.iter().zip(0..).map(async |(request, seed)| {
            self.perform(request, &mut fastrand::Rng::with_seed(seed)).await
        });
        join_all(settled).await.iter().all(Option::is_some)
    }

    /// What was acknowledged so far.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().clone()
    }

    /// Records reads beside the operations.
    pub fn recorder(&self) -> Recorder {
        Recorder(Arc::clone(&self.ledger))
    }

    /// How available and how fast it was so far.
    pub fn figures(&self) -> Figures {
        Figures::of(&self.ledger.lock().recording)
    }

    /// Sends a new operation until it is answered.
    async fn perform(&self, request: &Request, rng: &mut fastrand::Rng) -> Option<Done> {
        self.ledger.lock().sent(request);
        let begun = Instant::now();
        loop {
            match self.send(request, rng).await {
                Reply::Acknowledged(ack) => return Some(self.acknowledge(request, ack)),
                reply @ (Reply::Stale | Reply::Wrong(_)) => {
                    self.ledger.lock().refused(request, &reply);
                    return None;
                }
                Reply::Busy | Reply::Unknown if begun.elapsed() >= self.patience => return None,
                Reply::Busy | Reply::Unknown => sleep(PAUSE).await,
            }
        }
    }

    fn acknowledge(&self, request: &Request, ack: Ack) -> Done {
        self.ledger.lock().acknowledge(request, ack)
    }

    async fn send(&self, request: &Request, rng: &mut fastrand::Rng) -> Reply {
        let sent = self.ledger.lock().recording.sent(request);
        let reply = self.writers[rng.usize(..self.writers.len())].react(request).await;
        self.ledger.lock().recording.answered(sent, &reply);
        reply
    }
}

/// Where readers that run beside a drive say what they see.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Ledger>>);

impl Recorder {
    /// Records one read: the posts that it shows, or none if it fails.
    pub async fn read(&self, read: impl Future<Output = Option<Vec<Shown>>>) {
        let asked = self.0.lock().recording.asked();
        let shown = read.await;
        self.0.lock().recording.shown(asked, shown);
    }
}

/// Some users, one operation after the other.
struct Lane<'a> {
    drive: &'a Drive,
    rng: fastrand::Rng,
    repeated: f64,
    /// Operations that are sent again after others.
    later: VecDeque<Done>,
}

impl Lane<'_> {
    async fn run(mut self, requests: Vec<Request>) {
        for request in requests {
            if self.drive.ledger.lock().is_closed(&request) {
                self.operation(&request).await;
            }
            if self.later.len() >= REPEATS || self.rng.u8(..16) == 0 {
                self.repeat_one().await;
            }
        }
        while !self.later.is_empty() {
            self.repeat_one().await;
        }
    }

    async fn operation(&mut self, request: &Request) {
        if self.rng.f64() >= self.repeated {
            self.drive.perform(request, &mut self.rng).await;
            return;
        }
        match self.rng.u8(..3) {
            0 => self.twice_at_once(request).await,
            1 => {
                if let Some(done) = self.drive.perform(request, &mut self.rng).await {
                    self.again(&done).await;
                }
            }
            _ => {
                let done = self.drive.perform(request, &mut self.rng).await;
                self.later.extend(done);
            }
        }
    }

    /// As a proxy does that loses patience: both are on their way, to whichever writer.
    async fn twice_at_once(&mut self, request: &Request) {
        let mut other = self.rng.fork();
        self.drive.ledger.lock().sent(request);
        let second = self.drive.send(request, &mut other);
        let (done, second) = join(self.drive.perform(request, &mut self.rng), second).await;
        match (done, second) {
            (Some(done), second) => self.drive.ledger.lock().repeat(&done, &second),
            // The first was never answered, and the second was: then the operation is known.
            (None, Reply::Acknowledged(ack)) => drop(self.drive.acknowledge(request, ack)),
            (None, _) => {}
        }
    }

    async fn repeat_one(&mut self) {
        if let Some(done) = self.later.pop_front() {
            self.again(&done).await;
        }
    }

    async fn again(&mut self, done: &Done) {
        let reply = self.drive.send(&done.request, &mut self.rng).await;
        self.drive.ledger.lock().repeat(done, &reply);
    }
}
