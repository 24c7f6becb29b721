//! Redis filled anew from the truth and from the log, beside the bare reads and writes of the same data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use kudos_core::{Kinds, SystemClock};
use kudos_kafka::KafkaLog;
use kudos_rebuild::{Checkpoint, Limits, Phase, Ports, Progress, Rebuild, Rest, Scope};
use kudos_redis::{Orders, RedisHashes, RedisRanks};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use redis::aio::MultiplexedConnection;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::value::Row as Any;
use tokio::runtime::Runtime;

use super::world::{Addresses, World};
use super::{Fault, POSTS};
use crate::pairs::Pairs;
use crate::report::Row;
use crate::rows::Effort;

/// Posts of one pipeline, as of one page of a rebuild.
const PAGE: usize = 256;
/// Shares that are read, or pipelines that are written, side by side, as a rebuild does.
const LANES: usize = 8;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
const PATIENCE: Duration = Duration::from_secs(30);

/// Rows 6 and 7. Each rebuild fills keys of its own, which are not there before.
pub(crate) fn measure(effort: &Effort, at: &Addresses, world: &World) -> Result<Vec<Row>, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bare = runtime.block_on(Bare::open(at, world))?;
    let from_truth = Pairs::run(
        "posts/s of a rebuild from Cassandra",
        effort.pairs(),
        |turn| Ok(runtime.block_on(rebuild(world, turn, From::Truth))?),
        |turn| Ok(runtime.block_on(bare.slower(turn))?),
    )?;
    let from_log = Pairs::run(
        "events/s of a replay from Kafka",
        effort.pairs(),
        |turn| Ok(runtime.block_on(rebuild(world, turn, From::Log))?),
        |_| Ok(consume(&runtime, at, world)?),
    )?;
    let row = |name, unit, pairs: &Pairs, what, least, reach| {
        let against = format!("{what}: {:.0}", pairs.reference());
        let kudos = format!("{:.0} {unit}/s", pairs.subject());
        Row::at_least(name, (kudos, against), pairs.ratio(), (least, reach))
    };
    let slower = "the slower of a bare scan and bare pipelines";
    Ok(vec![
        row("rebuild from Cassandra", "posts", &from_truth, slower, 0.9, "≥ 0.90"),
        row("replay from Kafka", "events", &from_log, "a bare consumer", 0.5, "≥ 0.5"),
    ])
}

#[derive(Clone, Copy)]
enum From {
    Truth,
    Log,
}

/// How many posts or events a second were written, without the comparison that follows.
async fn rebuild(world: &World, turn: u64, from: From) -> Result<f64, Fault> {
    let name = match from {
        From::Truth => "truth",
        From::Log => "log",
    };
    let live = world.redis_at(&format!("{}:{name}:{turn}:", world.name)).await?;
    let ports = Ports {
        truth: world.cassandra().await?.store,
        live: live.clone(),
        mirrors: vec![Arc::new(RedisHashes(live.clone())), Arc::new(RedisRanks(live.clone()))],
        completeness: Arc::new(Orders::new(live)),
        clock: Arc::new(SystemClock),
        kinds: Kinds::default(),
    };
    let (progress, folder) = (Arc::new(Progress::default()), tempfile::tempdir()?);
    let checkpoint = Checkpoint::new(&folder.path().join("checkpoint"), name);
    let rebuild = Rebuild::new(ports, Scope::All, Limits::default(), Arc::clone(&progress));
    match from {
        From::Truth => {
            let work = rebuild.from_truth(None, &checkpoint);
            let (report, took) = tokio::join!(work, during(&progress, Phase::Filling));
            let report = report.map_err(Fault::of)?;
            match report.is_right() {
                true => Ok(report.told as f64 / took.as_secs_f64()),
                false => Err(Fault::Short(format!("a rebuild: {report:?}"))),
            }
        }
        From::Log => {
            let log = KafkaLog::new(&world.kafka()?, Arc::default()).map_err(Fault::of)?;
            let work = rebuild.from_log(&log, WEEK, Rest::Named, &checkpoint);
            let (report, took) = tokio::join!(work, during(&progress, Phase::Replaying));
            Ok(report.map_err(Fault::of)?.events as f64 / took.as_secs_f64())
        }
    }
}

