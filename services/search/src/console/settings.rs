use kudos_runtime::config::InvalidSetting;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The most services that are asked.
pub(super) const MOST: usize = 64;

/// What the console shows. `[console]` in the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ConsoleSettings {
    /// Base URLs of all services, this one among them; of none, this process is shown alone.
    pub(crate) services: Vec<String>,
}

impl ConsoleSettings {
    /// Checks the addresses.
    ///
    /// # Errors
    /// The first that is none, or that there are too many.
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        self.urls().map(drop)
    }

    pub(super) fn urls(&self) -> Result<Vec<Url>, InvalidSetting> {
        let invalid = |problem| InvalidSetting { key: "console.services".to_owned(), problem };
        if self.services.len() > MOST {
            let problem = format!("{} services are more than {MOST}", self.services.len());
            return Err(invalid(problem));
        }
        let mut urls = Vec::with_capacity(self.services.len());
        for (place, text) in self.services.iter().enumerate() {
            // By its number: a text with a password in it must not be shown.
            let told = |problem| invalid(format!("number {} {problem}", place + 1));
            let url = base_url(text).map_err(told)?;
            if urls.contains(&url) {
                return Err(told("is there twice"));
            }
            urls.push(url);
        }
        Ok(urls)
    }
}

fn base_url(text: &str) -> Result<Url, &'static str> {
    let wanted = "is no base URL: write it as http://host:port";
    let url = Url::parse(text).map_err(|_| wanted)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or a password, which nobody asks for");
    }
    let is_base = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_base && is_web { Ok(url) } else { Err(wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(services: &[&str]) -> String {
        let services = services.iter().map(|&text| text.to_owned()).collect();
        let refused = ConsoleSettings { services }.validate();
        refused.map_or_else(|error| format!("{}: {}", error.key, error.problem), |()| "".to_owned())
    }

    #[test]
    fn base_urls_are_taken() {
        assert_eq!(refused(&[]), "");
        assert_eq!(refused(&["http://search-1:8080", "https://[::1]:8443/"]), "");
    }

    #[test]
    fn what_is_no_base_url_is_refused_by_its_number() {
        let wrong = "console.services: number 2 is no base URL: write it as http://host:port";
        for text in
            ["search-1:8080", "ftp://a", "http://", "http://a/metrics", "http://a?x", "http://a#x"]
        {
            assert_eq!(refused(&["http://good", text]), wrong, "{text}");
        }
        assert_eq!(
            refused(&["http://a:80", "http://a/"]),
            "console.services: number 2 is there twice"
        );
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        let told = refused(&["http://ann:hunter2@a:8080"]);
        assert_eq!(
            told,
            "console.services: number 1 has a user or a password, which nobody asks for"
        );
    }

    #[test]
    fn more_than_can_be_asked_are_refused_with_the_limit() {
        let many: Vec<_> = (0..=MOST).map(|port| format!("http://a:{}", port + 1)).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(refused(&many), "console.services: 65 services are more than 64");
        assert_eq!(refused(&many[1..]), "");
    }
}
