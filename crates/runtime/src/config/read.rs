//! Turns the merged tree into a settings type, noting on the way which keys that type has.
//!
//! Serde hands a deserializer the field names of every struct. So the set of known keys, optional
//! ones included, comes from the types themselves: no list is kept by hand, and no settings type
//! has to remember `deny_unknown_fields`. Where serde reads through a buffer (`flatten`, tagged and
//! untagged enums) the names are not seen: settings types should do without those.

use std::{cell::RefCell, collections::BTreeSet, fmt, path::PathBuf};

use serde::de::{self, DeserializeOwned};

mod visit;

use super::{
    error::{ConfigError, Origin},
    nearest, secret,
    tree::{Node, Table, Value},
};

/// What was learned while a tree was read.
#[derive(Default)]
struct Walk {
    known: RefCell<BTreeSet<String>>,
    unknown: RefCell<Vec<(String, Origin)>>,
}

/// Reads a settings type, and the dotted keys that it has.
pub(super) fn read<S: DeserializeOwned>(
    table: &Table,
) -> Result<(S, BTreeSet<String>), ConfigError> {
    let walk = Walk::default();
    let root = Node { origin: Origin::Default, value: Value::Table(table.clone()) };
    let result = S::deserialize(Reader { node: root, key: String::new(), walk: &walk });
    let known = walk.known.into_inner();
    let unknown = walk.unknown.into_inner();
    if !unknown.is_empty() {
        // First, because a mistyped key is often why another one is missing.
        let named = unknown.into_iter().map(|(key, origin)| nearest::unknown(key, origin, &known));
        return Err(ConfigError::Unknown(named.collect()));
    }
    match result {
        Ok(settings) => Ok((settings, known)),
        Err(error) => Err(error.at("", &Origin::Default)),
    }
}

/// An error on its way up to the value that it is about.
#[derive(Debug)]
pub(super) enum ReadError {
    Problem(String),
    MissingField(&'static str),
    Located(Box<ConfigError>),
}

impl ReadError {
    fn at(self, key: &str, origin: &Origin) -> ConfigError {
        match self {
            Self::Problem(problem) => {
                ConfigError::Invalid { key: key.to_owned(), origin: origin.clone(), problem }
            }
            Self::MissingField(field) => ConfigError::Missing { key: join(key, field) },
            Self::Located(error) => *error,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => f.write_str(problem),
            Self::MissingField(field) => write!(f, "missing `{field}`"),
            Self::Located(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Problem(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }
}

impl From<toml::de::Error> for ReadError {
    fn from(error: toml::de::Error) -> Self {
        Self::Problem(error.message().to_owned())
    }
}

/// One value to be read, with its dotted key.
struct Reader<'a> {
    node: Node,
    key: String,
    walk: &'a Walk,
}

impl<'a> Reader<'a> {
    fn child(&self, key: &str, node: Node) -> Reader<'a> {
        Reader { node, key: join(&self.key, key), walk: self.walk }
    }

    /// Reads this value as what the seed wants; an error is pinned to this key.
    fn seeded<'de, T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        let (key, origin) = (self.key.clone(), self.node.origin.clone());
        seed.deserialize(self)
            .map_err(|error| ReadError::Located(Box::new(error.at(&key, &origin))))
    }

    /// The entries of a struct: unknown ones are noted and left out, `x_file` stands in for `x`.
    fn fields(
        &self,
        table: &Table,
        names: &[&str],
    ) -> Result<Vec<(String, Reader<'a>)>, ReadError> {
        let mut known = self.walk.known.borrow_mut();
        known.extend(names.iter().map(|name| join(&self.key, name)));
        let mut entries = Vec::with_capacity(table.len());
        for (key, node) in table {
            let secret = || key.strip_suffix("_file").filter(|name| names.contains(name));
            if names.contains(&key.as_str()) {
                if !self.gives_way(table, names, key, node)? {
                    entries.push((key.clone(), self.child(key, node.clone())));
                }
            } else if let Some((name, path)) = secret().zip(node.as_string()) {
                if !stands(table, name, node) {
                    continue;
                }
                let file = Node {
                    origin: node.origin.clone(),
                    value: Value::SecretFile(PathBuf::from(path)),
                };
                entries.push((name.to_owned(), self.child(name, file)));
            } else {
                let mut unknown = self.walk.unknown.borrow_mut();
                leaves(&join(&self.key, key), node, &mut unknown);
            }
        }
        Ok(entries)
    }

    /// Whether a higher layer gave `key_file`, so that this value of `key` no longer counts.
    fn gives_way(
        &self,
        table: &Table,
        names: &[&str],
        key: &str,
        node: &Node,
    ) -> Result<bool, ReadError> {
        let file_key = format!("{key}_file");
        let Some(file) = table.get(&file_key) else {
            return Ok(false);
        };
        if names.contains(&file_key.as_str()) {
            return Ok(false);
        }
        if file.origin.same_layer(&node.origin) && node.origin != Origin::Default {
            return Err(ReadError::Located(Box::new(ConfigError::SecretTwice {
                key: join(&self.key, key),
                origin: file.origin.clone(),
            })));
        }
        Ok(file.origin > node.origin)
    }

    /// The text of a secret. An error never shows what was found.
    fn secret_text(&self) -> Result<String, ReadError> {
        match &self.node.value {
            // The output of a `config` command used as a file.
            Value::Text(text) | Value::Scalar(toml::Value::String(text))
                if text == secret::REDACTED =>
            {
                Err(de::Error::custom("expected the secret, not its placeholder"))
            }
            Value::Text(text) | Value::Scalar(toml::Value::String(text)) => Ok(text.clone()),
            Value::SecretFile(path) => secret::read_file(path).map_err(|source| {
                ReadError::Located(Box::new(ConfigError::SecretFile {
                    key: self.key.clone(),
                    origin: self.node.origin.clone(),
                    path: path.clone(),
                    source,
                }))
            }),
            _ => Err(de::Error::custom("expected a string")),
        }
    }
}

/// Whether `name_file` beats the value of `name` itself, if there is one.
fn stands(table: &Table, name: &str, file: &Node) -> bool {
    table.get(name).is_none_or(|plain| file.origin >= plain.origin)
}

/// Every value below an unknown key, so that the report names what the user typed.
fn leaves(key: &str, node: &Node, found: &mut Vec<(String, Origin)>) {
    match &node.value {
        Value::Table(table) if !table.is_empty() => {
            for (name, node) in table {
                leaves(&join(key, name), node, found);
            }
        }
        _ => found.push((key.to_owned(), node.origin.clone())),
    }
}

fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}
