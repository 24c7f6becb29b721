//! Clients that read a part of the log each, without a group. There are few, and they are kept: one
//! that stands where the next page begins has read it ahead already.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures::StreamExt;
use kudos_core::ports::{LogError, LogPage, Position};
use kudos_core::{Change, Kinds, PortError};
use parking_lot::Mutex;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::OwnedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::client::{Context, Hearing, blocking, config, consuming};
use crate::event;
use crate::fault::port_error;
use crate::settings::KafkaSettings;

/// How long a kept reader may be without the records that it has yet to read.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a reader is kept that nobody uses: longer than from one page to the next, but no longer, for
/// it reads on into memory, and a new one costs a connection.
const KEPT: Duration = Duration::from_secs(5);

/// The readers of a process.
pub(crate) struct Readers {
    settings: KafkaSettings,
    hearing: Arc<Hearing>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Reader>>>,
}

struct Reader {
    consumer: StreamConsumer<Context>,
    /// Where its next record is, if that is known.
    at: Option<Position>,
    /// A record that was taken from the queue to see whether there is one.
    peeked: Option<OwnedMessage>,
    idle_since: Instant,
}

/// A reader in use. It goes back when this is dropped, wherever its user was.
pub(crate) struct Lease {
    reader: Option<Reader>,
    /// It stood where it was needed, and may have something to say of before.
    kept: bool,
    topic: String,
    deadline: Duration,
    idle: Arc<Mutex<Vec<Reader>>>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(settings: &KafkaSettings) -> Self {
        let idle = Arc::default();
        tokio::spawn(reap(Arc::downgrade(&idle)));
        Self {
            settings: settings.clone(),
            hearing: Hearing::new("reader"),
            permits: Arc::new(Semaphore::new(settings.readers as usize)),
            idle,
        }
    }

    /// A reader that stands at `at`; with none, anywhere.
    pub(crate) async fn lease(&self, at: Option<&Position>) -> Result<Lease, PortError> {
        let deadline = self.settings.request();
        let permit = timeout(deadline, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(PortError::Busy { retry_after: deadline });
        };
        let reader = match self.take_idle(at) {
            Some(reader) => reader,
            None => self.start().await?,
        };
        let idle = Arc::clone(&self.idle);
        let topic = self.settings.topic.clone();
        let kept = at.is_some() && reader.at.as_ref() == at;
        let mut lease =
            Lease { reader: Some(reader), kept, topic, deadline, idle, _permit: permit };
        if let Some(at) = at.filter(|_| !kept) {
            lease.go_to((0..).zip(at.0.iter().copied()))?;
            lease.reader().at = Some(at.clone());
        }
        Ok(lease)
    }

    /// The one that stands there; else the one that was idle for longest, unless there may be more.
    fn take_idle(&self, at: Option<&Position>) -> Option<Reader> {
        let mut idle = self.idle.lock();
        if let Some(place) = idle.iter().position(|reader| at.is_some() && reader.at.as_ref() == at)
        {
            return Some(idle.swap_remove(place));
        }
        let all_idle = idle.len() > self.permits.available_permits();
        let oldest = (0..idle.len()).min_by_key(|&place| idle[place].idle_since)?;
        all_idle.then(|| idle.swap_remove(oldest))
    }

    async fn start(&self) -> Result<Reader, PortError> {
        let own = [
            ("auto.offset.reset", "error".into()),
            // The end of a partition is told: a page need not wait for more.
            ("enable.partition.eof", "true".into()),
        ];
        let config = config(&self.settings, consuming(&self.settings).into_iter().chain(own));
        let context = Context(Arc::clone(&self.hearing));
        let consumer = blocking(move || config.create_with_context(context)).await?;
        let consumer = consumer.map_err(|error| port_error(&error))?;
        Ok(Reader { consumer, at: None, peeked: None, idle_since: Instant::now() })
    }
}

impl Lease {
    fn reader(&mut self) -> &mut Reader {
        self.reader.as_mut().expect("a lease holds its reader until it is dropped")
    }

    /// To these offsets of these partitions, and of no other. Whoever calls this says where the
    /// reader is, when it is sure of that.
    fn go_to(&mut self, offsets: impl Iterator<Item = (u32, u64)>) -> Result<(), PortError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            add(&mut list, &self.topic, partition, offset)?;
        }
        self.kept = false;
        let reader = self.reader();
        (reader.at, reader.peeked) = (None, None);
        reader.consumer.assign(&list).map_err(|error| port_error(&error))
    }

    /// Waits until the reader has a record, or something to say of its place.
    pub(crate) async fn peek(&mut self) {
        let reader = self.reader();
        while reader.peeked.is_none() {
            match reader.consumer.recv().await {
                Ok(message) => reader.peeked = Some(message.detach()),
                Err(KafkaError::PartitionEOF(_)) => {}
                // The place is gone, or the broker is: whoever reads on will be told.
                Err(_) => {
                    reader.at = None;
                    return;
                }
            }
        }
    }

    /// Reads on until each partition is read to `ends`, or `limit` changes were found.
    ///
    /// A partition whose last offsets hold no records but the marks of transactions ends where its
    /// reader says so. A kept reader may say it of an end from before `ends`, and is not believed:
    /// if the records do not come, it starts anew where it is.
    pub(crate) async fn page(
        &mut self,
        ends: &[u64],
        limit: usize,
        kinds: &Kinds,
    ) -> Result<LogPage, LogError> {
        // Unknown until the page is whole: this future may be dropped on the way.
        let start = self.reader().at.take().ok_or(LogError::Gone)?;
        let mut page = Page::new(start.0.clone(), kinds);
        if let Some(message) = self.reader().peeked.take() {
            page.add(&message);
        }
        let mut whole = false;
        if self.kept {
            let read = page.fill(&self.reader().consumer, ends, limit, false);
            match timeout(PATIENCE, read).await {
                Ok(filled) => whole = filled.map(|()| true)?,
                Err(_) => self.go_to((0..).zip(page.at.iter().copied()))?,
            }
        }
        if !whole {
            let deadline = self.deadline;
            let read = page.fill(&self.reader().consumer, ends, limit, true);
            match timeout(deadline, read).await {
                Ok(filled) => filled?,
                Err(_) if page.at == start.0 => return Err(PortError::Timeout.into()),
                // What was found is worth something.
                Err(_) => {}
            }
        }
        let page = page.finish();
        self.reader().at = Some(page.next.clone());
        Ok(page)
    }

    /// One record; none if the log does not hold it.
    pub(crate) async fn record(
        &mut self,
        partition: u32,
        offset: u64,
    ) -> Result<Option<OwnedMessage>, PortError> {
        self.go_to(std::iter::once((partition, offset)))?;
        let deadline = self.deadline;
        let first = timeout(deadline, first_record(&self.reader().consumer)).await;
        let first = first.map_err(|_| PortError::Timeout)?;
        Ok(first.filter(|message| u64::try_from(message.offset()) == Ok(offset)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut reader) = self.reader.take() else { return };
        if reader.at.is_some() {
            reader.idle_since = Instant::now();
            return self.idle.lock().push(reader);
        }
        // Nobody knows where it stands, and what it has yet to say may be of a place before: that
        // the other partitions of a trimmed log are gone too.
        close(vec![reader]);
    }
}

