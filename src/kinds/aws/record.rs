//! A Route 53 record set.
//!
//! API: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>.
//! Records bear no tags: a TXT record `_reeve-<type>.<name>` beside each, written in the same batch, holds the marks (one line per stack).
//! A record of that name which is not ours is never overwritten. Does not touch weighted and other routed records.

mod sets;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_route53::types as r53;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::sets::{Id, Owners, canonical, change, find, list, send};
use super::lookups::{Zone, zones};
use super::support::side_by_side;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref, Text, Whose};
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};

/// A record set: values, or an alias of something of AWS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its zone: `${ref("lookup.zone")}`.
    #[schemars(extend("x-replace" = true))]
    pub zone: Ref<Zone>,
    /// Its full name, in lower case; `*` as first label is a wildcard.
    #[schemars(extend("x-replace" = true))]
    pub name: Text,
    /// Its type.
    #[schemars(extend("x-replace" = true))]
    pub r#type: RecordType,
    /// Seconds for which resolvers may keep it. Default: 300; an alias has that of its target.
    #[serde(default = "ttl")]
    pub ttl: u32,
    /// Its values; those of TXT in double quotes. Default: none.
    #[serde(default)]
    pub values: BTreeSet<Text>,
    /// What it is another name of. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// It is shared: overwritten with the same content and never deleted, as a certificate's validation record. Default: false.
    #[serde(default)]
    pub keep: bool,
}

/// A target of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// The target's name: `${ref("edge.alb").dns_name}`.
    pub dns_name: Text,
    /// The zone of the target's name: `${ref("edge.alb").zone_id}`.
    pub zone_id: Text,
    /// It answers only while its target is well. Default: false.
    #[serde(default)]
    pub evaluate_target_health: bool,
}

/// Type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "DNS's own words")]
pub enum RecordType {
    A,
    Aaaa,
    Caa,
    Cname,
    Mx,
    Srv,
    Txt,
}

fn ttl() -> u32 {
    300
}

impl Named for Record {
    const NAME: &'static str = "aws.record";
}

