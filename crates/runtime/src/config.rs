//! Settings in layers: defaults, one TOML file, `KUDOS_…` variables, command-line flags.
//!
//! Each layer wins over the one before it, key by key; lists are replaced whole. The service's
//! settings type says what exists: a key that it does not have is refused with the nearest one
//! named, and a wrong value is reported with its key, its origin and what was expected.
//!
//! | layer | form |
//! |---|---|
//! | file | TOML, from `--config FILE` or `KUDOS_CONFIG`; none is read unless named |
//! | environment | `KUDOS_HTTP__LISTEN=127.0.0.1:8080`: `__` steps into a section |
//! | flags | whatever the binary maps to a key, and `--set http.listen=127.0.0.1:8080` |
//!
//! Text from variables and flags takes the type that the setting wants; arrays are written as in
//! TOML (`["like", "love"]`). An empty variable leaves an optional setting out. A [`Secret`] may be
//! given as `<key>_file` on any layer.

pub mod duration;
mod env;
mod error;
mod nearest;
mod read;
mod sample;
mod secret;
mod tree;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

pub use error::{ConfigError, InvalidSetting, Origin, UnknownKey};
pub use sample::{SampleError, check_sample};
pub use secret::{REDACTED, Secret};
use tree::{Node, Table};

/// Where settings are read from: at most one file, an environment, and the flags of a command.
///
/// Nothing is read until [`Sources::load`], and the environment is a value, so that tests need
/// not change that of their process.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    ignored: Vec<String>,
    flags: Vec<(Origin, String, String)>,
    malformed: Option<String>,
}

impl Sources {
    /// Nothing but the defaults.
    pub fn none() -> Self {
        Self::default()
    }

    /// The process's environment and, if `file` or else `KUDOS_CONFIG` names one, a file.
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let named = || std::env::var_os(env::CONFIG_VARIABLE).filter(|name| !name.is_empty());
        let mut sources = Self::none().environment(std::env::vars_os());
        sources.file = file.or_else(|| named().map(PathBuf::from));
        sources
    }

    /// Reads this file instead of any other.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Takes these variables as the environment.
    #[must_use]
    pub fn environment<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        self.environment =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self
    }

    /// Leaves a `KUDOS_` variable alone that is not a setting but, say, read by the flags' parser.
    #[must_use]
    pub fn ignore_variable(mut self, name: impl Into<String>) -> Self {
        self.ignored.push(name.into());
        self
    }

    /// Sets the dotted `key` from `flag` (as the user typed it, such as `--listen`), if given.
    #[must_use]
    pub fn flag(mut self, flag: &str, key: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let origin = Origin::Flag(Arc::from(flag));
            self.flags.push((origin, key.to_owned(), value.to_string()));
        }
        self
    }

    /// Sets any key from the `key=value` texts of a flag such as `--set`, the last one winning.
    #[must_use]
    pub fn assignments<T: AsRef<str>>(
        mut self,
        flag: &str,
        assignments: impl IntoIterator<Item = T>,
    ) -> Self {
        for assignment in assignments {
            match assignment.as_ref().split_once('=') {
                Some((key, value)) => {
                    let origin = Origin::Flag(Arc::from(format!("{flag} {key}")));
                    self.flags.push((origin, key.to_owned(), value.to_owned()));
                }
                None => self.malformed = Some(flag.to_owned()),
            }
        }
        self
    }

    /// Reads every layer and makes the settings, without checking them against each other (that is
    /// [`Settings::validate`](crate::settings::Settings::validate), done at start).
    ///
    /// # Errors
    /// [`ConfigError`]; for unknown keys, all of them at once.
    pub fn load<S>(&self) -> Result<S, ConfigError>
    where
        S: DeserializeOwned + Serialize + Default,
    {
        Ok(read::read(&self.table::<S>()?)?.0)
    }

    /// Where the value at a dotted key comes from.
    pub(crate) fn origin<S: Serialize + Default>(&self, key: &str) -> Origin {
        self.table::<S>()
            .ok()
            .and_then(|table| tree::origin_of(&table, key))
            .unwrap_or(Origin::Default)
    }

    fn table<S: Serialize + Default>(&self) -> Result<Table, ConfigError> {
        if let Some(flag) = self.malformed.clone() {
            return Err(ConfigError::Assignment { flag });
        }
        let mut table = defaults::<S>()?;
        if let Some(path) = &self.file {
            tree::merge(&mut table, file_table(path)?);
        }
        tree::merge(&mut table, env::table(&self.environment, &self.ignored)?);
        for (origin, key, value) in &self.flags {
            let path: Vec<&str> = key.split('.').collect();
            let node = Node::text(origin.clone(), value.as_str());
            tree::insert(&mut table, &path, node);
        }
        Ok(table)
    }
}

/// The settings in force as TOML, with every [`Secret`] as `[redacted]`.
///
/// # Errors
/// [`ConfigError::NotToml`] if the type holds something that TOML cannot say.
pub fn render_effective<S: Serialize>(settings: &S) -> Result<String, ConfigError> {
    Ok(toml::to_string_pretty(settings)?)
}

fn defaults<S: Serialize + Default>() -> Result<Table, ConfigError> {
    let table = toml::Table::try_from(S::default())?;
    let mut table = tree::table_from_toml(table, &Origin::Default);
    tree::drop_redacted(&mut table);
    Ok(table)
}

fn file_table(path: &Path) -> Result<Table, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::ReadFile { path: path.to_owned(), source })?;
    let table: toml::Table = text.parse().map_err(|error| syntax(path, &text, &error))?;
    Ok(tree::table_from_toml(table, &Origin::File(Arc::from(path))))
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ConfigError::Syntax {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message: error.message().to_owned(),
    }
}
