//! The serde side of reading: shows a [`Reader`]'s value to whatever type wants it.

use serde::de::{self, IntoDeserializer, Visitor};

use super::{ReadError, Reader};
use crate::config::{secret, tree::Value};

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Table(table) => {
                let entries =
                    table.iter().map(|(key, node)| (key.clone(), self.child(key, node.clone())));
                visitor.visit_map(Entries::new(entries.collect()))
            }
            Value::List(items) => {
                let items: Vec<Reader<'_>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, node)| self.child(&index.to_string(), node.clone()))
                    .collect();
                visitor.visit_seq(Items(items.into_iter()))
            }
            Value::SecretFile(_) => {
                // `x_file` for an `x` that is no secret: then `x_file` is simply not a setting.
                let key = format!("{}_file", self.key);
                let mut unknown = self.walk.unknown.borrow_mut();
                unknown.push((key, self.node.origin.clone()));
                Err(de::Error::custom("only a secret can be read from a file"))
            }
            Value::Scalar(_) | Value::Text(_) => {
                Ok(self.node.to_toml().deserialize_any(visitor)?)
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.as_string() {
            Some(text) => visitor.visit_string(text),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            // `KUDOS_X=` is how a deployment's template leaves an optional setting out.
            Value::Text(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == secret::SECRET_TYPE {
            return visitor.visit_newtype_struct(self.secret_text()?.into_deserializer());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Table(table) => visitor.visit_map(Entries::new(self.fields(table, fields)?)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let value = match (self.node.as_string(), &self.node.value) {
            (Some(text), _) => toml::Value::String(text),
            (None, Value::SecretFile(_)) => return self.deserialize_any(visitor),
            (None, _) => self.node.to_toml(),
        };
        Ok(value.deserialize_enum(name, variants, visitor)?)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Entries<'a> {
    entries: std::vec::IntoIter<(String, Reader<'a>)>,
    value: Option<Reader<'a>>,
}

impl<'a> Entries<'a> {
    fn new(entries: Vec<(String, Reader<'a>)>) -> Self {
        let entries = entries.into_iter();
        let value = None;
        Self { entries, value }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ReadError> {
        match self.value.take() {
            Some(value) => value.seeded(seed),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

struct Items<'a>(std::vec::IntoIter<Reader<'a>>);

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = ReadError;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        self.0.next().map(|item| item.seeded(seed)).transpose()
    }
}
