//! What was measured, and where it stands. A test compares every one with docs/BENCHMARKS-STACK.md, so
//! that a new measurement changes what is computed, or fails.

use serde::Serialize;

const MICROS: f64 = 1e6;

/// A figure of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Figure {
    /// Of what.
    pub(super) what: &'static str,
    pub(super) value: u64,
    pub(super) unit: &'static str,
    /// Where it was measured.
    pub(super) from: From,
}

impl Figure {
    /// The seconds of a figure in µs.
    pub(super) fn seconds(self) -> f64 {
        self.value as f64 / MICROS
    }
}

/// Where a figure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum From {
    /// In docs/BENCHMARKS-STACK.md: behind these words, in the row of this name, in this column.
    Bench(&'static str, &'static str, usize),
    /// By the test `memory_of_one_order` of crates/redis, on Redis 7.0.15.
    OneOrder,
}

const WITHOUT: &str = "Without a projector";
const WITH: &str = "With a projector";
const SIZES: &str = "What posts and reactions take";

const fn bench(
    what: &'static str,
    value: u64,
    unit: &'static str,
    section: &'static str,
    row: &'static str,
    column: usize,
) -> Figure {
    Figure { what, value, unit, from: From::Bench(section, row, column) }
}

macro_rules! figures {
    ($($name:ident = $figure:expr;)+) => {
        $(pub(super) const $name: Figure = $figure;)+
        /// All of them, as they are shown.
        pub(super) const ALL: &[Figure] = &[$($name),+];
    };
}

figures! {
    WRITER_LIKE = bench("a like in reaction-write", 380, "µs", WITHOUT, "reaction-write", 2);
    CASSANDRA_LIKE = bench("a like in Cassandra", 2_710, "µs", WITHOUT, "cassandra", 2);
    CASSANDRA_PROJECTED =
        bench("a like in Cassandra, its projection included", 3_698, "µs", WITH, "cassandra", 2);
    REDIS_LIKE = bench("a like in Redis", 98, "µs", WITHOUT, "redis", 2);
    KAFKA_LIKE = bench("a like in Kafka, read once by a projector", 595, "µs", WITH, "kafka", 2);
    PROJECTOR_PUT = bench("a put in the projector", 302, "µs", WITH, "projector", 2);
    ELASTIC_PUT = bench("a put in Elasticsearch", 332, "µs", WITH, "elasticsearch", 2);
    CASSANDRA_WRITES = bench("a like, written by Cassandra", 10_818, "B", WITHOUT, "cassandra", 3);
    KAFKA_RECORD = bench("a like in Kafka's log", 452, "B", WITHOUT, "kafka", 3);
    POSTS_ROW = bench("a post in `posts`", 85, "B", SIZES, "Cassandra, `posts`, on disk", 2);
    DAYS_ROW = bench("a post in `posts_by_day`", 57, "B", SIZES, "Cassandra, `posts_by_day`, on disk", 2);
    ROLLUP_ROW =
        bench("a post in `reaction_counts`", 39, "B", SIZES, "Cassandra, `reaction_counts`, on disk", 2);
    REACTION_ROW =
        bench("a reaction in `reactions`", 72, "B", SIZES, "Cassandra, `reactions`, on disk", 3);
    REDIS_HASH = bench("a post's hash in Redis", 136, "B", SIZES, "Redis, hashes, in memory", 2);
    REDIS_ORDERS =
        bench("a post in Redis' orders and windows", 213, "B", SIZES, "Redis, orders and windows, in memory", 2);
    ELASTIC_DOCUMENT = bench("a post in Elasticsearch", 96, "B", SIZES, "Elasticsearch, on disk", 2);
    ORDER_MEMBER = Figure {
        what: "a member of one sorted set of a million posts",
        value: 110,
        unit: "B",
        from: From::OneOrder,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../../docs/BENCHMARKS-STACK.md");

    /// The number in a column of the row of that name, the first one behind these words.
    fn read(section: &str, row: &str, column: usize) -> Option<u64> {
        let (_, behind) = DOCUMENT.split_once(section)?;
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let mut rows = behind.lines().map(cells).filter(|cells: &Vec<String>| cells.len() > 3);
        let cells = rows.find(|cells| cells[1] == row)?;
        cells.get(column)?.replace(',', "").parse().ok()
    }

    #[test]
    fn every_figure_is_the_one_of_the_benchmarks() {
        for Figure { what, value, from, .. } in ALL {
            if let From::Bench(section, row, column) = *from {
                let found = read(section, row, column);
                assert_eq!(found, Some(*value), "{what}: run the benchmarks' figure in here");
            }
        }
    }

    #[test]
    fn a_row_that_is_not_there_is_noticed() {
        assert_eq!(read(WITHOUT, "nobody", 2), None);
        assert_eq!(read("no such section", "cassandra", 2), None);
    }
}
