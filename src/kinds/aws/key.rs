//! A KMS key: encrypts the data of the estate.
//!
//! API: <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>.
//! An alias below `alias/reeve/STACK/` leads to each key, so that finding ours costs one listing however many keys an account has.
//! The marks also stand in the description, which is read anyway, so that reading the tags of each key costs no call.
//! Does not touch grants, key material, replicas in other regions, or aliases elsewhere. Deletion waits 30 days and can be
//! cancelled until then: a key of ours that somebody else had scheduled for it is not gone. It is refused while a backup can be opened
//! with it alone.

mod backups;
mod deletion;
mod policy;
mod unnamed;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{described, side_by_side, yes};
use crate::kinds::{Change, DELETED, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Address, Document, Marks, Whose};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_kms::types as kms;

/// A symmetric encryption key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What it is for. Default: none.
    #[serde(default)]
    pub description: String,
    /// Who may use it. Default: the account's IAM policies decide, as AWS's own default policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "settle"))]
    pub policy: Option<Document>,
    /// AWS rotates its material by itself. Default: true.
    #[serde(default = "yes")]
    pub enable_key_rotation: bool,
    /// Days between rotations, 90 to 2560. Default: 365.
    #[serde(default = "a_year")]
    #[schemars(range(min = 90, max = 2560))]
    pub rotation_period_in_days: i32,
    /// It can be used. Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// It can be replicated to other regions. Default: false.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub multi_region: bool,
}

fn a_year() -> i32 {
    365
}

impl Named for Key {
    const NAME: &'static str = "aws.key";
}

