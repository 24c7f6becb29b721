//! What is to be rebuilt, and from what.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kudos_core::PostId;
use kudos_redis::SLOTS;

use crate::settings::Settings;

/// What of the log is replayed if nobody says: all that it keeps by default.
const SINCE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What is rebuilt, from what, and how.
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// Where the counts come from
    #[arg(long, value_enum)]
    pub(crate) from: Source,
    /// Replay the events of this long, with --from kafka [default: 7d]
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Take the posts that no event covers from here, with --from kafka
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub(crate) rest_from: Option<RestSource>,
    /// Only posts whose hash lies in these slots, such as 0-5460,7000
    #[arg(long)]
    pub(crate) slots: Option<Slots>,
    /// Only these posts
    #[arg(long, value_name = "POST", value_delimiter = ',', conflicts_with_all = ["slots", "window"])]
    pub(crate) posts: Vec<PostId>,
    /// Only posts that were created within this long before now
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    pub(crate) window: Option<Duration>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Continue a rebuild that was interrupted
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) resume: bool,
    /// Where the rebuild notes how far it is, until it is done
    #[arg(long, value_name = "FILE", default_value = "kudos-rebuild.json")]
    pub(crate) checkpoint: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The truth
    Cassandra,
    /// The log of the last changes
    Kafka,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RestSource {
    /// The truth
    Cassandra,
}

/// Slots of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slots(Vec<RangeInclusive<u16>>);

impl Slots {
    pub(crate) fn contains(&self, slot: u16) -> bool {
        self.0.iter().any(|range| range.contains(&slot))
    }
}

impl FromStr for Slots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let slot = |text: &str| text.trim().parse().ok().filter(|&slot: &u16| slot < SLOTS);
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = slot(first)?..=slot(last)?;
            (!range.is_empty()).then_some(range)
        };
        let ranges: Option<_> = text.split(',').map(range).collect();
        ranges
            .map(Self)
            .ok_or_else(|| format!("must be slots from 0 to {}, such as 0-5460,7000", SLOTS - 1))
    }
}

impl RebuildArgs {
    pub(crate) fn since(&self) -> Duration {
        self.since.unwrap_or(SINCE)
    }

    /// What goes together, as far as single flags cannot tell.
    pub(crate) fn check(&self) -> Result<(), String> {
        let of_kafka =
            [("--since", self.since.is_some()), ("--rest-from", self.rest_from.is_some())];
        match of_kafka.into_iter().find(|(_, given)| *given && self.from != Source::Kafka) {
            Some((flag, _)) => Err(format!("{flag} goes with --from kafka")),
            None => Ok(()),
        }
    }

    /// What is rebuilt, in words: a checkpoint belongs to it.
    pub(crate) fn describe(&self, settings: &Settings) -> String {
        let mut text = format!(
            "keyspace {} into Redis with the prefix {:?}",
            settings.cassandra.keyspace, settings.redis.prefix
        );
        // Writing into a string does not fail, here and below.
        if self.from == Source::Kafka {
            let since = humantime::format_duration(self.since());
            let _ = write!(text, ", from topic {} since {since}", settings.kafka.topic);
        }
        if let Some(Slots(ranges)) = &self.slots {
            let _ = write!(text, ", slots {ranges:?}");
        }
        if !self.posts.is_empty() {
            let _ = write!(text, ", posts {:?}", self.posts);
        }
        if let Some(window) = self.window {
            let _ = write!(text, ", created within {}", humantime::format_duration(window));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: RebuildArgs,
    }

    fn args(words: &str) -> RebuildArgs {
        let words = std::iter::once("rebuild").chain(words.split(' '));
        Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).args
    }

    #[test]
    fn slots_are_single_or_in_ranges() {
        let slots: Slots = "0-2,7000,16383".parse().unwrap();
        let held: Vec<_> = (0..SLOTS).filter(|&slot| slots.contains(slot)).collect();
        assert_eq!(held, [0, 1, 2, 7000, 16_383]);
        for bad in ["", "x", "1-", "-1", "5-4", "16384", "1,,2", "1-2-3"] {
            assert!(bad.parse::<Slots>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_concerns_the_log_is_refused_without_it() {
        assert_eq!(args("--from kafka --since 1h --rest-from cassandra").check(), Ok(()));
        assert!(args("--from cassandra --since 1h").check().unwrap_err().contains("--since"));
        let rest = args("--from cassandra --rest-from cassandra").check();
        assert!(rest.unwrap_err().contains("--rest-from"));
    }

    #[test]
    fn a_checkpoint_belongs_to_what_is_rebuilt() {
        let settings = Settings::default();
        let of = |words| args(words).describe(&settings);
        let all = [
            "--from cassandra",
            "--from kafka",
            "--from kafka --since 1h",
            "--from cassandra --slots 1",
            "--from cassandra --posts a,b",
            "--from cassandra --window 7d",
        ];
        let described: std::collections::BTreeSet<_> = all.map(of).into();
        assert_eq!(described.len(), all.len(), "{described:?}");
        assert_eq!(of("--from cassandra"), of("--from cassandra --resume --checkpoint x"));
    }
}
