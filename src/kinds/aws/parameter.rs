//! An SSM parameter: a tenant's generated secret, or a text that hosts read.
//!
//! API: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.
//! Its name is `/reeve/STACK/ADDRESS`. The listing shows descriptions but no tags, and a call per tenant is too many: so the marks also
//! stand in the description; the tags are asked for where somebody wrote a description of their own over ours. What has to change without the value (protection, retiring) changes in the tags alone; then a tag says
//! that the description is out of date, and the few that bear it are listed and asked for their tags.
//! A generated value is made here, handed to SSM and dropped; it is read again only to be written back at once, when its key or its mark changes.

use std::collections::{BTreeMap, BTreeSet};

use rand::TryRng;
use rand::rngs::SysRng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key::Key;
use super::support::{described, side_by_side};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::{Ref, Text};
use crate::model::marks::key;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_ssm::types as sdk;

/// A parameter: either `generate` or `value`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its value is a secret, generated when it is made (type `SecureString`). Another length means another secret; one that was adopted keeps
    /// its value, whatever its length. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub generate: Option<Generate>,
    /// Its value is this text, which is no secret (type `String`), at most 4096 characters. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Text>,
    /// The key that encrypts a generated value. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Ref<Key>>,
}

/// How a secret is generated: letters and digits only, because some images pass values through a shell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// How many letters and digits, 16 to 128. Default: 32 (190 bits).
    #[serde(default = "length")]
    pub length: u16,
}

