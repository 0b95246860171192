//! The JSON Schemas of the desired files and of kinds: for editors, for the reference page, and for the checker itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::inputs::is_optional;
use super::module::{self, Module, TENANT};
use super::stack::StackSpec;
use super::tenant::TenantSpec;
use crate::kinds::lookup;

/// The schema of a type, definitions inlined.
pub fn of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
    }
    schema
}

const LABEL: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

/// A document: `apiVersion`, `kind`, `metadata` with a name, and `spec`.
fn document(kind: &str, what: &str, name: &str, mut spec: Json) -> Json {
    if let Some(object) = spec.as_object_mut() {
        object.entry("description").or_insert_with(|| format!("The settings of the {}.", kind.to_lowercase()).into());
    }
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": { "const": "reeve/v1", "description": "The version of this language." },
            "kind": { "const": kind, "description": what },
            "metadata": {
                "type": "object",
                "description": "What it is called.",
                "required": ["name"],
                "additionalProperties": false,
                "properties": { "name": { "type": "string", "description": name } },
            },
            "spec": spec,
        },
    })
}

/// The schema of a stack: its own fields and a section for each module.
pub fn stack(modules: &BTreeMap<String, Module>) -> Json {
    let mut spec = of::<StackSpec>();
    let mut required: Vec<Json> = Vec::new();
    let sections: Map<String, Json> = modules
        .values()
        .filter(|module| {
            module.name != TENANT || module.schema.pointer("/properties").and_then(Json::as_object).is_some_and(|p| !p.is_empty())
        })
        .map(|module| {
            let mut schema = module.schema.clone();
            if let (Some(object), Some(doc)) = (schema.as_object_mut(), &module.doc) {
                object.insert("description".into(), doc.clone().into());
            }
            if !is_optional(&schema) {
                required.push(module.name.clone().into());
            }
            (module.name.clone(), schema)
        })
        .collect();
    if let Some(Json::Array(own)) = spec.get_mut("required") {
        own.extend(required);
    }
    if let Some(Json::Object(properties)) = spec.get_mut("properties") {
        for (name, schema) in sections {
            properties.entry(name).or_insert(schema);
        }
    }
    if let Some(object) = spec.as_object_mut() {
        object.insert("additionalProperties".into(), false.into());
    }
    document(
        "Stack",
        "The estate as a whole: a folder has exactly one.",
        "The stack's name, a DNS label: part of every name, tag and label that reeve makes.",
        spec,
    )
}

/// Whether a section of that name would hide a field of the stack's own.
pub fn is_own_field(name: &str) -> bool {
    of::<StackSpec>().pointer("/properties").and_then(Json::as_object).is_some_and(|fields| fields.contains_key(name))
}

/// The schema of a tenant.
pub fn tenant() -> Json {
    document(
        "Tenant",
        "A tenant: one OpenMRS instance on a subdomain of its own.",
        "The tenant's name, a DNS label: it answers at NAME.domain.",
        of::<TenantSpec>(),
    )
}

/// The schema of a policy.
pub fn policy() -> Json {
    document(
        "Policy",
        "A rule of this stack that every plan is held against.",
        "The policy's name, in reports and refusals.",
        of::<super::policy::PolicySpec>(),
    )
}

/// A stack's name and a tenant's are DNS labels; the checks say so in better words than a pattern could.
pub fn is_label(name: &str) -> bool {
    let inner = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    inner && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-')
}

/// The schema of the files of a stack's folder, for editors: every document is one of these.
pub fn files(modules: &BTreeMap<String, Module>) -> Json {
    let mut module = module::document_schema();
    let definitions = module.as_object_mut().and_then(|object| object.remove("$defs")).unwrap_or_else(|| json!({}));
    let labelled = |mut schema: Json| {
        if let Some(name) = schema.pointer_mut("/properties/metadata/properties/name").and_then(Json::as_object_mut) {
            name.insert("pattern".into(), LABEL.into());
        }
        schema
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A document of a reeve stack",
        "oneOf": [labelled(stack(modules)), labelled(tenant()), module, labelled(policy())],
        "$defs": definitions,
    })
}

/// The schema of a kind with its API page; nothing when there is no such kind.
pub fn kind(name: &str) -> Option<Json> {
    let row = lookup(name)?;
    let mut schema = row.info().schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".into(), row.name.into());
        object.insert("title".into(), row.name.into());
        object.insert("x-page".into(), row.page.into());
        object.insert("x-attributes".into(), row.attributes.iter().chain(row.late).copied().chain(["id"]).collect());
    }
    Some(schema)
}
