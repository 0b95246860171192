//! An SSM parameter: a tenant's generated secret, or a text that hosts read.
//!
//! API: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.
//! Its name is `/reeve/STACK/ADDRESS`. The listing shows descriptions but no tags, and a call per tenant is too many: so the marks also
//! stand in the description; the tags are asked for where somebody wrote a description of their own over ours. What has to change without the value (protection, retiring) changes in the tags alone; then a tag says
//! that the description is out of date, and the few that bear it are listed and asked for their tags.
//! A generated value is made here, handed to SSM and dropped; it is read again only to be written back at once, when its key or its mark changes.
//! Its fingerprint, a short hash, stands in the description: by it the users of the value see that it was rotated, without reading it.

mod delivered;
mod generate;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::support::{described, side_by_side};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::field::{Ref, Text};
use crate::model::marks::key;
use crate::model::{Marks, Secret};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_ssm::types as sdk;
pub use delivered::{Delivery, deliver, delivery};
pub use generate::Generate;

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

impl Named for Parameter {
    const NAME: &'static str = "aws.parameter";
}

impl Kind for Parameter {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html";
    const TAGS: Tags = Tags::Parameter;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name", "fingerprint"];
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
        let told: BTreeMap<String, (Marks, Option<String>)> = told.into_iter().flatten().collect();
        let texts: Vec<&str> =
            all.iter().filter(|one| one.r#type == Some(sdk::ParameterType::String)).filter_map(|one| one.name()).collect();
        let values = texts_of(cx, &texts).await?;
        let mut live = Vec::new();
        for one in &all {
            let id = one.name().unwrap_or_default();
            let (words, described) = described::split(cx, one.description().unwrap_or_default());
            let marks = match (described, told.get(id)) {
                (Some(marks), Some((told, _))) => Marks { protect: told.protect, retiring: told.retiring, ..marks },
                (Some(marks), None) => marks,
                (None, Some((told, _))) => told.clone(),
                (None, None) => continue,
            };
            let fingerprint = fingerprint_in(words).or_else(|| told.get(id)?.1.as_deref());
            let shape = Self {
                generate: one.allowed_pattern().and_then(Generate::of_pattern),
                value: values.get(id).map(|value| value.as_str().into()),
                kms_key: one.key_id().filter(|key| !key.starts_with("alias/aws/")).map(Ref::to),
            };
            live.push(Live { id: id.to_owned(), attributes: known(cx, id, fingerprint), shape, marks, made_at: String::new() });
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
        let value = match &new.want.generate {
            Some(generate) => generate.secret()?,
            None => Secret::new(new.want.value.as_ref().map(|value| value.0.clone()).unwrap_or_default()),
        };
        let call = put(cx, &id, &new.want, new.want.generate.as_ref(), &described(&value, &new.marks));
        call.set_tags(Some(tags(&new.marks, false, Some(&value))?)).value(value.expose()).send().await?;
        Ok(Made { attributes: known(cx, &id, Some(&value.fingerprint())), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let value = match &change.want.value {
            Some(value) => Secret::new(value.0.clone()),
            None => value(cx, &change.id).await?,
        };
        // An adopted secret need not be of letters and digits: only what was generated here has a pattern.
        let call = put(cx, &change.id, &change.want, change.have.generate.as_ref(), &described(&value, &change.marks));
        call.overwrite(true).value(value.expose()).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ssm.delete_parameter().name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let one = find(cx, id).await?;
        let words = described::split(cx, one.description().unwrap_or_default()).0;
        Ok(Ready::Yes(known(cx, id, fingerprint_in(words))))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let now = find(cx, id).await?;
        let written = described::split(cx, now.description().unwrap_or_default()).1;
        let same = |old: &Marks| (&old.address, &old.applied, &old.attempt) == (&marks.address, &marks.applied, &marks.attempt);
        let flags = |old: &Marks| (old.protect, old.retiring) == (marks.protect, marks.retiring);
        let stays = written.as_ref().is_some_and(same);
        let value = if stays { None } else { Some(value(cx, id).await?) };
        let call = cx.ssm.add_tags_to_resource().resource_type(sdk::ResourceTypeForTagging::Parameter).resource_id(id);
        let dated = written.as_ref().is_some_and(|old| !flags(old));
        call.set_tags(Some(tags(marks, dated, value.as_ref())?)).send().await?;
        let Some(value) = value else { return Ok(()) };
        let call = cx.ssm.put_parameter().name(id).description(described(&value, marks)).set_type(now.r#type.clone());
        let call = call.set_key_id(now.key_id.clone()).set_allowed_pattern(now.allowed_pattern.clone()).overwrite(true);
        call.value(value.expose()).send().await?;
        Ok(())
    }
}

/// What a rotation writes: another value of the same sort, its fingerprint in the description and the tags, everything else as it is. Answers
/// the new fingerprint. Whoever uses the old value is moved by the next apply.
///
/// # Errors
/// What SSM answered; when it is no generated secret.
pub async fn rotate(cx: &Aws, id: &str) -> Result<String> {
    let now = find(cx, id).await?;
    let pattern = now.allowed_pattern.clone();
    let no_secret = || Error::new(Class::Invalid, "ssm.PutParameter", format!("{id} was not generated by reeve: it is not rotated"));
    let generate = pattern.as_deref().and_then(Generate::of_pattern).ok_or_else(no_secret)?;
    let marks = described::split(cx, now.description().unwrap_or_default()).1;
    let marks = match marks {
        Some(marks) => marks,
        None => tagged(cx, id).await?.map(|(_, (marks, _))| marks).ok_or_else(no_secret)?,
    };
    let value = generate.secret()?;
    let call = cx.ssm.put_parameter().name(id).description(described(&value, &marks)).set_type(now.r#type.clone());
    let call = call.set_key_id(now.key_id.clone()).set_allowed_pattern(pattern).overwrite(true);
    call.value(value.expose()).send().await?;
    delivered::rotated(cx, id, &value.fingerprint()).await?;
    Ok(value.fingerprint())
}

fn put(
    cx: &Aws,
    id: &str,
    want: &Parameter,
    generated: Option<&Generate>,
    description: &str,
) -> aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder {
    let secret = want.generate.is_some();
    cx.ssm
        .put_parameter()
        .name(id)
        .r#type(if secret { sdk::ParameterType::SecureString } else { sdk::ParameterType::String })
        .description(description)
        .set_key_id(want.kms_key.as_ref().filter(|_| secret).map(|key| key.id().to_owned()))
        .set_allowed_pattern(generated.filter(|_| secret).map(Generate::pattern))
}

async fn value(cx: &Aws, id: &str) -> Result<Secret> {
    let out = cx.ssm.get_parameter().name(id).with_decryption(true).send().await?;
    let value = out.parameter.and_then(|one| one.value).ok_or_else(|| Error::incomplete("ssm.GetParameter", "value"))?;
    Ok(Secret::new(value))
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

/// A parameter's name, and the marks and the fingerprint in its tags.
async fn tagged(cx: &Aws, id: &str) -> Result<Option<(String, (Marks, Option<String>))>> {
    let pairs = tagged_pairs(cx, id).await?;
    let fingerprint = pairs.iter().find(|(name, _)| name == FINGERPRINT).map(|(_, value)| value.clone());
    let marks = cx.marks(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Ok(marks.map(|marks| (id.to_owned(), (marks, fingerprint))))
}

async fn tagged_pairs(cx: &Aws, id: &str) -> Result<Vec<(String, String)>> {
    let call = cx.ssm.list_tags_for_resource().resource_type(sdk::ResourceTypeForTagging::Parameter).resource_id(id);
    let out = call.send().await?;
    Ok(out.tag_list().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
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

/// A tag with the fingerprint of the value, for when somebody writes a description of their own.
const FINGERPRINT: &str = "reeve:fingerprint";

/// The description of a parameter of that value: its fingerprint, by which users of the value see that it was rotated, and the marks.
fn described(value: &Secret, marks: &Marks) -> String {
    described::with_marks(&format!("{WORDS}{}", value.fingerprint()), marks)
}

const WORDS: &str = "fingerprint ";

fn fingerprint_in(words: &str) -> Option<&str> {
    words.strip_prefix(WORDS).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
}

/// The marks, and the fingerprint of a value that is written, as tags. `dated`: the description does not say the same.
fn tags(marks: &Marks, dated: bool, value: Option<&Secret>) -> Result<Vec<sdk::Tag>> {
    let tags = marks
        .to_tags()
        .into_iter()
        .chain([(DATED, dated.to_string())])
        .chain(value.map(|value| (FINGERPRINT, value.fingerprint())))
        .map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
    tags.collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("ssm.Tag", "key"))
}

fn known(cx: &Aws, id: &str, fingerprint: Option<&str>) -> Attributes {
    let estate = &cx.estate;
    let arn = format!("arn:{}:ssm:{}:{}:parameter{id}", estate.partition, estate.region, estate.account);
    attributes([("arn", &*arn), ("name", id)]).into_iter().chain(fingerprint.map(|one| ("fingerprint", one.to_owned()))).collect()
}
