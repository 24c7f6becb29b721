use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use kudos_runtime::finding::{Finding, Severity};

use super::{Examined, Report};

/// Names that are shown of those that are equal and well.
const SHOWN: usize = 1;

/// By engine; what is the same of several nodes is one line.
pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    for Examined { engine, findings, .. } in &report.engines {
        let bold = Style::new().bold();
        // Writing into a string does not fail.
        let _ = writeln!(text, "{bold}{engine}{bold:#}");
        for Group { finding, about } in groups(findings) {
            let _ = writeln!(text, "{}", line(finding, &about));
        }
    }
    text + &summary(report)
}

/// A finding, and all that it is about.
struct Group<'a> {
    finding: &'a Finding,
    about: Vec<&'a str>,
}

fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let what = |other: &Finding| {
            (other.what.clone(), other.found.clone(), other.severity, other.advice.clone())
        };
        match groups.iter_mut().find(|group| what(group.finding) == what(finding)) {
            Some(group) => group.about.push(&finding.about),
            None => groups.push(Group { finding, about: vec![&finding.about] }),
        }
    }
    groups
}

fn line(finding: &Finding, about: &[&str]) -> String {
    let Finding { what, found, severity, advice, .. } = finding;
    let (glyph, style) = look(*severity);
    let about = match about {
        [first, rest @ ..] if *severity == Severity::Ok && rest.len() > SHOWN => {
            format!("{first} and {} more", rest.len())
        }
        all => all.join(", "),
    };
    let mut line = format!("  {style}{glyph}{style:#} {what}: {found} ({about})");
    if let Some(advice) = advice {
        let word = word(*severity);
        let _ = write!(line, "\n      {style}{word}{style:#}: {advice}");
    }
    line
}

fn look(severity: Severity) -> (char, Style) {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match severity {
        Severity::Ok => ('✓', color(AnsiColor::Green)),
        Severity::Notice => ('·', color(AnsiColor::Cyan)),
        Severity::Warning => ('!', color(AnsiColor::Yellow)),
        Severity::Error => ('✗', color(AnsiColor::Red)),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "well",
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn summary(report: &Report) -> String {
    let findings = || report.engines.iter().flat_map(|examined| groups(&examined.findings));
    let count = |severity: Severity| {
        let count = findings().filter(|group| group.finding.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", word(severity)))
    };
    let counts: Vec<_> = [Severity::Error, Severity::Warning, Severity::Notice]
        .into_iter()
        .filter_map(count)
        .collect();
    if counts.is_empty() { "all is well".to_owned() } else { counts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: Vec<Finding>) -> Report {
        let worst = findings.iter().map(|finding| finding.severity).max().unwrap();
        Report { worst, engines: vec![Examined { engine: "redis", worst, findings }] }
    }

    fn plain(report: &Report) -> String {
        anstream::adapter::strip_str(&of(report)).to_string()
    }

    #[test]
    fn equal_findings_are_one_line_and_advice_stands_below() {
        let node = |port: u16| format!("10.0.0.1:{port}");
        let well = |port| Finding::ok(&node(port), "version", "7.0.15");
        let bad =
            |port| Finding::ok(&node(port), "cluster-require-full-coverage", "yes").error("no");
        let findings =
            vec![well(1), bad(1), well(2), bad(2), well(3), Finding::ok("x", "y", 1).notice("z")];
        let expected = "\
redis
  ✓ version: 7.0.15 (10.0.0.1:1 and 2 more)
  ✗ cluster-require-full-coverage: yes (10.0.0.1:1, 10.0.0.1:2)
      error: no
  · y: 1 (x)
      notice: z
1 error, 1 notice";
        assert_eq!(plain(&report(findings)), expected);
    }

    #[test]
    fn a_healthy_stack_is_said_to_be_well() {
        let report = report(vec![Finding::ok("a:1", "version", 7)]);
        assert!(plain(&report).ends_with("\nall is well"));
    }

    #[test]
    fn each_severity_has_a_color_and_a_glyph_of_its_own() {
        let all = [Severity::Ok, Severity::Notice, Severity::Warning, Severity::Error].map(look);
        for (place, (glyph, style)) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|(other, color)| other != glyph && color != style));
        }
    }
}
