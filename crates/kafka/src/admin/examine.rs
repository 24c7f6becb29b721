//! What is wrong with the brokers and the topics, in one list.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use kudos_runtime::finding::{Finding, Severity};
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::metadata_within;
use super::topics::{Admin, Wanted, wanted};
use crate::fault::KafkaFault;
use crate::settings::KafkaSettings;

/// How long the brokers may take to let this process in, and to say which topics there are.
const CONNECT: Duration = Duration::from_secs(5);
/// How long they may take for one answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// With fewer copies an outage of one broker stops publishing, or loses records.
const COPIES: usize = 3;
/// Copies that have to confirm a record before it counts as published.
const CONFIRMED: usize = 2;

/// Examines the brokers and the topics. Nothing is changed, and nothing is waited for longer than
/// some seconds.
///
/// A broker tells neither its version nor its clock in this protocol.
pub async fn examine(settings: &KafkaSettings) -> Vec<Finding> {
    let brokers = settings.brokers.join(", ");
    let all = async {
        settings.validate().map_err(|invalid| format!("{}: {}", invalid.key, invalid.problem))?;
        let said = |fault: KafkaFault| fault.to_string();
        let metadata = metadata_within(CONNECT, settings).await.map_err(said)?;
        Ok::<_, String>((metadata, Admin::new(settings).map_err(said)?))
    };
    let (metadata, admin) = match all.await {
        Ok(all) => all,
        Err(advice) => return vec![Finding::unreachable(&brokers, advice)],
    };
    let mut findings = of_brokers(&metadata);
    let topics = wanted(settings);
    let each = topics.iter().map(|topic| of_topic(&metadata, &admin, topic));
    findings.extend(join_all(each).await.into_iter().flatten());
    findings
}

fn of_brokers(metadata: &Metadata) -> Vec<Finding> {
    let brokers = metadata.brokers();
    let names: Vec<_> = brokers.iter().map(|b| format!("{}:{}", b.host(), b.port())).collect();
    let advice = "have three brokers: with fewer, either one's death stops publishing, or a \
                  record has too few copies";
    vec![Finding::ok(&names.join(", "), "brokers", brokers.len()).unless(
        brokers.len() >= COPIES,
        Severity::Notice,
        advice,
    )]
}

async fn of_topic(metadata: &Metadata, admin: &Admin<'_>, wanted: &Wanted) -> Vec<Finding> {
    let about = format!("topic {}", wanted.name);
    let topic = metadata.topics().iter().find(|topic| topic.name() == wanted.name);
    let Some(topic) = topic.filter(|topic| !topic.partitions().is_empty()) else {
        return vec![Finding::ok(&about, "exists", "no").error("run `kudosctl migrate`")];
    };
    let copies = Copies::of(topic);
    let mut findings = vec![of_partitions(&about, topic.partitions().len(), wanted.partitions)];
    findings.extend(copies.judge(&about));
    match admin.describe(&wanted.name, PATIENCE).await {
        Ok(config) => {
            let entries = config.entries.into_iter();
            let values = entries.filter_map(|entry| Some((entry.name, entry.value?))).collect();
            findings.extend(of_settings(&about, &wanted.config, &values, copies.fewest));
        }
        Err(fault) => {
            let advice = format!("{fault}; allow the user to describe configurations");
            findings.push(Finding::ok(&about, "settings", "not told").warning(advice));
        }
    }
    findings
}

fn of_partitions(about: &str, found: usize, wanted: usize) -> Finding {
    let advice = format!(
        "set kafka.partitions = {found}; never change the topic: a post's changes have to stay in \
         one partition"
    );
    Finding::ok(about, "partitions", found).unless(found == wanted, Severity::Warning, advice)
}

/// The copies of a topic's partitions.
struct Copies {
    /// Of the partition that has the fewest.
    fewest: usize,
    /// Partitions of which a copy is late or gone.
    behind: usize,
    /// Partitions that nobody serves.
    leaderless: usize,
}

impl Copies {
    fn of(topic: &MetadataTopic) -> Self {
        let partitions = || topic.partitions().iter();
        Self {
            fewest: partitions().map(|p| p.replicas().len()).min().unwrap_or(0),
            behind: partitions().filter(|p| p.isr().len() < p.replicas().len()).count(),
            leaderless: partitions().filter(|p| p.leader() < 0).count(),
        }
    }

