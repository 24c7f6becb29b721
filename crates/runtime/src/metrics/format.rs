//! Which of the two texts a scraper reads.

use axum::http::{HeaderMap, header};

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4, which every scraper reads.
    Text,
    /// OpenMetrics 1.0, which has exemplars.
    OpenMetrics,
}

impl Format {
    /// OpenMetrics for whoever names it, as Prometheus does; else text. A name of everything, such as
    /// `*/*`, is not enough, and which of two a scraper prefers is not looked at.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accepted =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let is_open = accepted.flat_map(|value| value.split(',')).any(is_open);
        if is_open { Self::OpenMetrics } else { Self::Text }
    }

    /// The content type of an answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Whether one part of an `Accept` header allows OpenMetrics 1.0.
fn is_open(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    kind.eq_ignore_ascii_case("application/openmetrics-text") && parts.all(allows)
}

fn allows(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = value.trim().trim_matches('"');
    match name.trim().to_ascii_lowercase().as_str() {
        "version" => value == "1.0.0",
        "q" => value.parse().is_ok_and(|weight: f32| weight > 0.0),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(values: &[&'static str]) -> Format {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        Format::accepted(&headers)
    }

    #[test]
    fn openmetrics_is_for_those_who_name_it() {
        for values in [
            // Prometheus 2 and 3.
            &[
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ][..],
            &[
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ],
            &["application/openmetrics-text"],
            &["text/plain", "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8"],
        ] {
            assert_eq!(accepted(values), Format::OpenMetrics, "{values:?}");
        }
    }

    #[test]
    fn everybody_else_gets_text() {
        for values in [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["text/plain;version=0.0.4"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=x"],
            &["application/openmetrics-text;version=0.0.1"],
            &["application/openmetrics-text-not"],
            &[";,=;"],
        ] {
            assert_eq!(accepted(values), Format::Text, "{values:?}");
        }
    }
}
