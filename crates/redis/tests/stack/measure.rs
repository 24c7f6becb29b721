//! Figures for CAPACITY.md. Run by hand: `cargo test -p kudos-redis --features stack-tests --test
//! stack -- --ignored --nocapture measure`.

use std::time::Instant;

use kudos_core::ports::LiveCounts;
use kudos_core::{Counts, Millis, PostId, PostState, Version};
use kudos_redis::RedisSettings;
use kudos_testkit::scope::NOW;

use crate::support::{Cluster, cli, complete, start};

const POSTS: u64 = 100_000;

fn state(i: u64, version: u64, age_ms: u64) -> PostState {
    let reactions = [i % 997, i % 31, i % 7, i % 5, i % 3, i % 2].map(|n| n + version);
    PostState {
        post: PostId::new(&i.to_string()).expect("a number is an id"),
        created_at: Millis(NOW.0 + 2 * 24 * 3_600_000 - age_ms),
        version: Version(version),
        counts: Counts::from_iter(reactions),
        as_of: Millis(NOW.0 + i),
    }
}

fn number(port: u16, section: &str, field: &str) -> u64 {
    let info = cli(port, &["INFO", section]);
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.and_then(|text| text.trim().parse().ok()).expect("Redis says it")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn memory_per_post() {
    for (what, age) in [("in windows", 60_000), ("too old for windows", 30 * 24 * 3_600_000)] {
        let server = start(&[]);
        let live = complete(server.settings()).await;
        live.migrate().await.expect("the library can be loaded");
        let before = number(server.port, "memory", "used_memory");
        let begun = Instant::now();
        for start in (0..POSTS).step_by(1_000) {
            // Spread over five days, or all old.
            let states: Vec<_> =
                (start..start + 1_000).map(|i| state(i, 1, age + i % 120 * 3_600_000)).collect();
            live.merge(&states).await.expect("Redis takes it");
        }
        let took = begun.elapsed();
        let bytes = (number(server.port, "memory", "used_memory") - before) / POSTS;
        let of = |key: &str| cli(server.port, &["MEMORY", "USAGE", key, "SAMPLES", "0"]);
        println!("{what}: {bytes} B a post, {:.0} posts/s", POSTS as f64 / took.as_secs_f64());
        println!("  hash {} B", of("post:777:reactions"));
        for order in ["posts:by_reactions", "posts:by_time"] {
            let whole: u64 = of(order).parse().expect("a number");
            println!("  {order} {} B a post", whole / POSTS);
        }
        for limit in [20, 300, 1_000] {
            for window in [None, Some(1), Some(24), Some(7 * 24)] {
                let since = window.map(|h| Millis(NOW.0 + 3 * 24 * 3_600_000 - h * 3_600_000));
                let begun = Instant::now();
                for _ in 0..20 {
                    live.top(since, limit).await.expect("the ranks answer");
                }
                let took = begun.elapsed() / 20;
                let stats = cli(server.port, &["INFO", "commandstats"]);
                let own = stats.lines().find(|line| line.contains("_ro:")).unwrap_or_default();
                let own = own.split(',').nth(2).unwrap_or_default().to_owned();
                println!("  top {limit} of {window:?} h: {took:?}, in Redis {own}");
                cli(server.port, &["CONFIG", "RESETSTAT"]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn traffic_per_like() {
    const LIKES: u64 = 2_000;
    let (server, cluster) = (start(&[]), Cluster::start(0, &[]));
    let sharded = RedisSettings { shards: 4, prefix: "s:".into(), ..cluster.settings() };
    for (what, settings) in
        [("single", server.settings()), ("cluster", cluster.settings()), ("sharded", sharded)]
    {
        let ports: Vec<_> = match what {
            "single" => vec![server.port],
            _ => cluster.nodes.iter().map(|node| node.port).collect(),
        };
        let live = complete(settings).await;
        live.migrate().await.expect("the library can be loaded");
        for version in 1..=2 {
            if version == 2 {
                ports.iter().for_each(|&port| drop(cli(port, &["CONFIG", "RESETSTAT"])));
            }
            let begun = Instant::now();
            for i in 0..LIKES {
                live.merge(&[state(i, version, 60_000)]).await.expect("Redis takes it");
            }
            println!("{what}: {:?} a like, one after the other", begun.elapsed() / LIKES as u32);
        }
        let sum = |section: &str, field: &str| -> u64 {
            ports.iter().map(|&port| number(port, section, field)).sum()
        };
        let (input, output) =
            (sum("stats", "total_net_input_bytes"), sum("stats", "total_net_output_bytes"));
        let commands = sum("stats", "total_commands_processed");
        println!(
            "{what}: {} B in, {} B out, {:.1} commands a like",
            input / LIKES,
            output / LIKES,
            commands as f64 / LIKES as f64
        );
        for &port in &ports {
            let stats = cli(port, &["INFO", "commandstats"]);
            stats
                .lines()
                .filter(|line| line.contains("usec"))
                .for_each(|line| println!("  {line}"));
        }
    }
}

/// What one order of all posts would take on the server that has it (`kudosctl capacity`).
#[tokio::test]
#[ignore = "measures"]
async fn memory_of_one_order() {
    const MEMBERS: u64 = 1_000_000;
    let server = start(&[]);
    let before = number(server.port, "memory", "used_memory");
    let fill = "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], i * 7919 % 1000003 + 0.5, \
                'post:' .. string.format('%.0f', 100000000 + i * 887)) end";
    cli(server.port, &["EVAL", fill, "1", "posts:by_reactions", &MEMBERS.to_string()]);
    let bytes = number(server.port, "memory", "used_memory") - before;
    println!("{} B a member", bytes / MEMBERS);
}
