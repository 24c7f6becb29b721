//! What a rebuild came to, in words.

use kudos_rebuild::{Comparison, LogReport, TruthReport};

/// Posts that are named.
const NAMED: usize = 20;

pub(super) fn from_truth(report: &TruthReport) -> String {
    let TruthReport { hottest, told, strangers, complete, verified } = report;
    let mut lines = vec![
        format!("told       {told} posts, of which {hottest} came first as the hottest"),
        format!("removed    {strangers} posts that Cassandra does not know"),
    ];
    lines.extend(orders(*complete));
    lines.push(proof(verified));
    lines.join("\n")
}

pub(super) fn preview(report: &TruthReport, events: Option<u64>) -> String {
    let TruthReport { strangers, verified, .. } = report;
    let events = events.map(|events| format!("would replay up to {events} events"));
    let mut lines: Vec<_> = events.into_iter().collect();
    let named = names(verified);
    lines
        .push(format!("would change {} of {} posts{named}", verified.different, verified.compared));
    lines.push(format!("would remove {strangers} posts that Cassandra does not know"));
    lines.join("\n")
}

pub(super) fn from_log(report: &LogReport, span: &str) -> String {
    let LogReport { events, uncovered, strangers, complete, verified } = report;
    let missed = uncovered.different + uncovered.mended;
    let mut lines = vec![format!("replayed   {events} events of the last {span}")];
    lines.push(match missed {
        0 => "covered    every post".to_owned(),
        _ => format!(
            "covered    all but {missed} posts, of which no event tells how they are now{}",
            names(uncovered)
        ),
    });
    if uncovered.different > 0 {
        lines.push("           --rest-from cassandra takes these from there".to_owned());
    }
    if uncovered.mended > 0 {
        lines.push(format!("told       {} posts from Cassandra", uncovered.mended));
    }
    if *strangers > 0 {
        lines.push(format!("removed    {strangers} posts that Cassandra does not know"));
    }
    lines.extend(orders(*complete));
    lines.push(proof(verified));
    lines.join("\n")
}

fn orders(complete: Option<bool>) -> Option<String> {
    let said = match complete? {
        true => "complete",
        false => "REDIS LOST MORE MEANWHILE: run it again, without --resume",
    };
    Some(format!("orders     {said}"))
}

fn proof(verified: &Comparison) -> String {
    let Comparison { compared, mended, different, .. } = verified;
    let mended = match mended {
        0 => String::new(),
        mended => format!(" ({mended} were mended)"),
    };
    match different {
        0 => format!("verified   {compared} posts: no difference{mended}"),
        _ => format!(
            "verified   {compared} posts: {different} POSTS DIFFER{mended}{}",
            names(verified)
        ),
    }
}

fn names(comparison: &Comparison) -> String {
    let all = &comparison.differences;
    if all.is_empty() {
        return String::new();
    }
    let name =
        |found: &kudos_rebuild::Difference| format!("{} ({})", found.post, found.differs.as_str());
    let names: Vec<_> = all.iter().take(NAMED).map(name).collect();
    let more = if all.len() > NAMED { ", …" } else { "" };
    format!(": {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use kudos_core::PostId;
    use kudos_rebuild::{Difference, Differs};

    use super::*;

    fn different(different: u64) -> Comparison {
        let difference = |i| Difference {
            post: PostId::new(&format!("p{i}")).unwrap(),
            differs: Differs::Order,
        };
        let differences = (0..different).map(difference).collect();
        Comparison { compared: 100, mended: 0, different, differences }
    }

    #[test]
    fn a_rebuild_says_how_it_ended() {
        let right =
            TruthReport { complete: Some(true), verified: different(0), ..Default::default() };
        assert!(from_truth(&right).ends_with("complete\nverified   100 posts: no difference"));
        let wrong = TruthReport { complete: Some(false), verified: different(1), ..right };
        let text = from_truth(&wrong);
        assert!(
            text.contains("LOST MORE") && text.ends_with("1 POSTS DIFFER: p0 (order)"),
            "{text}"
        );
    }

    #[test]
    fn what_the_log_cannot_cover_is_named_and_offered_from_the_truth() {
        let uncovered = different(21);
        let report = LogReport { events: 5, uncovered, ..LogReport::default() };
        let text = from_log(&report, "7days");
        assert!(text.contains("all but 21 posts") && text.contains("p19 (order), …"), "{text}");
        assert!(!text.contains("p20") && text.contains("--rest-from cassandra"), "{text}");
    }
}
