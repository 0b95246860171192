//! Reads typed structs from a [`Node`]; every error carries the place of the node that caused it.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::super::problem::{Place, Problem, suggest};
use super::{Entry, Node, Value};

/// Reads a `T`.
///
/// # Errors
/// The first thing that does not fit, with its place.
pub fn from_node<T: for<'de> Deserialize<'de>>(node: &Node) -> Result<T, Error> {
    T::deserialize(node)
}

/// Why a node is no `T`.
#[derive(Debug)]
pub struct Error {
    place: Option<Place>,
    message: String,
    help: Option<String>,
}

impl Error {
    /// Takes the place unless an inner one is known.
    fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { place: error.place, ..Self::anywhere(error.message).maybe_help(error.help) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { place: None, message: message.to_string(), help: None }
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = suggest(field, expected.iter().copied());
        Self { place: None, message: format!("unknown field `{field}`"), help }
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = suggest(variant, expected.iter().copied());
        Self { place: None, message: format!("`{variant}` is not possible here"), help }
    }
    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing"))
    }
}

/// Hands a scalar or collection to a visitor as what it is.
fn visit<'de, V: Visitor<'de>>(node: &'de Node, visitor: V) -> Result<V::Value, Error> {
    match &node.value {
        Value::Null => visitor.visit_unit(),
        Value::Bool(b) => visitor.visit_bool(*b),
        Value::Int(n) => visitor.visit_i64(*n),
        Value::Float(n) => visitor.visit_f64(n.number),
        Value::String(s) => visitor.visit_borrowed_str(s),
        Value::Seq(items) => visitor.visit_seq(Items(items.iter())),
        Value::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visit(self, visitor).map_err(|error| error.at(&self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|error| error.at(&self.place))
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let variant = match &self.value {
            Value::String(name) => Variant { name, place: &self.place, content: None },
            Value::Map(entries) if entries.len() == 1 => {
                let Entry { key, place, value } = &entries[0];
                Variant { name: key, place, content: Some(value) }
            }
            _ => return Err(de::Error::custom(format_args!("a name or a mapping of one field is wanted, not {}", self.noun()))),
        };
        visitor.visit_enum(variant)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|node| seed.deserialize(node).map_err(|error| error.at(&node.place))).transpose()
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(&entry.value);
        let key: de::value::BorrowedStrDeserializer<'de, Error> = de::value::BorrowedStrDeserializer::new(&entry.key);
        seed.deserialize(key).map(Some).map_err(|error| error.at(&entry.place))
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let node = self.value.take().ok_or_else(|| <Error as de::Error>::custom("a value was asked for before its key"))?;
        seed.deserialize(node).map_err(|error| error.at(&node.place))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Variant<'de> {
    name: &'de str,
    place: &'de Place,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: de::value::BorrowedStrDeserializer<'de, Error> = de::value::BorrowedStrDeserializer::new(self.name);
        let value = seed.deserialize(name).map_err(|error| error.at(self.place))?;
        Ok((value, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de Node, Error> {
        self.content.ok_or_else(|| <Error as de::Error>::custom(format_args!("`{}` wants a value", self.name)).at(self.place))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            Some(node) if !node.is_null() => {
                Err(<Error as de::Error>::custom(format_args!("`{}` takes no value", self.name)).at(&node.place))
            }
            _ => Ok(()),
        }
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let node = self.content()?;
        seed.deserialize(node).map_err(|error| error.at(&node.place))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.content()?, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.content()?, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        port: u16,
        #[serde(default)]
        note: Option<String>,
        action: Action,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Action {
        Allow,
        Forward(BTreeMap<String, u32>),
    }

    fn place(line: u32) -> Place {
        Place { file: "x".into(), line, column: 1, len: 1 }
    }

    fn rule(port: i64, action: serde_json::Value) -> Node {
        let entry = |line, key: &str, value: Node| Entry { key: key.into(), place: place(line), value };
        let entries =
            vec![entry(2, "port", Node::new(Value::Int(port), place(3))), entry(4, "action", Node::from_json(&action, &place(5)))];
        Node::new(Value::Map(entries), place(1))
    }

    #[test]
    fn structs_and_enums_are_read() {
        let read: Rule = from_node(&rule(80, serde_json::json!("allow"))).unwrap();
        assert_eq!(read, Rule { port: 80, note: None, action: Action::Allow });
        let read: Rule = from_node(&rule(80, serde_json::json!({ "forward": { "a": 1 } }))).unwrap();
        assert_eq!(read.action, Action::Forward([("a".to_owned(), 1)].into()));
    }

    #[test]
    fn errors_carry_the_innermost_place_and_a_suggestion() {
        let error = |node: &Node| Problem::from(from_node::<Rule>(node).unwrap_err());
        assert_eq!(error(&rule(70_000, serde_json::json!("allow"))).place, Some(place(3)));
        let wrong = error(&rule(80, serde_json::json!("alow")));
        assert_eq!((wrong.place, wrong.help.as_deref()), (Some(place(5)), Some("did you mean `allow`?")));
        assert_eq!(error(&rule(80, serde_json::json!({ "forward": { "a": true } }))).place, Some(place(5)));
    }
}
