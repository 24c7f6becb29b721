//! What a sample configuration has to be: complete, explained, and true.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::tree::{self, Table};
use super::{ConfigError, Origin, defaults, read, render_effective};
use crate::settings::Settings;

/// What is wrong with a sample.
#[derive(Debug, Error)]
pub enum SampleError {
    /// It cannot be read, or says what is no setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is no TOML.
    #[error(transparent)]
    Syntax(#[from] toml::de::Error),
    /// It shows other values than those in force without it.
    #[error("it shows\n{shown}\nbut the defaults are\n{defaults}")]
    OtherDefaults {
        /// What is in force with all of its lines.
        shown: String,
        /// What is in force without it.
        defaults: String,
    },
    /// A line does something as it stands.
    #[error("it changes something before a line is uncommented")]
    Active,
    /// It leaves settings out.
    #[error("it does not show {0:?}")]
    Missing(Vec<String>),
    /// Nothing above a setting explains it.
    #[error("nothing above explains `{0}`")]
    Unexplained(String),
}

/// For tests: checks a sample in which a line `#key = value` shows a default, `#: key = value` is an
/// example of a setting without one, and `# text` explains. It has to show the defaults, every
/// setting has to be in it, and each has to have a comment above.
///
/// # Errors
/// The first of these that is not so.
pub fn check_sample<S: Settings>(sample: &str) -> Result<(), SampleError> {
    let defaults = render_effective(&S::default())?;
    if effective::<S>(sample)? != defaults {
        return Err(SampleError::Active);
    }
    let shown = effective::<S>(&uncommented(sample, false))?;
    if shown != defaults {
        return Err(SampleError::OtherDefaults { shown, defaults });
    }
    let missing = missing::<S>(&uncommented(sample, true))?;
    if !missing.is_empty() {
        return Err(SampleError::Missing(missing));
    }
    match unexplained(sample) {
        Some(line) => Err(SampleError::Unexplained(line.to_owned())),
        None => Ok(()),
    }
}

/// The sample with its defaults in force, and with its examples too if asked.
fn uncommented(sample: &str, examples: bool) -> String {
    let line = |line: &str| match (line.strip_prefix("#: "), line.strip_prefix('#')) {
        (Some(example), _) if examples => example.to_owned(),
        (None, Some(value)) if is_setting(value) => value.to_owned(),
        (None, None) => line.to_owned(),
        _ => String::new(),
    };
    sample.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn is_setting(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn effective<S: Settings>(text: &str) -> Result<String, SampleError> {
    Ok(render_effective(&read::read::<S>(&layered::<S>(text)?.0)?.0)?)
}

/// The text over the defaults, and the text alone.
fn layered<S: Settings>(text: &str) -> Result<(Table, toml::Table), SampleError> {
    let told: toml::Table = text.parse()?;
    let mut table = defaults::<S>()?;
    let origin = Origin::File(Arc::from(Path::new("sample")));
    tree::merge(&mut table, tree::table_from_toml(told.clone(), &origin));
    Ok((table, told))
}

/// The settings that the text does not have. A section that is optional and off by default is known
/// by its own name only.
fn missing<S: Settings>(text: &str) -> Result<Vec<String>, SampleError> {
    let (table, told) = layered::<S>(text)?;
    read::read::<S>(&table)?;
    let known = read::read::<S>(&defaults::<S>()?)?.1;
    let mut shown = BTreeSet::new();
    keys(&told, "", &mut shown);
    Ok(known.difference(&shown).cloned().collect())
}

fn keys(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        if let toml::Value::Table(section) = value {
            keys(section, &format!("{key}."), found);
        }
        found.insert(key);
    }
}

fn unexplained(sample: &str) -> Option<&str> {
    let setting =
        |line: &&str| line.starts_with("#: ") || line.strip_prefix('#').is_some_and(is_setting);
    let above = std::iter::once("").chain(sample.lines());
    let mut pairs = above.zip(sample.lines());
    pairs.find(|(above, line)| setting(line) && !above.starts_with("# ")).map(|(_, line)| line)
}