fn length() -> u16 {
    32
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PATTERN: (&str, &str) = ("^[A-Za-z0-9]{", "}$");

impl Generate {
    /// A secret from the generator of the operating system.
    fn secret(&self) -> Result<Zeroizing<String>> {
        let wanted = usize::from(self.length);
        let mut secret = Zeroizing::new(String::with_capacity(wanted));
        let mut bytes = Zeroizing::new([0_u8; 256]);
        while secret.len() < wanted {
            let failed = |_| Error::new(Class::Unreachable, "ssm.PutParameter", "the operating system gives no random bytes");
            SysRng.try_fill_bytes(&mut bytes[..]).map_err(failed)?;
            // 248 is the largest multiple of 62 in a byte: what is above it would favour some letters.
            let letters = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
            let missing = wanted - secret.len();
            secret.extend(letters.take(missing));
        }
        Ok(secret)
    }

    /// SSM checks a value against this pattern, and the listing shows it: that is how the length is read back.
    fn pattern(&self) -> String {
        format!("{}{}{}", PATTERN.0, self.length, PATTERN.1)
    }

    fn of_pattern(pattern: &str) -> Option<Self> {
        let length = pattern.strip_prefix(PATTERN.0)?.strip_suffix(PATTERN.1)?.parse().ok()?;
        Some(Self { length })
    }
}

impl Named for Parameter {
    const NAME: &'static str = "aws.parameter";
}

impl Kind for Parameter {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html";
    const TAGS: Tags = Tags::Parameter;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const STATEFUL: bool = true;
    const DROP_FIRST: bool = true;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.generate.is_some() == self.value.is_some() {
            wrong.push(("generate".into(), "set either generate (a secret) or value (a text)".into()));
        }
        if self.generate.as_ref().is_some_and(|generate| !(16..=128).contains(&generate.length)) {
            wrong.push(("generate.length".into(), "is 16 to 128".into()));
        }
        if self.generate.is_some() != self.kms_key.is_some() {
            wrong.push(("kms_key".into(), "goes with generate: a secret names the key that encrypts it, a text has none".into()));
        }
        wrong
    }

    /// A secret that was not generated here was adopted, or its pattern was taken away: it stays what it is. How long it is nobody knows
    /// without reading it.
    fn restate(have: &mut Self, want: &Self) {
        if have.generate.is_none() && have.value.is_none() {
            have.generate = want.generate.clone();
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let (all, dated) = futures::try_join!(listed(cx, &[]), listed(cx, &[(DATED, "true")]))?;
        let bare = all.iter().filter(|one| described::is_bare(one.description().unwrap_or_default()));
        let asked: BTreeSet<&str> = dated.iter().chain(bare).filter_map(sdk::ParameterMetadata::name).collect();
        let told = side_by_side(asked.into_iter().map(|id| tagged(cx, id))).await?;
        let told: BTreeMap<String, Marks> = told.into_iter().flatten().collect();
        let texts: Vec<&str> =
            all.iter().filter(|one| one.r#type == Some(sdk::ParameterType::String)).filter_map(|one| one.name()).collect();
        let values = texts_of(cx, &texts).await?;
        let mut live = Vec::new();
        for one in &all {
            let id = one.name().unwrap_or_default();
            let marks = match (described::split(cx, one.description().unwrap_or_default()).1, told.get(id)) {
                (Some(marks), Some(told)) => Marks { protect: told.protect, retiring: told.retiring, ..marks },
                (Some(marks), None) => marks,
                (None, Some(told)) => told.clone(),
                (None, None) => continue,
            };
            let shape = Self {
                generate: one.allowed_pattern().and_then(Generate::of_pattern),
                value: values.get(id).map(|value| value.as_str().into()),
                kms_key: one.key_id().filter(|key| !key.starts_with("alias/aws/")).map(Ref::to),
            };
            live.push(Live { id: id.to_owned(), attributes: known(cx, id), shape, marks, made_at: String::new() });
        }
        Ok(live)
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        Some(format!("/reeve/{}/{}", new.naming.stack, new.address))
    }

    async fn namesake(_: &Aws, new: &New<Self>) -> Result<Option<String>> {
        Ok(Self::name_of(new))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let id = Self::name_of(new).unwrap_or_default();
        let call = put(cx, &id, &new.want, new.want.generate.as_ref(), &new.marks).set_tags(Some(tags(&new.marks, false)?));
        let value = match &new.want.generate {
            Some(generate) => generate.secret()?,
            None => Zeroizing::new(new.want.value.as_ref().map(|value| value.0.clone()).unwrap_or_default()),
        };
        call.value(value.as_str()).send().await?;
        Ok(Made { attributes: known(cx, &id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let value = match &change.want.value {
            Some(value) => Zeroizing::new(value.0.clone()),
            None => value(cx, &change.id).await?,
        };
        // An adopted secret need not be of letters and digits: only what was generated here has a pattern.
        let call = put(cx, &change.id, &change.want, change.have.generate.as_ref(), &change.marks);
        call.overwrite(true).value(value.as_str()).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ssm.delete_parameter().name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        find(cx, id).await?;
        Ok(Ready::Yes(known(cx, id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let now = find(cx, id).await?;
        let written = described::split(cx, now.description().unwrap_or_default()).1;
        let same = |old: &Marks| (&old.address, &old.applied, &old.attempt) == (&marks.address, &marks.applied, &marks.attempt);
        let flags = |old: &Marks| (old.protect, old.retiring) == (marks.protect, marks.retiring);
        let call = cx.ssm.add_tags_to_resource().resource_type(sdk::ResourceTypeForTagging::Parameter).resource_id(id);
        call.set_tags(Some(tags(marks, written.as_ref().is_some_and(|old| !flags(old)))?)).send().await?;
        if written.as_ref().is_some_and(same) {
            return Ok(());
        }
        let call = cx.ssm.put_parameter().name(id).description(described::with_marks("", marks)).set_type(now.r#type.clone());
        let call = call.set_key_id(now.key_id.clone()).set_allowed_pattern(now.allowed_pattern.clone()).overwrite(true);
        call.value(value(cx, id).await?.as_str()).send().await?;
        Ok(())
    }
}

fn put(
    cx: &Aws,
    id: &str,
    want: &Parameter,
    generated: Option<&Generate>,
    marks: &Marks,
) -> aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder {
    let secret = want.generate.is_some();
    cx.ssm
        .put_parameter()
        .name(id)
        .r#type(if secret { sdk::ParameterType::SecureString } else { sdk::ParameterType::String })
        .description(described::with_marks("", marks))
        .set_key_id(want.kms_key.as_ref().filter(|_| secret).map(|key| key.id().to_owned()))
        .set_allowed_pattern(generated.filter(|_| secret).map(Generate::pattern))
}

async fn value(cx: &Aws, id: &str) -> Result<Zeroizing<String>> {
    let out = cx.ssm.get_parameter().name(id).with_decryption(true).send().await?;
    let value = out.parameter.and_then(|one| one.value).ok_or_else(|| Error::incomplete("ssm.GetParameter", "value"))?;
    Ok(Zeroizing::new(value))
}

/// This stack's parameters whose tags also have these values, 50 to a page.
async fn listed(cx: &Aws, more: &[(&str, &str)]) -> Result<Vec<sdk::ParameterMetadata>> {
    let mut call = cx.ssm.describe_parameters().max_results(50);
    for (name, value) in [(key::STACK, &*cx.estate.stack)].iter().chain(more) {
        call = call.parameter_filters(filter(&format!("tag:{name}"), value)?);
    }
    let mut pages = call.into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(page?.parameters.unwrap_or_default());
    }
    Ok(all)
}

async fn find(cx: &Aws, id: &str) -> Result<sdk::ParameterMetadata> {
    let out = cx.ssm.describe_parameters().parameter_filters(filter("Name", id)?).send().await?;
    out.parameters.unwrap_or_default().pop().ok_or_else(|| Error::not_found("ssm.DescribeParameters", id))
}

fn filter(name: &str, value: &str) -> Result<sdk::ParameterStringFilter> {
    let filter = sdk::ParameterStringFilter::builder().key(name).option("Equals").values(value).build();
    filter.map_err(|_| Error::incomplete("ssm.DescribeParameters", "key"))
}

/// A parameter's name and the marks in its tags.
async fn tagged(cx: &Aws, id: &str) -> Result<Option<(String, Marks)>> {
    let call = cx.ssm.list_tags_for_resource().resource_type(sdk::ResourceTypeForTagging::Parameter).resource_id(id);
    let out = call.send().await?;
    Ok(cx.marks(out.tag_list().iter().map(|tag| (tag.key(), tag.value()))).map(|marks| (id.to_owned(), marks)))
}

/// Values of texts (never of secrets), ten to a call.
async fn texts_of(cx: &Aws, names: &[&str]) -> Result<BTreeMap<String, String>> {
    let chunks = names.chunks(10).map(|chunk| async move {
        let names = chunk.iter().map(|&name| name.to_owned()).collect();
        let out = cx.ssm.get_parameters().set_names(Some(names)).send().await?;
        let found = out.parameters.unwrap_or_default();
        if found.len() != chunk.len() {
            return Err(Error::incomplete("ssm.GetParameters", "entry for each name"));
        }
        Ok(found.into_iter().filter_map(|one| Some((one.name?, one.value?))).collect::<Vec<_>>())
    });
    Ok(side_by_side(chunks).await?.concat().into_iter().collect())
}

/// A tag that says that protection and retiring are to be read from the tags, not from the description.
const DATED: &str = "reeve:dated";

/// The marks as tags. `dated`: the description does not say the same.
fn tags(marks: &Marks, dated: bool) -> Result<Vec<sdk::Tag>> {
    let tags = marks
        .to_tags()
        .into_iter()
        .chain([(DATED, dated.to_string())])
        .map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
    tags.collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("ssm.Tag", "key"))
}

fn known(cx: &Aws, id: &str) -> Attributes {
    let estate = &cx.estate;
    attributes([("arn", &format!("arn:{}:ssm:{}:{}:parameter{id}", estate.partition, estate.region, estate.account)), ("name", id)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_length_and_the_letters_and_differ() {
        let generate = Generate { length: 100 };
        let (a, b) = (generate.secret().unwrap(), generate.secret().unwrap());
        assert_eq!(a.len(), 100);
        assert!(a.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(*a, *b);
        assert_eq!(Generate::of_pattern(&generate.pattern()), Some(generate));
        assert_eq!(Generate::of_pattern("^x$"), None);
    }
}
