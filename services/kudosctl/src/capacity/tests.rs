use clap::Parser;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/CAPACITY.md");
const END: &str = "<!-- end of what is computed -->";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: CapacityArgs,
}

fn args(words: &str) -> CapacityArgs {
    let words = std::iter::once("kudosctl").chain(words.split_whitespace());
    Line::try_parse_from(words).unwrap().args
}

fn plan(words: &str) -> Plan {
    Plan::of(&args(words).inputs)
}

fn engine<'a>(plan: &'a Plan, name: &str) -> &'a plan::Engine {
    plan.engines.iter().find(|engine| engine.name == name).unwrap()
}

#[test]
fn a_number_out_of_bounds_is_refused_by_its_name_and_limits() {
    let refused = |words: &str| {
        let words = std::iter::once("kudosctl").chain(words.split_whitespace());
        Line::try_parse_from(words).unwrap_err().to_string()
    };
    for (words, name, limit) in [
        ("--posts 0", "--posts", "1 to 1000000000000"),
        ("--likes-per-commit 65", "--likes-per-commit", "1 to 64"),
        ("--redis-masters 2", "--redis-masters", "3 to 1000"),
        ("--redis-shards 257", "--redis-shards", "1 to 256"),
        ("--node-memory 32", "--node-memory", "1GB to 1PB"),
        ("--memory-share 101", "--memory-share", "1 to 100"),
    ] {
        let said = refused(words);
        assert!(said.contains(name) && said.contains(limit), "{words}: {said}");
    }
}

#[test]
fn seventy_five_servers_of_32_gib_hold_less_than_their_memory_says() {
    let plan = plan("--posts 1e9 --redis-masters 25 --redis-replicas 2 --node-memory 32GiB");
    let redis = &plan.redis;
    assert_eq!((redis.nodes(), redis.posts_per_master), (75, 40_000_000));
    assert_eq!((redis.bytes, redis.average), (349_000_000_000, 13_960_000_000));
    assert_eq!(redis.one_order, 110_000_000_000);
    assert!(redis.one_order > 32 << 30, "one order does not fit one server");
    // However many parts the orders have, some master has more of them than others.
    assert!(redis.fullest > redis.average && !redis.fits_memory, "{redis:?}");
    assert!(redis.posts_that_fit < 1_000_000_000, "{redis:?}");
    assert_eq!(redis.survives(), 2);
    // 25 cores, half busy, 98 µs a like.
    assert_eq!(redis.likes_per_second, 127_551);
    assert!(!redis.fits_cores && !plan.suffices);
}

#[test]
fn the_orders_in_one_part_fill_one_server_and_no_other() {
    let one = plan("--redis-masters 25 --redis-shards 1 --likes-per-second 1e4").redis;
    assert_eq!((one.parts, one.fullest_parts), (1, 1));
    assert_eq!(one.fullest, 40_000_000 * 136 + 213_000_000_000);
    assert!(!one.fits_memory && one.fits_cores);
    let many = plan("--redis-masters 25 --redis-shards 256 --likes-per-second 1e4").redis;
    assert!(many.fullest < one.fullest / 5, "{many:?}");
}

#[test]
fn as_many_masters_as_it_takes_are_enough_and_one_fewer_are_not() {
    let by_memory = plan("--likes-per-second 1e4").redis;
    assert_eq!(by_memory.because, "memory");
    assert!(by_memory.fits_memory && by_memory.fits_cores);
    let fewer = by_memory.masters - 1;
    assert!(!plan(&format!("--likes-per-second 1e4 --redis-masters {fewer}")).redis.fits_memory);
    let by_cores = plan("--posts 1e6").redis;
    // 98 cores at work, half busy.
    assert_eq!((by_cores.masters, by_cores.because), (196, "one core each"));
    let small = plan("--posts 1e6 --likes-per-second 100").redis;
    assert_eq!((small.masters, small.because), (3, "a majority"));
}

#[test]
fn what_no_cluster_can_hold_is_said_not_to_fit() {
    let plan = plan("--posts 1e12");
    assert!(!plan.suffices && !plan.redis.fits_memory);
    assert_eq!(plan.redis.because, "the most there may be");
}

#[test]
fn likes_of_hot_posts_share_the_work_for_the_truth() {
    let cores = |words: &str| engine(&plan(words), "cassandra").cores;
    // 2,710 µs, and 988 µs for 30 % of the posts; three times.
    assert_eq!(cores("--hot-share 0"), 9_020);
    assert_eq!(cores("--hot-share 100 --likes-per-commit 10 --distinct-share 0"), 813);
}

