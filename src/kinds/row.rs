//! A kind without its type: a row of plain functions, so that the engine can hold all kinds in one table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::info::Info;
use super::{Change, Gone, Kind, Made, Naming, New, Ready, Tags};
use crate::model::edit::{Cause, Edit};
use crate::model::{Address, Marks, Node, node};
use crate::planes::{Class, Error, Plane, Planes, Result};

/// A live object, its type forgotten. Strings in `shape` that refer to others hold live ids.
#[derive(Debug, Clone, Hash)]
pub struct AnyLive {
    /// The kind's name.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What may be asked of it.
    pub attributes: BTreeMap<String, String>,
    /// Its comparable form.
    pub shape: Value,
    /// Its marks.
    pub marks: Marks,
    /// When it was made, in a form that orders as text.
    pub made_at: String,
}

/// What an update of any kind is made of; `have` and `want` are rendered.
#[derive(Debug, Clone)]
pub struct AnyChange {
    /// Its address.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// As it is.
    pub have: Value,
    /// As it should be.
    pub want: Value,
    /// What differs.
    pub fields: BTreeSet<String>,
    /// The marks it bears.
    pub marks: Marks,
    /// A client token.
    pub token: String,
}

/// What a creation of any kind is made of; `want` is rendered.
#[derive(Debug, Clone)]
pub struct AnyNew {
    /// Its address.
    pub address: Address,
    /// As it should be.
    pub want: Value,
    /// The marks to make it with.
    pub marks: Marks,
    /// A client token.
    pub token: String,
    /// What its name is made of.
    pub naming: Naming,
}

/// What a deletion of any kind is made of; `have` is rendered.
#[derive(Debug, Clone)]
pub struct AnyGone {
    /// Its address.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// As it was last seen.
    pub have: Value,
}

/// A spec in canonical JSON, and what is wrong with it that types cannot say: field path and message.
pub type Parsed = (Value, Vec<(String, String)>);

type Call<'a, T> = BoxFuture<'a, Result<T>>;

/// One kind as the engine sees it.
pub struct Row {
    /// `aws.vpc`.
    pub name: &'static str,
    /// Its API page.
    pub page: &'static str,
    /// Where its tags are read.
    pub tags: Tags,
    /// Attributes known once made.
    pub attributes: &'static [&'static str],
    /// Attributes known once ready.
    pub late: &'static [&'static str],
    /// Identity under a parent, for objects without marks.
    pub key: &'static [&'static str],
    /// Protected by default.
    pub stateful: bool,
    /// Replaced by dropping first.
    pub drop_first: bool,
    /// References that, when new, make an exception from that.
    pub beside: &'static [&'static str],
    /// Always there.
    pub singleton: bool,
    /// Marked unfinished while it is made.
    pub many_calls: bool,
    /// Ready as soon as it was made.
    pub at_once: bool,
    /// There for a while after its deletion.
    pub lingers: bool,
    /// Uses what it referred to before until it is ready again.
    pub moves_slowly: bool,
    /// Calls off a deletion that AWS carries out later; empty where there is no such thing.
    pub reprieve: &'static str,
    /// What its deletion leaves behind, in words.
    pub leaves: &'static str,
    /// Parses a spec into the kind's struct and back: checked, defaults filled in, normalised.
    pub canonical: fn(&Value) -> std::result::Result<Value, String>,
    /// Parses a tree of YAML: canonical JSON, and what types cannot say as field path and message. Errors carry their place.
    pub parse: fn(&Node) -> std::result::Result<Parsed, node::Error>,
    /// What types cannot say: field path and message.
    pub check: fn(&Value) -> Vec<(String, String)>,
    /// [`Kind::starts`].
    pub starts: fn(&Value) -> bool,
    /// [`Kind::restate`].
    pub restate: fn(&mut Value, &Value),
    /// [`Kind::must_replace`].
    pub must_replace: fn(&Value, &Value, &BTreeSet<String>) -> bool,
    /// [`Kind::fetch`].
    pub fetch: fn(&Planes) -> Call<'_, Vec<AnyLive>>,
    /// [`Kind::name_of`].
    pub name_of: fn(AnyNew) -> Option<String>,
    /// [`Kind::namesake`].
    pub namesake: fn(&Planes, AnyNew) -> Call<'_, Option<String>>,
    /// [`Kind::create`].
    pub create: fn(&Planes, AnyNew) -> Call<'_, Made>,
    /// [`Kind::update`].
    pub update: fn(&Planes, AnyChange) -> Call<'_, ()>,
    /// [`Kind::delete`].
    pub delete: fn(&Planes, AnyGone) -> Call<'_, ()>,
    /// [`Kind::ready`].
    pub ready: for<'a> fn(&'a Planes, String) -> Call<'a, Ready>,
    /// [`Kind::mark`].
    pub mark: for<'a> fn(&'a Planes, String, Marks) -> Call<'a, ()>,
    schema: fn() -> Value,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Row {
    /// What its schema says; derived once.
    #[must_use]
    pub fn info(&self) -> &'static Info {
        static INFOS: OnceLock<HashMap<&'static str, OnceLock<Info>>> = OnceLock::new();
        static UNLISTED: OnceLock<Info> = OnceLock::new();
        let infos = INFOS.get_or_init(|| super::rows().map(|row| (row.name, OnceLock::new())).collect());
        infos.get(self.name).unwrap_or(&UNLISTED).get_or_init(|| Info::of((self.schema)()))
    }

    /// The plane: the part of the name before the dot.
    #[must_use]
    pub fn plane(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(plane, _)| plane)
    }

    /// Whether an old one of the kind `old` has to go before a replacement for `edits` is made. One of another kind is in nobody's way.
    #[must_use]
    pub fn drops_first(&self, old: &str, edits: &[Edit]) -> bool {
        self.drop_first
            && self.name == old
            && !edits.iter().any(|edit| edit.cause == Cause::Follows && self.beside.contains(&edit.field.as_str()))
    }

    /// Whether it has an attribute of that name.
    #[must_use]
    pub fn has_attribute(&self, name: &str) -> bool {
        name == "id" || self.attributes.contains(&name) || self.late.contains(&name)
    }
}

