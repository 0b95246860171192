//! Field types that kinds share: references, texts with holes, documents, CIDR blocks.
//!
//! Each normalises when it is parsed, so that what is wished and what is live compare as values.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

/// Something with a kind's name, such as `aws.vpc`.
pub trait Named {
    /// The kind's name: plane, dot, noun.
    const NAME: &'static str;
}

/// A reference to a resource of kind `K`.
///
/// At rest it is the text of a hole; rendered for a call, or read from the live object, it is the target's id.
pub struct Ref<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

impl<K> Ref<K> {
    /// A reference by live id, as `fetch` makes them.
    #[must_use]
    pub fn to(id: impl Into<String>) -> Self {
        Self { text: id.into(), kind: PhantomData }
    }

    /// The target's id, once rendered.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text
    }
}

impl<K> Clone for Ref<K> {
    fn clone(&self) -> Self {
        Self::to(self.text.clone())
    }
}
impl<K> PartialEq for Ref<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<K> Eq for Ref<K> {}
impl<K> PartialOrd for Ref<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Ref<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl<K> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl<K> Serialize for Ref<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de, K> Deserialize<'de> for Ref<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::to)
    }
}
impl<K: Named> JsonSchema for Ref<K> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Ref_{}", K::NAME).into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-kind": K::NAME })
    }
}

/// A text in which holes are allowed.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

impl Text {
    /// The text; rendered when it comes to a call.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-text": true })
    }
}

/// A JSON policy document, normalised: one statement or action is a list of one, lists whose order means nothing are sorted.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
#[derive(Clone, Debug, PartialEq)]
pub struct Document(Value);

impl Document {
    /// Normalises `value`.
    #[must_use]
    pub fn new(mut value: Value) -> Self {
        normalise(&mut value);
        Self(value)
    }

    /// Parses the text that AWS returns (also when it is URL-encoded, as IAM does).
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let text = if text.starts_with('%') { percent_decode(text) } else { text.to_owned() };
        serde_json::from_str(&text).map(Self::new)
    }

    /// The JSON as a value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }
}
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            value @ Value::Object(_) => Ok(Self::new(value)),
            _ => Err(D::Error::custom("a document is a mapping")),
        }
    }
}
impl JsonSchema for Document {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true, "x-text": true })
    }
}

fn normalise(value: &mut Value) {
    let Value::Object(document) = value else { return };
    let Some(statements) = document.get_mut("Statement") else { return };
    if statements.is_object() {
        *statements = Value::Array(vec![statements.take()]);
    }
    for statement in statements.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        for (name, part) in statement.iter_mut() {
            match name.as_str() {
                "Action" | "NotAction" | "Resource" | "NotResource" => listed(part),
                "Principal" | "NotPrincipal" => part.as_object_mut().into_iter().flat_map(|p| p.values_mut()).for_each(|ids| {
                    listed(ids);
                    ids.as_array_mut().into_iter().flatten().for_each(root);
                    sort(ids);
                }),
                "Condition" => part
                    .as_object_mut()
                    .into_iter()
                    .flat_map(|operators| operators.values_mut())
                    .filter_map(Value::as_object_mut)
                    .flat_map(|keys| keys.values_mut())
                    .for_each(listed),
                _ => {}
            }
        }
    }
}

fn listed(part: &mut Value) {
    if !part.is_array() {
        *part = Value::Array(vec![part.take()]);
    }
    for item in part.as_array_mut().into_iter().flatten() {
        if let Value::Bool(_) | Value::Number(_) = item {
            *item = Value::String(item.to_string()); // AWS returns "true" for true
        }
    }
    sort(part);
}

fn sort(part: &mut Value) {
    if let Some(items) = part.as_array_mut() {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        items.dedup();
    }
}

/// An account's root is its bare id: AWS takes both and returns the long form, which has the partition in it.
fn root(id: &mut Value) {
    let account = match id.as_str().unwrap_or_default().split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", account, "root"] => account.to_owned(),
        _ => return,
    };
    *id = Value::String(account);
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        match code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An IPv4 block in its canonical form: `10.20.0.0/16`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(ipnet::Ipv4Net);

impl From<std::net::Ipv4Addr> for Cidr {
    /// The block of that one address.
    fn from(address: std::net::Ipv4Addr) -> Self {
        Self(address.into())
    }
}

impl Cidr {
    /// Parses and checks that no host bits are set.
    ///
    /// # Errors
    /// With a text that says what is wrong and, for host bits, what was probably meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let net: ipnet::Ipv4Net = text.parse().map_err(|_| format!("`{text}` is no IPv4 block such as 10.20.0.0/16"))?;
        if net.trunc() != net {
            return Err(format!("`{text}` has host bits set; did you mean `{}`?", net.trunc()));
        }
        Ok(Self(net))
    }
    /// The network.
    #[must_use]
    pub fn net(self) -> ipnet::Ipv4Net {
        self.0
    }
}
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
impl JsonSchema for Cidr {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Cidr".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "ipv4-cidr", "examples": ["10.20.0.0/16"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_compare_as_what_they_mean() {
        let short = Document::new(json!({ "Statement": {
            "Effect": "Allow", "Action": ["s3:Put", "s3:Get"], "Resource": "*",
            "Principal": { "AWS": "123456789012" }, "Condition": { "Bool": { "aws:SecureTransport": false } } } }));
        let long = Document::new(json!({ "Statement": [{
            "Effect": "Allow", "Action": ["s3:Get", "s3:Put"], "Resource": ["*"],
            "Principal": { "AWS": ["arn:aws-cn:iam::123456789012:root"] }, "Condition": { "Bool": { "aws:SecureTransport": ["false"] } } }] }));
        assert_eq!(short, long);
        // What is sent holds no partition that it was not given.
        assert!(!short.to_string().contains("arn:aws:"), "{short}");
        assert_eq!(Document::parse("%7B%22a%22%3A1%7D").unwrap().value(), &json!({ "a": 1 }));
    }

    #[test]
    fn a_cidr_with_host_bits_is_refused_with_the_right_one() {
        assert!(Cidr::parse("10.20.0.1/16").unwrap_err().contains("10.20.0.0/16"));
        assert_eq!(Cidr::parse("10.20.0.0/16").unwrap().to_string(), "10.20.0.0/16");
    }
}
