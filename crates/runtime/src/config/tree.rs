//! The settings of all layers as one tree in which every value remembers its origin.

use std::{collections::BTreeMap, path::PathBuf};

use super::{error::Origin, secret::REDACTED};

/// A value and where it came from. A table's origin is that of the layer that made it first.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

#[derive(Clone)]
pub(super) enum Value {
    Table(Table),
    List(Vec<Node>),
    /// A typed TOML value that is neither a table nor a list.
    Scalar(toml::Value),
    /// Text of an environment variable or flag: its type is the one that the setting wants.
    Text(String),
    /// The file that a secret has to be read from.
    SecretFile(PathBuf),
}

pub(super) type Table = BTreeMap<String, Node>;

impl Node {
    pub(super) fn text(origin: Origin, text: impl Into<String>) -> Self {
        let value = Value::Text(text.into());
        Self { origin, value }
    }

    /// Takes over a TOML value, every part of it with the same origin.
    pub(super) fn from_toml(value: toml::Value, origin: &Origin) -> Self {
        let value = match value {
            toml::Value::Table(table) => Value::Table(table_from_toml(table, origin)),
            toml::Value::Array(items) => {
                Value::List(items.into_iter().map(|item| Self::from_toml(item, origin)).collect())
            }
            scalar => Value::Scalar(scalar),
        };
        let origin = origin.clone();
        Self { origin, value }
    }

    /// The plain value. Text becomes what it spells as a TOML scalar or array, else a string.
    pub(super) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Table(table) => toml::Value::Table(
                table.iter().map(|(key, node)| (key.clone(), node.to_toml())).collect(),
            ),
            Value::List(items) => toml::Value::Array(items.iter().map(Self::to_toml).collect()),
            Value::Scalar(value) => value.clone(),
            Value::Text(text) => parse_text(text),
            Value::SecretFile(path) => toml::Value::String(path.display().to_string()),
        }
    }

    /// The node's string, if it is one.
    pub(super) fn as_string(&self) -> Option<String> {
        match &self.value {
            Value::Scalar(toml::Value::String(text)) => Some(text.clone()),
            Value::Text(text) => match parse_text(text) {
                toml::Value::String(text) => Some(text),
                // The setting wants a string: `42` and `true` are texts as good as any.
                _ => Some(text.clone()),
            },
            _ => None,
        }
    }
}

pub(super) fn table_from_toml(table: toml::Table, origin: &Origin) -> Table {
    table.into_iter().map(|(key, value)| (key, Node::from_toml(value, origin))).collect()
}

fn parse_text(text: &str) -> toml::Value {
    match text.trim().parse::<toml::Value>() {
        Ok(toml::Value::Table(_)) | Err(_) => toml::Value::String(text.to_owned()),
        Ok(value) => value,
    }
}

/// Lays `upper` over `lower`: tables merge key by key, anything else is replaced whole.
pub(super) fn merge(lower: &mut Table, upper: Table) {
    for (key, node) in upper {
        match (lower.get_mut(&key).map(|below| &mut below.value), node) {
            (Some(Value::Table(below)), Node { value: Value::Table(above), .. }) => {
                merge(below, above)
            }
            (_, node) => {
                lower.insert(key, node);
            }
        }
    }
}

/// Sets `path` (of at least one key) to `node`, making the tables on the way.
pub(super) fn insert(table: &mut Table, path: &[&str], node: Node) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        table.insert((*first).to_owned(), node);
        return;
    }
    let child = table
        .entry((*first).to_owned())
        .or_insert_with(|| Node { origin: node.origin.clone(), value: Value::Table(Table::new()) });
    if !matches!(child.value, Value::Table(_)) {
        child.value = Value::Table(Table::new());
        child.origin = node.origin.clone();
    }
    if let Value::Table(below) = &mut child.value {
        insert(below, rest, node);
    }
}

/// Removes secrets, which serialize as [`REDACTED`]: their real default is the one in the type.
pub(super) fn drop_redacted(table: &mut Table) {
    table.retain(|_, node| match &mut node.value {
        Value::Table(below) => {
            drop_redacted(below);
            true
        }
        Value::Scalar(toml::Value::String(text)) => text != REDACTED,
        _ => true,
    });
}

/// The origin of the value at a dotted key; that of the nearest table above if it is not there.
pub(super) fn origin_of(table: &Table, key: &str) -> Option<Origin> {
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let node = table.get(first)?;
    match &node.value {
        Value::Table(below) if !rest.is_empty() => origin_of(below, rest),
        _ => Some(node.origin.clone()),
    }
}