/// The row of the kind of that name.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Row> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Row>> = OnceLock::new();
    BY_NAME.get_or_init(|| super::rows().map(|row| (row.name, row)).collect()).get(name).copied()
}

/// The row of kind `K`.
#[must_use]
pub const fn row<K: Kind>() -> Row {
    Row {
        name: K::NAME,
        page: K::PAGE,
        tags: K::TAGS,
        attributes: K::ATTRIBUTES,
        late: K::LATE,
        key: K::KEY,
        stateful: K::STATEFUL,
        drop_first: K::DROP_FIRST,
        beside: K::BESIDE,
        singleton: K::SINGLETON,
        many_calls: K::MANY_CALLS,
        at_once: K::AT_ONCE,
        lingers: K::LINGERS,
        moves_slowly: K::MOVES_SLOWLY,
        reprieve: K::REPRIEVE,
        leaves: K::LEAVES,
        canonical: |spec| serde_json::from_value::<K>(spec.clone()).and_then(serde_json::to_value).map_err(|error| error.to_string()),
        parse: |spec| {
            let kind: K = node::from_node(spec)?;
            let wrong = kind.check();
            serde_json::to_value(&kind).map(|value| (value, wrong)).map_err(serde::de::Error::custom)
        },
        check: |spec| {
            serde_json::from_value::<K>(spec.clone()).map_or_else(|error| vec![(String::new(), error.to_string())], |k| k.check())
        },
        starts: |spec| typed::<K>(spec.clone(), "starts").is_ok_and(|k| k.starts()),
        restate: |have, want| {
            if let (Ok(mut h), Ok(w)) = (typed::<K>(have.clone(), "restate"), typed::<K>(want.clone(), "restate")) {
                K::restate(&mut h, &w);
                if let Ok(restated) = serde_json::to_value(h) {
                    *have = restated;
                }
            }
        },
        must_replace: |have, want, changed| match (typed::<K>(have.clone(), "replace"), typed::<K>(want.clone(), "replace")) {
            (Ok(have), Ok(want)) => K::must_replace(&have, &want, changed),
            _ => false,
        },
        fetch: |planes| {
            async move {
                let live = K::fetch(K::Plane::of(planes)?).await?;
                live.into_iter()
                    .map(|one| {
                        let shape = serde_json::to_value(one.shape)
                            .map_err(|error| Error::new(Class::Invalid, K::NAME, format!("the shape of {} is no JSON: {error}", one.id)))?;
                        let attributes = one.attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                        Ok(AnyLive { kind: K::NAME, id: one.id, attributes, shape, marks: one.marks, made_at: one.made_at })
                    })
                    .collect()
            }
            .boxed()
        },
        name_of: |new| typed_new::<K>(new).ok().and_then(|new| K::name_of(&new)),
        namesake: |planes, new| async move { K::namesake(K::Plane::of(planes)?, &typed_new::<K>(new)?).await }.boxed(),
        create: |planes, new| async move { K::create(K::Plane::of(planes)?, &typed_new::<K>(new)?).await }.boxed(),
        update: |planes, change| {
            async move {
                let AnyChange { address, id, attributes, have, want, fields, marks, token } = change;
                let (have, want) = (typed(have, K::NAME)?, typed(want, K::NAME)?);
                K::update(K::Plane::of(planes)?, &Change { address, id, attributes, have, want, fields, marks, token }).await
            }
            .boxed()
        },
        delete: |planes, gone| {
            async move {
                let AnyGone { address, id, attributes, have } = gone;
                let have = typed(have, K::NAME)?;
                K::delete(K::Plane::of(planes)?, &Gone { address, id, attributes, have }).await
            }
            .boxed()
        },
        ready: |planes, id| async move { K::ready(K::Plane::of(planes)?, &id).await }.boxed(),
        mark: |planes, id, marks| async move { K::mark(K::Plane::of(planes)?, &id, &marks).await }.boxed(),
        schema: || {
            let settings = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
            settings.into_generator().into_root_schema_for::<K>().to_value()
        },
    }
}

fn typed_new<K: Kind>(new: AnyNew) -> Result<New<K>> {
    let AnyNew { address, want, marks, token, naming } = new;
    Ok(New { address, want: typed(want, K::NAME)?, marks, token, naming })
}

fn typed<K: Kind>(spec: Value, call: &str) -> Result<K> {
    serde_json::from_value(spec).map_err(|error| Error::new(Class::Invalid, call, format!("the spec does not fit the kind: {error}")))
}