/// Ends readers that nobody has used for a while: each goes on reading ahead into memory.
async fn reap(idle: Weak<Mutex<Vec<Reader>>>) {
    loop {
        sleep(KEPT / 2).await;
        let Some(idle) = idle.upgrade() else { return };
        let old: Vec<Reader> =
            idle.lock().extract_if(.., |reader| reader.idle_since.elapsed() > KEPT).collect();
        if !old.is_empty() {
            close(old);
        }
    }
}

/// Closes readers where nothing waits for it, for each takes a moment.
fn close(readers: Vec<Reader>) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(readers))),
        Err(_) => drop(readers),
    }
}

fn add(
    list: &mut TopicPartitionList,
    topic: &str,
    partition: u32,
    offset: u64,
) -> Result<(), PortError> {
    let beyond = |_| PortError::Corrupt(format!("no such place: {partition}, {offset}"));
    let partition = i32::try_from(partition).map_err(beyond)?;
    let offset = Offset::Offset(i64::try_from(offset).map_err(beyond)?);
    list.add_partition_offset(topic, partition, offset).map_err(|error| port_error(&error))
}

async fn first_record(consumer: &StreamConsumer<Context>) -> Option<OwnedMessage> {
    loop {
        match consumer.recv().await {
            Ok(message) => return Some(message.detach()),
            Err(KafkaError::PartitionEOF(_)) => return None,
            Err(error) if is_gone(&error) => return None,
            // It connects again by itself.
            Err(_) => {}
        }
    }
}

fn is_gone(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(Code::AutoOffsetReset | Code::OffsetOutOfRange))
}

/// A page as it fills.
struct Page<'a> {
    at: Vec<u64>,
    /// The latest time in each partition so far.
    latest: Vec<i64>,
    /// Each change with a time that never falls within its partition.
    found: Vec<(i64, usize, Change)>,
    kinds: &'a Kinds,
}

impl<'a> Page<'a> {
    fn new(at: Vec<u64>, kinds: &'a Kinds) -> Self {
        let latest = vec![i64::MIN; at.len()];
        Self { at, latest, found: Vec::new(), kinds }
    }

    /// With `ending`, a partition ends where the consumer says so, even before its end.
    async fn fill(
        &mut self,
        consumer: &StreamConsumer<Context>,
        ends: &[u64],
        limit: usize,
        ending: bool,
    ) -> Result<(), LogError> {
        let mut stream = consumer.stream();
        let mut behind = self.at.iter().zip(ends).filter(|(at, end)| at < end).count();
        while behind > 0 && self.found.len() < limit {
            match stream.next().await {
                Some(Ok(message)) => {
                    if let Some(partition) = self.add(&message)
                        && self.at[partition] == ends[partition]
                    {
                        behind -= 1;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if ending
                        && let Ok(partition) = usize::try_from(partition)
                        && self.at[partition] < ends[partition]
                    {
                        self.at[partition] = ends[partition];
                        behind -= 1;
                    }
                }
                Some(Err(error)) if is_gone(&error) => return Err(LogError::Gone),
                // It connects again by itself, within the deadline or not.
                Some(Err(_)) => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Adds a record, and tells its partition.
    fn add(&mut self, message: &impl Message) -> Option<usize> {
        let partition = usize::try_from(message.partition()).ok()?;
        let offset = u64::try_from(message.offset()).ok()?;
        *self.at.get_mut(partition)? = offset + 1;
        let latest = &mut self.latest[partition];
        *latest = (*latest).max(message.timestamp().to_millis().unwrap_or(i64::MIN));
        match event::decode(message.payload().unwrap_or_default(), self.kinds) {
            Ok(change) => self.found.push((*latest, partition, change)),
            // The group that applies the changes sets it aside, and says so.
            Err(error) => tracing::debug!(partition, offset, %error, "a record was left out"),
        }
        Some(partition)
    }

    /// The changes by time, and in each partition in its order.
    fn finish(mut self) -> LogPage {
        self.found.sort_by_key(|(time, partition, _)| (*time, *partition));
        let changes = self.found.into_iter().map(|(_, _, change)| change).collect();
        LogPage { changes, next: Position(self.at) }
    }
}