#[test]
fn disks_copies_and_processors_each_may_decide() {
    let because = |words: &str| engine(&plan(words), "cassandra").because;
    assert_eq!(because(""), "processors");
    assert_eq!(because("--likes-per-second 100 --node-disk 2TB"), "disks");
    assert_eq!(because("--likes-per-second 100 --posts 1e6"), "copies");
}

#[test]
fn bytes_are_those_of_rows_times_copies() {
    let plan = plan("--posts 1e6 --reactions-per-post 10 --likes-per-second 1000");
    let cassandra = engine(&plan, "cassandra");
    assert_eq!((cassandra.bytes, cassandra.all_bytes), (901_000_000, 2_703_000_000));
    let kafka = engine(&plan, "kafka");
    assert_eq!(kafka.bytes, 1_000 * 452 * 604_800);
    assert_eq!(engine(&plan, "elasticsearch").bytes, 96_000_000);
}

#[test]
fn failures_survived_follow_the_copies() {
    let survives = |words: &str, name: &str| engine(&plan(words), name).survives;
    let copies = [("1", 0), ("2", 0), ("3", 1), ("4", 1), ("5", 2)];
    for (number, any) in copies {
        assert_eq!(survives(&format!("--cassandra-copies {number}"), "cassandra"), any);
    }
    assert_eq!(survives("--kafka-copies 1", "kafka"), 0);
    assert_eq!(survives("--kafka-copies 3", "kafka"), 1);
    assert_eq!(survives("--elastic-copies 1", "elasticsearch"), 0);
    assert_eq!(survives("--redis-replicas 2 --redis-masters 25", "redis"), 2);
    // Of three masters two are a majority.
    assert_eq!(survives("--redis-replicas 2 --redis-masters 3", "redis"), 1);
}

#[test]
fn a_rebuild_takes_as_long_as_the_given_rate_says() {
    let rebuild = plan("--posts 1e9 --rebuild-rate 1e5 --redis-masters 25").rebuild;
    assert_eq!((rebuild.all_seconds, rebuild.one_shard_seconds), (Some(10_000), Some(400)));
    let shown = show::text(&plan("--rebuild-rate 1e5"));
    assert!(shown.contains("2h 46m 40s"), "{shown}");
    assert!(show::text(&plan("")).contains("not been measured"));
}

#[test]
fn the_extremes_of_every_input_overflow_nothing() {
    let most = "--posts 1e12 --reactions-per-post 1e9 --likes-per-second 1e9 --hot-share 0 \
                --distinct-share 100 --kafka-hours 8760 --cassandra-copies 9 --kafka-copies 9 \
                --elastic-copies 9 --redis-replicas 9 --node-memory 1GB --memory-share 1 \
                --node-cores 1 --core-share 1 --node-disk 1GB --disk-share 1 --rebuild-rate 1";
    let least = "--posts 1 --reactions-per-post 0 --likes-per-second 0 --cassandra-copies 1 \
                 --kafka-copies 1 --elastic-copies 1 --redis-replicas 0 --node-memory 1PB \
                 --memory-share 100 --node-cores 1024 --core-share 100 --node-disk 1PB";
    for words in [most, least] {
        let plan = plan(words);
        assert!(plan.engines.iter().all(|engine| engine.nodes > 0), "{plan:?}");
        serde_json::to_string(&plan).unwrap();
        assert!(show::text(&plan).len() > 100);
    }
}

/// What stands between `<!-- kudosctl capacity … -->` and [`END`], with the words of the command.
fn computed() -> Vec<(&'static str, &'static str)> {
    let begin = "<!-- kudosctl capacity ";
    let parts = DOCUMENT.split(begin).skip(1);
    let parts = parts.filter_map(|part| part.split_once(" -->\n"));
    parts.map(|(words, rest)| (words, rest.split_once(END).unwrap().0)).collect()
}

#[test]
fn the_document_shows_what_the_command_prints() {
    let computed = computed();
    assert_eq!(computed.len(), 2, "the assumptions, and the deployment of 75 servers");
    for (words, shown) in computed {
        let args = args(words);
        assert!(args.markdown, "{words}");
        let printed = show::markdown(&Plan::of(&args.inputs));
        let stale = "docs/CAPACITY.md is stale: put there what this prints: kudosctl capacity";
        assert_eq!(shown.trim(), printed.trim(), "{stale} {words}");
    }
}