impl Kind for Record {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html";
    const TAGS: Tags = Tags::Record;
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    /// A name that follows a certificate may come out the same: made beside the old one it would be the old one, and go with it.
    const DROP_FIRST: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        match (&self.alias, self.values.is_empty()) {
            (None, true) => wrong.push(("values".into(), "a record needs `values` or an `alias`".into())),
            (Some(_), false) => wrong.push(("alias".into(), "a record has `values` or an `alias`, not both".into())),
            _ => {}
        }
        if self.r#type == RecordType::Cname && self.values.len() > 1 {
            wrong.push(("values".into(), "a CNAME has one value".into()));
        }
        wrong
    }

    /// Names are the same with and without the dot at the end, in any case, and with `dualstack.` before a load balancer's.
    fn restate(have: &mut Self, want: &Self) {
        let same = |a: &Text, b: &Text| canonical(a.as_str()) == canonical(b.as_str());
        if same(&have.name, &want.name) {
            have.name = want.name.clone();
        }
        if matches!(have.r#type, RecordType::Cname | RecordType::Mx | RecordType::Srv) {
            let wished: BTreeMap<String, &Text> = want.values.iter().map(|value| (canonical(value.as_str()), value)).collect();
            have.values =
                have.values.iter().map(|value| wished.get(&canonical(value.as_str())).copied().unwrap_or(value).clone()).collect();
        }
        if let (Some(have), Some(want)) = (&mut have.alias, &want.alias) {
            let bare = |name: &Text| canonical(name.as_str()).trim_start_matches("dualstack.").to_owned();
            if bare(&have.dns_name) == bare(&want.dns_name) {
                have.dns_name = want.dns_name.clone();
            }
        }
        if have.alias.is_some() && want.alias.is_some() {
            have.ttl = want.ttl;
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let zones = zones(cx).await?;
        let listed = side_by_side(zones.iter().map(|zone| async move { Ok::<_, Error>((zone, list(cx, zone).await?)) })).await?;
        let mut ours = Vec::new();
        for (zone, sets) in listed {
            let by_id: BTreeMap<Id, &r53::ResourceRecordSet> = sets.iter().filter_map(|set| Some((Id::of(zone, set)?, set))).collect();
            let owners: BTreeMap<Id, Owners> = sets.iter().filter_map(|set| Some((Id::owned_by(zone, set)?, Owners::read(set)))).collect();
            strangers(cx, zone, &sets, &owners);
            for (id, owners) in owners {
                if let (Some(marks), Some(set)) = (owners.marks(&cx.estate.stack), by_id.get(&id)) {
                    let attributes = attributes([("name", &id.name)]);
                    ours.push(Live {
                        id: id.to_string(),
                        attributes,
                        shape: shape(&id, set, owners.keeps(&cx.estate.stack)),
                        marks,
                        made_at: String::new(),
                    });
                }
            }
        }
        Ok(ours)
    }

    /// A shared record is written over with the same content.
    fn name_of(new: &New<Self>) -> Option<String> {
        let want = &new.want;
        let id = Id { zone: want.zone.id().to_owned(), name: canonical(want.name.as_str()), r#type: want.r#type };
        (!want.keep).then(|| id.called())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let id = Id { zone: want.zone.id().to_owned(), name: canonical(want.name.as_str()), r#type: want.r#type };
        let (there, owners) = futures::try_join!(find(cx, &id), sets::owners(cx, &id))?;
        let others = owners.others(&cx.estate.stack);
        if !want.keep && (there.is_some() || others) {
            let message = if others {
                format!("{} {} is another stack's: it is not overwritten. One stack only may have it in its YAML", want.r#type, id.name)
            } else {
                format!("{} {} is there already and bears no mark of this stack: it is not overwritten", want.r#type, id.name)
            };
            return Err(Error::new(Class::AlreadyExists, sets::CALL, message));
        }
        // `CREATE` fails when somebody was faster; a mark without its record is what is left of a record deleted by hand.
        let action = if want.keep { r53::ChangeAction::Upsert } else { r53::ChangeAction::Create };
        let mark = change(r53::ChangeAction::Upsert, owners.with(&new.marks, want.keep).set(&id)?)?;
        send(cx, &id.zone, vec![change(action, set(&id, want)?)?, mark]).await?;
        Ok(Made { id: id.to_string(), attributes: attributes([("name", &id.name)]) })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let id = Id::parse(&change.id)?;
        if change.touches(&["ttl", "values", "alias"]) {
            send(cx, &id.zone, vec![sets::change(r53::ChangeAction::Upsert, set(&id, &change.want)?)?]).await?;
        }
        if change.touches(&["keep"]) {
            let owners = sets::owners(cx, &id).await?.with(&change.marks, change.want.keep);
            send(cx, &id.zone, vec![sets::change(r53::ChangeAction::Upsert, owners.set(&id)?)?]).await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let id = Id::parse(&gone.id)?;
        let (there, owners) = futures::try_join!(find(cx, &id), sets::owners(cx, &id))?;
        if owners.marks(&cx.estate.stack).is_none() {
            return Ok(()); // what is there by now is somebody else's
        }
        let mut batch = Vec::new();
        if let Some(set) = there.filter(|_| !owners.keeps(&cx.estate.stack)) {
            batch.push(change(r53::ChangeAction::Delete, set)?);
        }
        let left = owners.without(&cx.estate.stack);
        match &owners.found {
            Some(_) if !left.is_empty() => batch.push(change(r53::ChangeAction::Upsert, left.set(&id)?)?),
            Some(found) => batch.push(change(r53::ChangeAction::Delete, found.clone())?),
            None => {}
        }
        if batch.is_empty() { Ok(()) } else { send(cx, &id.zone, batch).await }
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let id = Id::parse(id)?;
        find(cx, &id).await?.ok_or_else(|| Error::not_found(sets::LIST, &id.to_string()))?;
        Ok(Ready::Yes(attributes([("name", &id.name)])))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let id = Id::parse(id)?;
        let owners = sets::owners(cx, &id).await?;
        if owners.marks(&marks.stack).is_none() {
            can_be_ours(cx, &id).await?;
        }
        send(cx, &id.zone, vec![change(r53::ChangeAction::Upsert, owners.with(marks, owners.keeps(&marks.stack)).set(&id)?)?]).await
    }
}

/// Notes the records that are not ours: one of that name and type is in the way, also where several share it.
fn strangers(cx: &Aws, zone: &str, sets: &[r53::ResourceRecordSet], owners: &BTreeMap<Id, Owners>) {
    for set in sets {
        let Some(id) = Id::named(zone, set) else { continue };
        let whose = match owners.get(&id) {
            Some(owners) if owners.marks(&cx.estate.stack).is_some() => continue,
            Some(owners) if owners.others(&cx.estate.stack) => Whose::Stack(owners.names().join(", ")),
            _ if set.set_identifier().is_some() => {
                Whose::OutOfReach("reeve does not write records that are chosen by weight or region".into())
            }
            _ => Whose::Nobody,
        };
        cx.stranger(Record::NAME, (&id.called(), &id.to_string()), whose);
    }
}

/// Refuses what reeve would not find again: a routed record, or one of a zone that is not looked at.
async fn can_be_ours(cx: &Aws, id: &Id) -> Result<()> {
    let routed = find(cx, id).await?.is_some_and(|set| set.set_identifier().is_some());
    let wrong = match (routed, zones(cx).await?.contains(&id.zone)) {
        (true, _) => "is one of several, chosen by weight, region or the like; reeve does not write those",
        (false, false) => "is not in a zone of this stack's domain, so reeve would not find it again",
        (false, true) => return Ok(()),
    };
    Err(Error::new(Class::Invalid, sets::CALL, format!("{} {wrong}", id.name)))
}

fn set(id: &Id, want: &Record) -> Result<r53::ResourceRecordSet> {
    let broken = |error| Error::new(Class::Invalid, sets::CALL, format!("{}: {error}", id.name));
    let mut set = r53::ResourceRecordSet::builder().name(&id.name).r#type(want.r#type.sdk());
    if let Some(alias) = &want.alias {
        let target = r53::AliasTarget::builder()
            .dns_name(alias.dns_name.as_str())
            .hosted_zone_id(alias.zone_id.as_str())
            .evaluate_target_health(alias.evaluate_target_health);
        set = set.alias_target(target.build().map_err(broken)?);
    } else {
        set = set.ttl(want.ttl.into());
        for value in &want.values {
            set = set.resource_records(r53::ResourceRecord::builder().value(value.as_str()).build().map_err(broken)?);
        }
    }
    set.build().map_err(broken)
}

fn shape(id: &Id, set: &r53::ResourceRecordSet, keep: bool) -> Record {
    Record {
        zone: Ref::to(&id.zone),
        name: id.name.clone().into(),
        r#type: id.r#type,
        ttl: set.ttl().and_then(|ttl| ttl.try_into().ok()).unwrap_or_else(ttl),
        values: set.resource_records().iter().map(|record| record.value().into()).collect(),
        alias: set.alias_target().map(|alias| Alias {
            dns_name: canonical(alias.dns_name()).into(),
            zone_id: alias.hosted_zone_id().into(),
            evaluate_target_health: alias.evaluate_target_health(),
        }),
        keep,
    }
}