impl Kind for Key {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html";
    const TAGS: Tags = Tags::Kms;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "key_id"];
    const STATEFUL: bool = true;
    const MANY_CALLS: bool = true;
    const LEAVES: &'static str = "AWS deletes a key 30 days later, and until then it can be had back";
    const REPRIEVE: &'static str = "aws kms cancel-key-deletion --key-id ID && aws kms enable-key --key-id ID";

    fn check(&self) -> Vec<(String, String)> {
        let wrong = match self.rotation_period_in_days {
            days if !(90..=2560).contains(&days) => format!("is {days}; KMS takes 90 to 2560 days"),
            days if !self.enable_key_rotation && days != a_year() => "means nothing with `enable_key_rotation: false`".into(),
            _ => return Vec::new(),
        };
        vec![("rotation_period_in_days".into(), wrong)]
    }

    fn restate(have: &mut Self, want: &Self) {
        // The live default policy reads as none; written out, it says the same. (Another account's cannot be meant: KMS refuses a policy
        // that locks its writer out.)
        if have.policy.is_none() && want.policy.as_ref().is_some_and(policy::is_any_default) {
            have.policy.clone_from(&want.policy);
        }
        // KMS neither rotates a disabled key nor lets its rotation be changed: it is compared again once the key is enabled.
        if !have.enabled && !want.enabled {
            have.enable_key_rotation = want.enable_key_rotation;
            have.rotation_period_in_days = want.rotation_period_in_days;
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let prefix = alias_prefix(&cx.estate.stack);
        let aliases: Vec<kms::AliasListEntry> =
            cx.kms.list_aliases().limit(100).into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        let ours = aliases.iter().filter(|alias| alias.alias_name().is_some_and(|name| name.starts_with(&prefix)));
        let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, alias) in ours.filter_map(|alias| Some((alias.target_key_id()?, alias.alias_name()?))) {
            keys.entry(id).or_default().push(alias);
        }
        Ok(side_by_side(keys.into_iter().map(|(id, aliases)| read(cx, id, aliases))).await?.into_iter().flatten().collect())
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        Some(plain_alias(&new.naming.stack, &new.address))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let tags = tags(&new.marks)?;
        if let Some(key) = unnamed::find(cx, new).await? {
            let id = key.arn.ok_or_else(|| Error::incomplete("kms.DescribeKey", "ARN"))?;
            Self::mark(cx, &id, &new.marks).await?;
            return Ok(Made { attributes: attributes([("arn", &id), ("key_id", &key.key_id)]), id });
        }
        let description = described::with_marks(&new.want.description, &new.marks);
        let out = cx.kms.create_key().description(description).multi_region(new.want.multi_region).set_tags(Some(tags)).send().await?;
        let key = out.key_metadata.ok_or_else(|| Error::incomplete("kms.CreateKey", "key"))?;
        let id = key.arn.ok_or_else(|| Error::incomplete("kms.CreateKey", "ARN"))?;
        // Without its alias nobody would find it again: at once, not with the rest. If that fails, `update` tries and tells.
        alias(cx, &id, &new.address).await.ok();
        Ok(Made { attributes: attributes([("arn", &id), ("key_id", &key.key_id)]), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (id, want) = (&change.id, &change.want);
        alias(cx, id, &change.address).await?;
        let rotation = change.touches(&["enable_key_rotation", "rotation_period_in_days"]);
        // KMS refuses to change the rotation of a disabled key; it is disabled (again) last.
        // https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
        if change.touches(&["enabled"]) && (want.enabled || rotation) {
            cx.kms.enable_key().key_id(id).send().await?;
        }
        if change.touches(&["description"]) && change.have.description != want.description {
            cx.kms.update_key_description().key_id(id).description(described::with_marks(&want.description, &change.marks)).send().await?;
        }
        if change.touches(&["policy"]) {
            let policy = want.policy.clone().unwrap_or_else(|| policy::default_policy(&cx.estate.account));
            cx.kms.put_key_policy().key_id(id).policy_name("default").policy(policy.to_string()).send().await?;
        }
        if rotation {
            if want.enable_key_rotation {
                cx.kms.enable_key_rotation().key_id(id).rotation_period_in_days(want.rotation_period_in_days).send().await?;
            } else {
                cx.kms.disable_key_rotation().key_id(id).send().await?;
            }
        }
        if change.touches(&["enabled"]) && !want.enabled {
            cx.kms.disable_key().key_id(id).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        deletion::schedule(cx, &gone.id).await
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.kms.describe_key().key_id(id).send().await?;
        let key = out.key_metadata.ok_or_else(|| Error::incomplete("kms.DescribeKey", "key"))?;
        if let Some(due) = deletion::due(&key) {
            let (_, marks) = marks_of(cx, id, key.description().unwrap_or_default()).await?;
            // Our own deletion: to us it is gone.
            return if marks.is_some_and(|marks| marks.retiring) {
                Err(Error::not_found("kms.DescribeKey", id))
            } else {
                Ok(Ready::Failed(format!("AWS deletes it {due}")))
            };
        }
        Ok(match key.key_state {
            Some(kms::KeyState::Enabled | kms::KeyState::Disabled) | None => {
                Ready::Yes(attributes([("arn", key.arn.as_deref().unwrap_or(id)), ("key_id", &key.key_id)]))
            }
            Some(state) => Ready::NotYet(state.to_string()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        if let Some(address) = &marks.address {
            alias(cx, id, address).await?;
        }
        cx.kms.tag_resource().key_id(id).set_tags(Some(tags(marks)?)).send().await?;
        let out = cx.kms.describe_key().key_id(id).send().await?;
        let is = out.key_metadata.and_then(|key| key.description).unwrap_or_default();
        let description = described::with_marks(described::split(cx, &is).0, marks);
        cx.kms.update_key_description().key_id(id).description(description).send().await?;
        Ok(())
    }
}

/// Reads one key; `None` when it is not ours or waits for the deletion that we asked for. `aliases` are those of it that are as ours.
async fn read(cx: &Aws, id: &str, aliases: Vec<&str>) -> Result<Option<Live<Key>>> {
    let (key, policy, rotation) = futures::try_join!(
        async { Ok::<_, Error>(cx.kms.describe_key().key_id(id).send().await?) },
        async { Ok(cx.kms.get_key_policy().key_id(id).policy_name("default").send().await?) },
        async { Ok(cx.kms.get_key_rotation_status().key_id(id).send().await?) },
    )?;
    let key = key.key_metadata.ok_or_else(|| Error::incomplete("kms.DescribeKey", "key"))?;
    let due = deletion::due(&key);
    let (words, Some(marks)) = marks_of(cx, id, key.description().unwrap_or_default()).await? else {
        for alias in aliases.into_iter().filter(|_| due.is_none()) {
            cx.stranger(Key::NAME, (alias, key.arn().unwrap_or(id)), Whose::Nobody);
        }
        return Ok(None);
    };
    if due.is_some() && marks.retiring {
        return Ok(None);
    }
    let policy = Document::parse(policy.policy().unwrap_or_default()).map_err(|_| Error::incomplete("kms.GetKeyPolicy", "policy"))?;
    let arn = key.arn.clone().ok_or_else(|| Error::incomplete("kms.DescribeKey", "ARN"))?;
    let shape = Key {
        description: words.to_owned(),
        policy: (!policy::is_default(&policy, &cx.estate)).then_some(policy),
        enable_key_rotation: rotation.key_rotation_enabled,
        rotation_period_in_days: rotation.rotation_period_in_days.unwrap_or_else(a_year),
        enabled: key.enabled,
        multi_region: key.multi_region.unwrap_or_default(),
    };
    let made_at = key.creation_date.map(|at| at.to_string()).unwrap_or_default();
    let mut attributes = attributes([("arn", &arn), ("key_id", &key.key_id)]);
    attributes.extend(due.map(|due| (DELETED, due)));
    Ok(Some(Live { attributes, id: arn, shape, marks, made_at }))
}

/// The words of a key's description, and its marks. Where someone wrote a description of their own over ours, the tags say whose the key is.
async fn marks_of<'a>(cx: &Aws, id: &str, description: &'a str) -> Result<(&'a str, Option<Marks>)> {
    match described::split(cx, description) {
        (words, None) => Ok((words, tagged(cx, id).await?)),
        both => Ok(both),
    }
}

/// The marks in a key's tags.
async fn tagged(cx: &Aws, id: &str) -> Result<Option<Marks>> {
    let items = cx.kms.list_resource_tags().key_id(id).into_paginator().items().send();
    let tags = items.collect::<std::result::Result<Vec<kms::Tag>, _>>().await?;
    Ok(cx.marks(tags.iter().map(|tag| (tag.tag_key(), tag.tag_value()))))
}

fn alias_prefix(stack: &str) -> String {
    format!("alias/reeve/{stack}/")
}

fn plain_alias(stack: &str, address: &Address) -> String {
    format!("{}{}", alias_prefix(stack), address.as_str().replace('.', "/"))
}

/// The stack's aliases of one key.
async fn ours(cx: &Aws, id: &str) -> Result<Vec<String>> {
    let prefix = alias_prefix(&cx.estate.stack);
    let items = cx.kms.list_aliases().key_id(id).into_paginator().items().send();
    let aliases: Vec<kms::AliasListEntry> = items.collect::<std::result::Result<_, _>>().await?;
    Ok(aliases.into_iter().filter_map(|alias| alias.alias_name).filter(|name| name.starts_with(&prefix)).collect())
}

/// Gives the key an alias of its address, when it has none. One that another key holds (the one it replaces) is left to it.
async fn alias(cx: &Aws, id: &str, address: &Address) -> Result<()> {
    if !ours(cx, id).await?.is_empty() {
        return Ok(());
    }
    let plain = plain_alias(&cx.estate.stack, address);
    let make = |name: String| async move { cx.kms.create_alias().alias_name(name).target_key_id(id).send().await.map_err(Error::from) };
    match make(plain.clone()).await {
        Err(error) if error.class == Class::AlreadyExists => {
            // The listing may lag behind: it may be this key's alias.
            let holder =
                cx.kms.describe_key().key_id(&plain).send().await.map_err(Error::from).absent_ok()?.and_then(|out| out.key_metadata);
            if holder.is_some_and(|key| key.arn.as_deref() == Some(id) || key.key_id == id) {
                return Ok(());
            }
            let own = id.rsplit('/').next().unwrap_or(id);
            match make(format!("{plain}-{}", own.get(..8).unwrap_or(own))).await {
                Err(error) if error.class != Class::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        other => {
            other?;
        }
    }
    Ok(())
}

fn tags(marks: &Marks) -> Result<Vec<kms::Tag>> {
    let tag = |(key, value): (&str, String)| kms::Tag::builder().tag_key(key).tag_value(value).build();
    marks.to_tags().into_iter().map(tag).collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("kms.Tag", "value"))
}
