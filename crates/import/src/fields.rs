//! The values of one record by column.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use csv::{ReaderBuilder, StringRecord};
use serde::{Deserialize, de};

use crate::Refusal;

pub(crate) type Fields<'r> = HashMap<Cow<'r, str>, Cow<'r, str>>;

/// The columns that mean something; what others hold is not even read.
const KNOWN: [&str; 9] =
    ["post", "id", "user", "kind", "at", "title", "body", "author", "created_at"];

pub(crate) fn json_fields(text: &str) -> Result<Fields<'static>, Refusal> {
    match serde_json::from_str(text) {
        Ok(Object(fields)) => Ok(fields),
        Err(error) => Err(Refusal::Json(error.to_string())),
    }
}

/// The one row that a record is.
pub(crate) fn csv_row(record: &[u8]) -> Result<StringRecord, Refusal> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(record.len().max(1))
        .from_reader(record);
    let mut row = StringRecord::new();
    let not_csv = |error: csv::Error| Refusal::Csv(error.to_string());
    match reader.read_record(&mut row).map_err(not_csv)? {
        true => Ok(row),
        false => Err(Refusal::Csv("it is empty".into())),
    }
}

/// A JSON object whose known members are texts, numbers or null.
struct Object(Fields<'static>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> de::Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut fields = Fields::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            match KNOWN.iter().find(|known| **known == name) {
                Some(&known) => {
                    let Text(value) = members.next_value()?;
                    fields.insert(known.into(), value.into());
                }
                None => {
                    members.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(Object(fields))
    }
}

/// A text, a whole number as text, or nothing.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl de::Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(String::new()))
    }
}
