use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;

use crate::capacity::redis::{MOST_MASTERS, MOST_PARTS};

/// What is to be carried, by what. Defaults are the assumptions of docs/CAPACITY.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Args)]
pub(super) struct Inputs {
    /// Posts that exist
    #[arg(long, value_name = "N", default_value = "1e9", value_parser = |t: &str| count(t, 1, 1e12))]
    pub(super) posts: u64,
    /// Reactions of a post, on average
    #[arg(long, value_name = "N", default_value = "50", value_parser = |t: &str| count(t, 0, 1e9))]
    pub(super) reactions_per_post: u64,
    /// Likes, unlikes and changes a second
    #[arg(long, value_name = "N", default_value = "1e6", value_parser = |t: &str| count(t, 0, 1e9))]
    pub(super) likes_per_second: u64,
    /// Percent of the likes that fall on posts so hot that likes share a commit
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = |t: &str| count(t, 0, 1e2))]
    pub(super) hot_share: u64,
    /// How many likes of a hot post share a commit
    #[arg(long, value_name = "N", default_value = "10", value_parser = |t: &str| count(t, 1, 64.0))]
    pub(super) likes_per_commit: u64,
    /// Different posts liked within a second, in percent of the likes: each is put once
    #[arg(long, value_name = "PERCENT", default_value = "30", value_parser = |t: &str| count(t, 0, 1e2))]
    pub(super) distinct_share: u64,
    /// Hours that Kafka keeps
    #[arg(long, value_name = "N", default_value = "168", value_parser = |t: &str| count(t, 1, 8_760.0))]
    pub(super) kafka_hours: u64,

    /// Copies in Cassandra
    #[arg(long, value_name = "N", default_value = "3", value_parser = |t: &str| count(t, 1, 9.0))]
    pub(super) cassandra_copies: u64,
    /// Copies in Kafka
    #[arg(long, value_name = "N", default_value = "3", value_parser = |t: &str| count(t, 1, 9.0))]
    pub(super) kafka_copies: u64,
    /// Copies in Elasticsearch
    #[arg(long, value_name = "N", default_value = "2", value_parser = |t: &str| count(t, 1, 9.0))]
    pub(super) elastic_copies: u64,
    /// Replicas of each master of Redis
    #[arg(long, value_name = "N", default_value = "1", value_parser = |t: &str| count(t, 0, 9.0))]
    pub(super) redis_replicas: u64,
    /// Masters of Redis; as many as it takes if not given
    #[arg(long, value_name = "N", value_parser = |t: &str| count(t, 3, MOST_MASTERS as f64))]
    pub(super) redis_masters: Option<u64>,
    /// Parts of the orders (redis.shards); the fewest that fit if not given
    #[arg(long, value_name = "N", value_parser = |t: &str| count(t, 1, MOST_PARTS as f64))]
    pub(super) redis_shards: Option<u64>,

    /// Memory of a Redis server, such as 32GiB
    #[arg(long, value_name = "BYTES", default_value = "32GiB", value_parser = bytes)]
    pub(super) node_memory: u64,
    /// Percent of that memory that posts may take: snapshots, buffers and growth need the rest
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = |t: &str| count(t, 1, 1e2))]
    pub(super) memory_share: u64,
    /// Cores of every other node; a Redis server works on one
    #[arg(long, value_name = "N", default_value = "32", value_parser = |t: &str| count(t, 1, 1024.0))]
    pub(super) node_cores: u64,
    /// Percent of the cores that may be busy
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = |t: &str| count(t, 1, 1e2))]
    pub(super) core_share: u64,
    /// Disk of every other node, such as 8TB
    #[arg(long, value_name = "BYTES", default_value = "8TB", value_parser = bytes)]
    pub(super) node_disk: u64,
    /// Percent of that disk that may be full: compactions and repairs need the rest
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = |t: &str| count(t, 1, 1e2))]
    pub(super) disk_share: u64,

    /// Posts a second at which Redis is filled again, as measured on your own machines
    #[arg(long, value_name = "N", value_parser = |t: &str| count(t, 1, 1e9))]
    pub(super) rebuild_rate: Option<u64>,
}

/// Reads `1000`, `1_000` or `1e3`, within limits.
fn count(text: &str, least: u64, most: f64) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let digits = plain.bytes().all(|b| b.is_ascii_digit() || b"eE.+".contains(&b));
    let value = plain.parse::<f64>().ok().filter(|_| digits);
    match value {
        Some(value) if value.fract() == 0.0 && value >= least as f64 && value <= most => {
            Ok(value as u64)
        }
        _ => Err(format!("must be a whole number from {least} to {most}")),
    }
}

/// Reads `32GiB` or `8TB`: at least 1 GB, because less holds nothing, and at most 1 PB.
fn bytes(text: &str) -> Result<u64, String> {
    let refused = || "must be 1GB to 1PB, such as 32GiB".to_owned();
    let size = text.parse::<ByteSize>().map_err(|_| refused())?.as_u64();
    let fits = (ByteSize::gb(1).as_u64()..=ByteSize::pb(1).as_u64()).contains(&size);
    if fits { Ok(size) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_in_every_usual_form() {
        for text in ["1000000000", "1_000_000_000", "1e9", "1E9", "1.0e9"] {
            assert_eq!(count(text, 1, 1e12), Ok(1_000_000_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_is_refused_with_the_limits() {
        let refused = Err("must be a whole number from 1 to 64".to_owned());
        for text in ["", "0", "65", "1.5", "-1", "1e-1", "nan", "inf", "x", "1e999"] {
            assert_eq!(count(text, 1, 64.0), refused, "{text}");
        }
    }

    #[test]
    fn bytes_have_a_unit_and_limits() {
        assert_eq!(bytes("32GiB"), Ok(32 << 30));
        assert_eq!(bytes("8TB"), Ok(8_000_000_000_000));
        for text in ["", "32", "32GX", "0GB", "999MB", "2PB", "-1GB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
