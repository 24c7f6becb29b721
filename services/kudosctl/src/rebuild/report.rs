//! What a rebuild came to, in words.

use kudos_rebuild::RebuildReport;
use kudos_verify::{Difference, Report, Wrong};

use crate::verify;

/// Posts that are named.
const NAMED: usize = 20;

pub(super) fn from_truth(report: &RebuildReport) -> String {
    let RebuildReport { hottest, told, complete, verified, .. } = report;
    let mut lines =
        vec![format!("told       {told} posts, of which {hottest} came first as the hottest")];
    lines.extend(orders(*complete));
    lines.push(proof(verified));
    lines.join("\n")
}

pub(super) fn from_log(report: &RebuildReport, span: &str) -> String {
    let RebuildReport { events, complete, verified, .. } = report;
    let mut lines = vec![format!("replayed   {events} events of the last {span}")];
    lines.push(match verified.differing {
        0 => "covered    everything".to_owned(),
        _ => format!(
            "covered    not what differs: no event tells how that is now{}",
            match verified.is_clean() {
                true => ", so it came from Cassandra",
                false => "; --rest-from cassandra takes it from there",
            }
        ),
    });
    lines.extend(orders(*complete));
    lines.push(proof(verified));
    lines.join("\n")
}

pub(super) fn preview(report: &Report, events: Option<u64>) -> String {
    let events = events.map(|events| format!("would replay up to {events} events\n"));
    format!("{}would mend what differs\n{}", events.unwrap_or_default(), proof(report))
}

fn orders(complete: Option<bool>) -> Option<String> {
    let said = match complete? {
        true => "complete",
        false => "REDIS LOST MORE MEANWHILE: run it again, without --resume",
    };
    Some(format!("orders     {said}"))
}

fn proof(report: &Report) -> String {
    let named = names(&report.differences);
    format!("verified   {}{named}", verify::summary(report))
}

fn names(all: &[Difference]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let name = |Difference { post, copy, wrong, .. }: &Difference| match wrong {
        Wrong::Stranger => format!("{post} (unknown to Cassandra, {copy})"),
        wrong => format!("{post} ({copy} {})", wrong.as_str()),
    };
    let names: Vec<_> = all.iter().take(NAMED).map(name).collect();
    let more = if all.len() > NAMED { ", …" } else { "" };
    format!(": {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use kudos_core::PostId;

    use super::*;

    fn different(differing: u64) -> Report {
        let difference = |i| Difference {
            post: PostId::new(&format!("p{i}")).unwrap(),
            copy: "redis",
            wrong: Wrong::Missing,
            fields: Vec::new(),
            mended: None,
        };
        let differences = (0..differing).map(difference).collect();
        Report { finished: true, posts: 100, differing, differences, ..Report::default() }
    }

    #[test]
    fn a_rebuild_says_how_it_ended() {
        let verified = different(0);
        let right = RebuildReport { complete: Some(true), verified, ..Default::default() };
        let text = from_truth(&right);
        assert!(text.contains("complete\nverified   100 posts"), "{text}");
        assert!(text.ends_with("nothing differs"), "{text}");
        let wrong = RebuildReport { complete: Some(false), verified: different(1), ..right };
        let text = from_truth(&wrong);
        assert!(text.contains("LOST MORE"), "{text}");
        assert!(text.ends_with("1 DIFFERENCES: p0 (redis missing)"), "{text}");
    }

    #[test]
    fn what_the_log_cannot_cover_is_named_and_offered_from_the_truth() {
        let report = RebuildReport { events: 5, verified: different(21), ..Default::default() };
        let text = from_log(&report, "7days");
        assert!(text.contains("21 DIFFERENCES: p0"), "{text}");
        assert!(text.contains("p19 (redis missing), …") && !text.contains("p20"), "{text}");
        assert!(text.contains("--rest-from cassandra"), "{text}");
    }
}