/// How long a rebuild is in a phase.
async fn during(progress: &Progress, phase: Phase) -> Duration {
    let until = async |is_in: bool| {
        while (progress.step().phase == phase) != is_in {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    until(true).await;
    let begun = Instant::now();
    until(false).await;
    begun.elapsed()
}

/// What a rebuild reads and writes, without it.
struct Bare {
    session: Session,
    redis: MultiplexedConnection,
    posts: Vec<Held>,
}

/// What Redis holds of a post.
struct Held {
    id: String,
    fields: Vec<(String, Vec<u8>)>,
    /// In the order of all posts by likes, by time, and in the windows of its hour and its day.
    scores: [f64; 4],
}

impl Bare {
    async fn open(at: &Addresses, world: &World) -> Result<Self, Fault> {
        let session =
            SessionBuilder::new().known_node(&at.cassandra).build().await.map_err(Fault::of)?;
        session.use_keyspace(&world.name, true).await.map_err(Fault::of)?;
        let client = redis::Client::open(format!("redis://{}", at.redis)).map_err(Fault::of)?;
        let mut redis = client.get_multiplexed_async_connection().await.map_err(Fault::of)?;
        let mut posts = Vec::new();
        for number in 0..POSTS {
            posts.push(Held::read(&mut redis, world, number).await.map_err(Fault::of)?);
        }
        Ok(Self { session, redis, posts })
    }

    /// Posts a second of a scan of both tables, or of pipelines, whichever is slower.
    async fn slower(&self, turn: u64) -> Result<f64, Fault> {
        let begun = Instant::now();
        let read = self.scan().await?;
        let scan = read as f64 / begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        self.write(turn).await.map_err(Fault::of)?;
        let write = self.posts.len() as f64 / begun.elapsed().as_secs_f64();
        Ok(scan.min(write))
    }

    async fn scan(&self) -> Result<usize, Fault> {
        let posts = "SELECT post_id, title, body, author, created_at, hidden, revision FROM posts";
        let heads = "SELECT DISTINCT post_id, bucket, seq, version, counts, as_of FROM reactions";
        let (posts, _) = tokio::try_join!(self.count(posts), self.count(heads))?;
        Ok(posts)
    }

    /// Reads all rows of a table, shares of the tokens side by side.
    async fn count(&self, select: &str) -> Result<usize, Fault> {
        let key = if select.contains("DISTINCT") { "post_id, bucket" } else { "post_id" };
        let select = format!("{select} WHERE token({key}) > ? AND token({key}) <= ?");
        let select = self.session.prepare(select).await.map_err(Fault::of)?;
        let step = (u64::MAX / LANES as u64).cast_signed();
        let shares = (0..LANES as i64).map(|lane| {
            let from = i64::MIN + lane * step;
            (from, if lane + 1 == LANES as i64 { i64::MAX } else { from + step })
        });
        let counts = stream::iter(shares).map(async |share| {
            let rows = self.session.execute_iter(select.clone(), share).await.map_err(Fault::of)?;
            let rows = rows.rows_stream::<Any>().map_err(Fault::of)?;
            rows.try_fold(0, async |count, _| Ok(count + 1)).await.map_err(Fault::of)
        });
        counts.buffer_unordered(LANES).try_fold(0, async |sum, count: usize| Ok(sum + count)).await
    }

    async fn write(&self, turn: u64) -> redis::RedisResult<()> {
        let pipelines = self.posts.chunks(PAGE).map(|posts| {
            let mut pipeline = redis::pipe();
            for post in posts {
                pipeline.hset_multiple(format!("bare:{turn}:{}", post.id), &post.fields).ignore();
                for (order, score) in post.scores.iter().enumerate() {
                    pipeline.zadd(format!("bare:{turn}:order:{order}"), &post.id, score).ignore();
                }
            }
            let mut redis = self.redis.clone();
            async move { pipeline.query_async::<()>(&mut redis).await }
        });
        stream::iter(pipelines).buffer_unordered(LANES).try_collect().await
    }
}

impl Held {
    async fn read(
        redis: &mut MultiplexedConnection,
        world: &World,
        number: u64,
    ) -> redis::RedisResult<Self> {
        let id = crate::likes::post_name(number);
        let mut pipeline = redis::pipe();
        pipeline.hgetall(format!("{}:post:{id}:reactions", world.name));
        for order in ["by_reactions", "by_time"] {
            pipeline.zscore(format!("{}:posts:{order}", world.name), &id);
        }
        let (fields, popular, time): (_, Option<f64>, Option<f64>) =
            pipeline.query_async(redis).await?;
        let (popular, time) = (popular.unwrap_or(0.0), time.unwrap_or(0.0));
        Ok(Self { id, fields, scores: [popular, time, popular, popular] })
    }
}

/// Events a second of a consumer that reads the whole topic and does nothing with it.
fn consume(runtime: &Runtime, at: &Addresses, world: &World) -> Result<f64, Fault> {
    let _entered = runtime.enter();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &at.kafka)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .create()
        .map_err(Fault::of)?;
    let metadata = consumer.fetch_metadata(Some(&world.name), PATIENCE).map_err(Fault::of)?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    let (mut list, mut left) = (TopicPartitionList::new(), 0);
    for partition in partitions {
        let id = partition.id();
        let (first, end) =
            consumer.fetch_watermarks(&world.name, id, PATIENCE).map_err(Fault::of)?;
        list.add_partition_offset(&world.name, id, Offset::Beginning).map_err(Fault::of)?;
        left += end - first;
    }
    let (all, begun) = (left, Instant::now());
    consumer.assign(&list).map_err(Fault::of)?;
    while left > 0 {
        match consumer.poll(PATIENCE) {
            Some(message) => drop(message.map_err(Fault::of)?),
            None => return Err(Fault::Late(PATIENCE, "a consumer has nothing more to read")),
        }
        left -= 1;
    }
    Ok(all as f64 / begun.elapsed().as_secs_f64())
}
