//! What can be wrong with a configuration, said so that a person can fix it.

use std::{fmt, io, path::Path, path::PathBuf, sync::Arc};

use thiserror::Error;

/// Where a setting's value came from. Later variants win over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The service's own default.
    Default,
    /// The configuration file at this path.
    File(Arc<Path>),
    /// The environment variable of this name.
    Env(Arc<str>),
    /// The command-line flag as the user knows it, such as `--listen`.
    Flag(Arc<str>),
}

impl Origin {
    /// Whether both come from the same layer, so that neither is meant to win over the other.
    pub(super) fn same_layer(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A key that no setting has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The dotted key as given, such as `http.lisen`.
    pub key: String,
    /// Where it was given.
    pub origin: Origin,
    /// The nearest key that exists, spelled as its origin spells keys; `None` if none is near.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown setting `{}` (from {})", self.key, self.origin)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

/// Why the settings could not be loaded. No variant carries the value of a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration file could not be read.
    #[error("cannot read configuration file {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration file is not TOML. The line itself is left out: it may hold a secret.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// The value of a `KUDOS_` variable is not valid UTF-8.
    #[error("environment variable {variable} is not valid UTF-8")]
    NotUnicode {
        /// The variable's name.
        variable: String,
    },
    /// A free-form override is not of the form `key=value`.
    #[error("{flag} takes `key=value`, and one without `=` was given")]
    Assignment {
        /// The flag that took it.
        flag: String,
    },
    /// Keys that no setting has: all of them, so that one run shows every typing error.
    #[error("{}", lines(.0))]
    Unknown(Vec<UnknownKey>),
    /// A value of the wrong type or outside of its range.
    #[error("setting `{key}` (from {origin}): {problem}")]
    Invalid {
        /// The dotted key.
        key: String,
        /// Where the value was given.
        origin: Origin,
        /// What was found and what is expected.
        problem: String,
    },
    /// A setting that has no default was not given.
    #[error("setting `{key}` is required and was not given")]
    Missing {
        /// The dotted key.
        key: String,
    },
    /// Both `key` and `key_file` were given on one layer, so neither can be said to win.
    #[error("both `{key}` and `{key}_file` are given (from {origin}); keep one")]
    SecretTwice {
        /// The dotted key of the secret.
        key: String,
        /// Where the second form was given.
        origin: Origin,
    },
    /// The file that `key_file` names could not be read.
    #[error("setting `{key}_file` (from {origin}): cannot read {}", path.display())]
    SecretFile {
        /// The dotted key of the secret.
        key: String,
        /// Where the path was given.
        origin: Origin,
        /// The secret's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The settings cannot be written as TOML: a mistake in the settings' type, not the user's.
    #[error("settings cannot be written as TOML")]
    NotToml(#[from] toml::ser::Error),
}

fn lines(unknown: &[UnknownKey]) -> String {
    let lines: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A setting that parsed but contradicts another one: what a settings type's own check returns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("setting `{key}`: {problem}")]
pub struct InvalidSetting {
    /// The dotted key that the user should change.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}