    fn judge(&self, about: &str) -> Vec<Finding> {
        let few = "have three brokers and make the topic with kafka.replication = 3, or reassign \
                   its partitions (kafka-reassign-partitions): one broker's death stops \
                   publishing, and its disk's loses records";
        let behind = "start the broker that is down, or see why it lags: its copies count for \
                      nothing until they have caught up";
        let leaderless = "start the brokers that have these partitions: likes of their posts wait \
                          in the journal";
        let not = |count: usize| match count {
            0 => "none".to_owned(),
            count => format!("{count} partitions"),
        };
        vec![
            Finding::ok(about, "copies", self.fewest).unless(
                self.fewest >= COPIES,
                Severity::Warning,
                few,
            ),
            Finding::ok(about, "copies behind", not(self.behind)).unless(
                self.behind == 0,
                Severity::Warning,
                behind,
            ),
            Finding::ok(about, "without a leader", not(self.leaderless)).unless(
                self.leaderless == 0,
                Severity::Error,
                leaderless,
            ),
        ]
    }
}

/// Settings against what the migration would have made, and how many copies confirm a record.
fn of_settings(
    about: &str,
    wanted: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
    copies: usize,
) -> Vec<Finding> {
    let told = |name: &str| found.get(name).map_or("", String::as_str);
    let each = wanted.iter().map(|(name, wanted)| of_setting(about, name, told(name), wanted));
    each.chain([of_confirmed(about, told("min.insync.replicas"), copies)]).collect()
}

fn of_setting(about: &str, name: &str, found: &str, wanted: &str) -> Finding {
    let topic = about.trim_start_matches("topic ");
    let alter = format!("kafka-configs --alter --topic {topic} --add-config {name}={wanted}");
    let finding = Finding::ok(about, name, found);
    if name == "retention.ms" {
        // -1 is for ever.
        let keeps =
            |text: &str| text.parse::<i64>().ok().map(|ms| if ms < 0 { i64::MAX } else { ms });
        let enough = keeps(found) >= keeps(wanted);
        let advice = format!("{alter}: what is deleted sooner cannot be read again");
        let longer = format!("more than the {wanted} of the migration: it takes disk space");
        return finding.unless(enough, Severity::Warning, advice).unless(
            found == wanted,
            Severity::Notice,
            longer,
        );
    }
    finding.unless(found == wanted, Severity::Warning, alter)
}

fn of_confirmed(about: &str, found: &str, copies: usize) -> Finding {
    let name = "min.insync.replicas";
    let confirmed = found.parse::<usize>().unwrap_or(0);
    let topic = about.trim_start_matches("topic ");
    let finding = Finding::ok(about, name, found);
    if copies < CONFIRMED {
        // One copy cannot be confirmed twice; that there is one only is a finding of its own.
        return finding;
    }
    let more = format!(
        "kafka-configs --alter --topic {topic} --add-config {name}={CONFIRMED}: a record that one \
         broker alone has confirmed dies with it"
    );
    let fewer = format!(
        "set it below {copies}, the number of copies: as it is, one broker's death stops publishing"
    );
    finding.unless(confirmed >= CONFIRMED, Severity::Warning, more).unless(
        confirmed < copies,
        Severity::Warning,
        fewer,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_retention_is_worse_than_more() {
        let judged = |found| of_setting("topic t", "retention.ms", found, "604800000").severity;
        assert_eq!(judged("604800000"), Severity::Ok);
        assert_eq!(judged("604799999"), Severity::Warning);
        assert_eq!(judged("2592000000"), Severity::Notice);
        assert_eq!(judged("-1"), Severity::Notice);
        assert_eq!(judged(""), Severity::Warning);
    }

    #[test]
    fn records_are_confirmed_by_two_and_not_by_all() {
        let judged = |found, copies| of_confirmed("topic t", found, copies).severity;
        assert_eq!(judged("2", 3), Severity::Ok);
        assert_eq!(judged("1", 3), Severity::Warning);
        assert_eq!(judged("3", 3), Severity::Warning);
        assert_eq!(judged("2", 2), Severity::Warning);
        assert_eq!(judged("1", 1), Severity::Ok);
    }

    #[test]
    fn copies_that_are_missing_are_told() {
        let judged = |fewest, behind, leaderless| {
            let found = Copies { fewest, behind, leaderless }.judge("topic t");
            found.into_iter().map(|finding| finding.severity).max().unwrap()
        };
        assert_eq!(judged(3, 0, 0), Severity::Ok);
        assert_eq!(judged(1, 0, 0), Severity::Warning);
        assert_eq!(judged(3, 1, 0), Severity::Warning);
        assert_eq!(judged(3, 0, 1), Severity::Error);
    }

    #[test]
    fn a_topic_of_other_partitions_stays_as_it_is() {
        let finding = of_partitions("topic t", 6, 12);
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.advice.unwrap().starts_with("set kafka.partitions = 6"));
    }
}
