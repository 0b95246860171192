//! Record sets as Route 53 has them: their ids, the TXT record that says whose one is, and the calls.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types as r53;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::RecordType;
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::aws::owner::{beside, unquoted};
use crate::planes::error::{Class, Error, Result};

/// The call that changes records.
pub const CALL: &str = "route53.ChangeResourceRecordSets";
/// The call that lists them.
pub const LIST: &str = "route53.ListResourceRecordSets";

impl RecordType {
    /// As the SDK says it.
    pub fn sdk(self) -> r53::RrType {
        r53::RrType::from(self.to_string().as_str())
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(text.to_ascii_uppercase())).ok()
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        })
    }
}

/// A name as it is compared: lower case, no dot at the end, `*` for Route 53's `\052`.
pub fn canonical(name: &str) -> String {
    name.trim_end_matches('.').replace("\\052", "*").to_ascii_lowercase()
}

/// Which record set: `ZONE/name/TYPE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// The zone's id.
    pub zone: String,
    /// Its canonical name.
    pub name: String,
    /// Its type.
    pub r#type: RecordType,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.zone, self.name, self.r#type)
    }
}

impl Id {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(zone, rest)| Some((zone, rest.rsplit_once('/')?)));
        parts
            .and_then(|(zone, (name, r#type))| {
                Some(Self { zone: zone.to_owned(), name: name.to_owned(), r#type: RecordType::parse(r#type)? })
            })
            .ok_or_else(|| Error::new(Class::Invalid, CALL, format!("`{text}` is not the id of a record: ZONE/name/TYPE")))
    }

    /// Of a plain record set; `None` for routed ones and types that reeve does not write.
    pub fn of(zone: &str, set: &r53::ResourceRecordSet) -> Option<Self> {
        Self::named(zone, set).filter(|_| set.set_identifier().is_none())
    }

    /// Of any record set of a type that reeve writes: routed ones share one name and type.
    pub fn named(zone: &str, set: &r53::ResourceRecordSet) -> Option<Self> {
        let r#type = RecordType::parse(set.r#type().as_str())?;
        Some(Self { zone: zone.to_owned(), name: canonical(set.name()), r#type })
    }

    /// Of the record that `set` says the owners of.
    pub fn owned_by(zone: &str, set: &r53::ResourceRecordSet) -> Option<Self> {
        let name = canonical(set.name());
        let (r#type, name) = name.strip_prefix("_reeve-").filter(|_| *set.r#type() == r53::RrType::Txt)?.split_once('.')?;
        let name = name.strip_prefix("_wildcard.").map_or_else(|| name.to_owned(), |rest| format!("*.{rest}"));
        Some(Self { zone: zone.to_owned(), name, r#type: RecordType::parse(r#type)? })
    }

    /// As people call it.
    pub fn called(&self) -> String {
        format!("{} {} in {}", self.name, self.r#type, self.zone)
    }

    /// The name of the TXT record that says its owners.
    pub fn owners_name(&self) -> String {
        beside(&self.name, &self.r#type.to_string())
    }
}

/// Whose a record is: marks by stack. Only a shared record has several.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    lines: BTreeMap<String, String>,
    /// The TXT record as it was found: Route 53 deletes only what is named exactly.
    pub found: Option<r53::ResourceRecordSet>,
}

impl Owners {
    /// Reads a TXT record.
    pub fn read(set: &r53::ResourceRecordSet) -> Self {
        let lines = set.resource_records().iter().map(|record| unquoted(record.value())).filter_map(|line| {
            let stack = pairs(&line).find(|(key, _)| *key == crate::model::marks::key::STACK)?.1.to_owned();
            Some((stack, line))
        });
        Self { lines: lines.collect(), found: Some(set.clone()) }
    }

    /// The marks of `stack`.
    pub fn marks(&self, stack: &str) -> Option<Marks> {
        Marks::from_tags(stack, pairs(self.lines.get(stack)?))
    }

    /// Whether a stack other than `stack` owns it.
    pub fn others(&self, stack: &str) -> bool {
        self.lines.keys().any(|owner| owner != stack)
    }

    /// The stacks that own it.
    pub fn names(&self) -> Vec<&str> {
        self.lines.keys().map(String::as_str).collect()
    }

    /// Whether nobody owns it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether `stack` shares the record with others and never deletes it.
    pub fn keeps(&self, stack: &str) -> bool {
        self.lines.get(stack).is_some_and(|line| pairs(line).any(|pair| pair == KEEP))
    }

    /// With `marks` in place of those of the same stack; a retiring one stays so.
    pub fn with(&self, marks: &Marks, keep: bool) -> Self {
        let retiring = !marks.stays && (marks.retiring || self.marks(&marks.stack).is_some_and(|old| old.retiring));
        let mut tags = Marks { retiring, ..marks.clone() }.to_tags();
        tags.extend(keep.then(|| (KEEP.0, KEEP.1.to_owned())));
        let line = tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
        let mut owners = self.clone();
        owners.lines.insert(marks.stack.clone(), line);
        owners
    }

    /// Without `stack`.
    pub fn without(&self, stack: &str) -> Self {
        let mut owners = self.clone();
        owners.lines.remove(stack);
        owners
    }

    /// As the TXT record beside `id`.
    pub fn set(&self, id: &Id) -> Result<r53::ResourceRecordSet> {
        let broken = |error| Error::new(Class::Invalid, CALL, format!("{}: {error}", id.owners_name()));
        let mut set = r53::ResourceRecordSet::builder().name(id.owners_name()).r#type(r53::RrType::Txt).ttl(300);
        for line in self.lines.values() {
            set = set.resource_records(r53::ResourceRecord::builder().value(quoted(line)).build().map_err(broken)?);
        }
        set.build().map_err(broken)
    }
}

const KEEP: (&str, &str) = ("reeve:keep", "true");

fn pairs(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split(' ').filter_map(|pair| pair.split_once('='))
}

/// A string of a TXT record has 255 characters at most; a value may have several.
fn quoted(line: &str) -> String {
    let parts: Vec<String> = line.as_bytes().chunks(255).map(|part| format!("\"{}\"", String::from_utf8_lossy(part))).collect();
    parts.join(" ")
}

/// Every record set of a zone.
pub async fn list(cx: &Aws, zone: &str) -> Result<Vec<r53::ResourceRecordSet>> {
    let mut all = Vec::new();
    let mut page = cx.route53.list_resource_record_sets().hosted_zone_id(zone).send().await?;
    loop {
        all.append(&mut page.resource_record_sets);
        if !page.is_truncated {
            return Ok(all);
        }
        page = cx
            .route53
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .set_start_record_name(page.next_record_name)
            .set_start_record_type(page.next_record_type)
            .set_start_record_identifier(page.next_record_identifier)
            .send()
            .await?;
    }
}

async fn first(cx: &Aws, zone: &str, name: &str, r#type: r53::RrType) -> Result<Option<r53::ResourceRecordSet>> {
    let call = cx.route53.list_resource_record_sets().hosted_zone_id(zone).start_record_name(name).start_record_type(r#type.clone());
    let page = call.max_items(1).send().await?;
    Ok(page.resource_record_sets.into_iter().next().filter(|set| canonical(set.name()) == name && set.r#type == r#type))
}

/// The record set, when it is there (routed ones too).
pub async fn find(cx: &Aws, id: &Id) -> Result<Option<r53::ResourceRecordSet>> {
    first(cx, &id.zone, &id.name, id.r#type.sdk()).await
}

/// Who owns the record set.
pub async fn owners(cx: &Aws, id: &Id) -> Result<Owners> {
    Ok(first(cx, &id.zone, &id.owners_name(), r53::RrType::Txt).await?.map(|set| Owners::read(&set)).unwrap_or_default())
}

/// One change of a batch.
pub fn change(action: r53::ChangeAction, set: r53::ResourceRecordSet) -> Result<r53::Change> {
    let broken = |error| Error::new(Class::Invalid, CALL, format!("{error}"));
    r53::Change::builder().action(action).resource_record_set(set).build().map_err(broken)
}

/// Sends a batch: all of it takes effect, or nothing.
pub async fn send(cx: &Aws, zone: &str, batch: Vec<r53::Change>) -> Result<()> {
    let batch =
        r53::ChangeBatch::builder().set_changes(Some(batch)).build().map_err(|e| Error::new(Class::Invalid, CALL, e.to_string()))?;
    let Err(error) = cx.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await else {
        return Ok(());
    };
    // Route 53 has one code for all that is wrong with a batch; its words say what.
    let words = error.as_service_error().map(|service| {
        let listed = match service {
            ChangeResourceRecordSetsError::InvalidChangeBatch(batch) => batch.messages().join("; "),
            _ => String::new(),
        };
        format!("{} {listed}", service.message().unwrap_or_default()).trim().to_owned()
    });
    let mut error = Error::from(error);
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        if words.contains("already exists") {
            error.class = Class::AlreadyExists;
        }
        error.message = words;
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;
    use crate::model::marks::Applied;

    fn marks(stack: &str) -> Marks {
        Marks { stack: stack.into(), address: Address::parse("edge.wildcard").ok(), applied: Applied::Unfinished, ..Marks::default() }
    }

    #[test]
    fn the_owners_of_a_record_stand_beside_it() {
        let id = Id { zone: "Z1".into(), name: "*.hostedehr.org".into(), r#type: RecordType::A };
        let set = Owners::default().with(&marks("one"), false).with(&marks("two"), true).set(&id).unwrap();
        assert_eq!(set.name(), "_reeve-a._wildcard.hostedehr.org");
        assert_eq!(Id::owned_by("Z1", &set).as_ref(), Some(&id));
        assert_eq!(Id::parse(&id.to_string()).unwrap(), id);
        let read = Owners::read(&set);
        assert_eq!(read.marks("one"), Some(marks("one")));
        assert!(read.others("one") && read.marks("three").is_none());
        assert!(read.keeps("two") && !read.keeps("one"));
        assert!(!read.without("two").others("one"));
    }

    #[test]
    fn a_retiring_record_stays_so() {
        let retiring = Owners::default().with(&Marks { retiring: true, ..marks("one") }, false);
        assert!(retiring.with(&marks("one"), false).marks("one").unwrap().retiring);
    }

    #[test]
    fn long_marks_are_cut_into_strings_and_read_whole() {
        let long = "reeve:stack=s ".to_owned() + &"x".repeat(600);
        assert_eq!(unquoted(&quoted(&long)), long);
        assert!(quoted(&long).split("\" \"").all(|part| part.trim_matches('"').len() <= 255));
    }
}
