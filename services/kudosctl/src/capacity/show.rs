//! The plan as text and as Markdown: the same tables and sentences.

use std::fmt::Write as _;

use bytesize::ByteSize;

use super::figures::{Figure, From};
use super::plan::Plan;

struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// With columns that stand below each other.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("{}\n\n{}\n", load(plan), nodes(plan).aligned());
    for line in remarks(plan) {
        let _ = writeln!(text, "- {line}");
    }
    text + "\nComputed from:\n" + &figures(plan).aligned()
}

/// As it stands in docs/CAPACITY.md.
pub(super) fn markdown(plan: &Plan) -> String {
    let mut text = format!("{}\n\n{}\n", load(plan), nodes(plan).markdown());
    for line in remarks(plan) {
        let _ = writeln!(text, "- {line}");
    }
    format!("{text}\nComputed from:\n\n{}", figures(plan).markdown())
}

fn load(plan: &Plan) -> String {
    let given = &plan.inputs;
    format!(
        "{} posts with {} reactions each, {} likes a second: {} % of them {} to a commit, on {} % as \
         many different posts. Nodes with {} cores, {} % busy at most, and disks of {}, {} % full at \
         most; a Redis server has {} of memory, {} % of it for posts.",
        grouped(given.posts),
        grouped(given.reactions_per_post),
        grouped(given.likes_per_second),
        given.hot_share,
        given.likes_per_commit,
        given.distinct_share,
        given.node_cores,
        given.core_share,
        si(given.node_disk),
        given.disk_share,
        iec(given.node_memory),
        given.memory_share,
    )
}

fn nodes(plan: &Plan) -> Table {
    let head =
        vec!["", "nodes", "because of", "cores at work", "a copy", "all copies", "any may die"];
    let held = |bytes: u64| if bytes == 0 { "–".to_owned() } else { si(bytes) };
    let rows = plan.engines.iter().map(|engine| {
        vec![
            engine.name.to_owned(),
            grouped(engine.nodes),
            engine.because.to_owned(),
            grouped(engine.cores),
            held(engine.bytes),
            held(engine.all_bytes),
            engine.survives.to_string(),
        ]
    });
    Table { head, rows: rows.collect() }
}

fn remarks(plan: &Plan) -> Vec<String> {
    let (redis, given) = (&plan.redis, &plan.inputs);
    let fits = |well: bool| if well { "fits" } else { "DOES NOT FIT" };
    let within = |well: bool| if well { "is within" } else { "is MORE THAN" };
    let percent = |part: u64, whole: u64| part.saturating_mul(100) / whole.max(1);
    let mut lines = vec![
        format!(
            "Redis: {} masters and {} replicas. A master has the hashes of {} posts; with the orders \
             evenly spread it would hold {}, {} % of its memory.",
            grouped(redis.masters),
            grouped(redis.nodes() - redis.masters),
            grouped(redis.posts_per_master),
            si(redis.average),
            percent(redis.average, given.node_memory),
        ),
        format!(
            "The orders have {} parts (`redis.shards`), and {} of them on one master, by their names: \
             it holds {}, {} % of its memory, which {} the {} that posts may take. When that is used \
             up, the cluster holds {} posts.",
            redis.parts,
            redis.fullest_parts,
            si(redis.fullest),
            percent(redis.fullest, given.node_memory),
            within(redis.fits_memory),
            si(redis.room),
            grouped(redis.posts_that_fit),
        ),
        format!(
            "In one part, a single order of all posts takes {} on one server: {} in {}, which has room \
             for {} members and nothing else.",
            si(redis.one_order),
            fits(redis.one_order <= given.node_memory),
            iec(given.node_memory),
            grouped(redis.one_order_holds),
        ),
        format!(
            "A master's part of the likes keeps its one core busy to {} %, which is {} the {} % that it \
             may be; all masters together take {} likes a second so.",
            grouped(redis.core_percent),
            if redis.fits_cores { "within" } else { "MORE THAN" },
            given.core_share,
            grouped(redis.likes_per_second),
        ),
    ];
    lines.extend(deaths(plan));
    lines.push(format!(
        "Written a second: {} by Cassandra, {} by Kafka, all nodes together.",
        si(plan.cassandra_writes),
        si(plan.kafka_writes)
    ));
    lines.push(rebuild(plan));
    lines
}

fn deaths(plan: &Plan) -> Vec<String> {
    let redis = &plan.redis;
    vec![format!(
        "*Any may die* counts nodes that die at once, whichever they are. Of Redis more may if no shard \
         loses all its {} nodes and no majority of the {} masters is gone. A replica may lack the last \
         writes of its master: they are noticed to be missing, and told again from the truth.",
        redis.replicas + 1,
        grouped(redis.masters),
    )]
}

fn rebuild(plan: &Plan) -> String {
    let rebuild = &plan.rebuild;
    match (rebuild.posts_per_second, rebuild.all_seconds, rebuild.one_shard_seconds) {
        (Some(rate), Some(all), Some(one)) => format!(
            "To fill an emptied Redis at the given {} posts a second: {}; one shard {}.",
            grouped(rate),
            span(all),
            span(one)
        ),
        _ => {
            "How long it takes to fill an emptied Redis has not been measured: give your own rate \
              (`--rebuild-rate`, posts a second)."
                .to_owned()
        }
    }
}

fn figures(plan: &Plan) -> Table {
    let row = |figure: &Figure| {
        let from = match figure.from {
            From::Bench(section, row, _) => format!("BENCHMARKS-STACK.md, \"{section}\", {row}"),
            From::OneOrder => "crates/redis, test `memory_of_one_order`".to_owned(),
        };
        vec![figure.what.to_owned(), format!("{} {}", grouped(figure.value), figure.unit), from]
    };
    let head = vec!["measured", "figure", "where it stands"];
    Table { head, rows: plan.figures.iter().map(row).collect() }
}

impl Table {
    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<_> = self.head.iter().map(|&cell| cell.to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{}\n{rows}", line(&head), "|---".repeat(head.len()) + "|")
    }

    fn aligned(&self) -> String {
        let head = self.head.iter().map(|&cell| cell.to_owned()).collect();
        let all: Vec<Vec<String>> = std::iter::once(head).chain(self.rows.clone()).collect();
        let width = |place: usize| {
            all.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max()
        };
        let mut text = String::new();
        for row in &all {
            let cells = row.iter().enumerate();
            let cells = cells.map(|(n, cell)| format!("{cell:<0$}", width(n).unwrap_or(0)));
            let line = cells.collect::<Vec<_>>().join("  ");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn si(bytes: u64) -> String {
    ByteSize::b(bytes).display().si().to_string()
}

fn iec(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

fn span(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let all = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_table_is_the_same_in_both_forms() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let table = Table { head: vec!["", "n"], rows: vec![row("redis", "1"), row("x", "22")] };
        assert_eq!(table.markdown(), "|  | n |\n|---|---|\n| redis | 1 |\n| x | 22 |\n");
        assert_eq!(table.aligned(), "       n\nredis  1\nx      22\n");
    }
}
