//! What every kind owes: documentation, an API page, and marks that every AWS service takes.

use std::collections::{BTreeMap, BTreeSet};

use reeve::kinds::info::branches;
use reeve::kinds::{lookup, rows};
use reeve::model::marks::{Applied, short};
use reeve::model::{Address, Marks};
use serde_json::{Value, json};

#[test]
fn names_are_unique_and_pages_are_those_of_who_made_it() {
    let names: BTreeSet<&str> = rows().map(|row| row.name).collect();
    assert_eq!(names.len(), rows().count());
    for row in rows() {
        let whose = match row.plane() {
            "aws" => "https://docs.aws.amazon.com/",
            "docker" => "https://docs.docker.com/",
            "mysql" => "https://mariadb.com/",
            "files" | "haproxy" => "https://",
            other => panic!("{}: no plane is called {other}", row.name),
        };
        assert!(row.page.starts_with(whose), "{}: {}", row.name, row.page);
        assert!(lookup(row.name).is_some());
    }
}

#[test]
fn what_is_ready_at_once_has_nothing_that_is_known_later() {
    assert!(rows().any(|row| row.at_once));
    for row in rows().filter(|row| row.at_once) {
        assert!(row.late.is_empty(), "{}: {:?}", row.name, row.late);
    }
}

#[test]
fn every_field_says_what_it_is_and_what_it_is_without_being_said() {
    let mut silent = Vec::new();
    for row in rows() {
        let schema = &row.info().schema;
        assert!(schema.get("description").is_some(), "{} does not say what it is", row.name);
        assert_eq!(schema["additionalProperties"], json!(false), "{} takes unknown fields", row.name);
        fields(schema, row.name, &mut silent);
    }
    assert!(silent.is_empty(), "these fields lack a description, or a default that is said: {silent:#?}");
}

fn fields(schema: &Value, path: &str, silent: &mut Vec<String>) {
    for branch in branches(schema) {
        let required: BTreeSet<&str> = branch["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in branch["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let words = field.get("description").and_then(Value::as_str).unwrap_or_default();
            // The constant that names a variant of an enum needs no words of its own.
            if words.is_empty() && field.get("const").is_none() {
                silent.push(format!("{path}: no description"));
            }
            if !required.contains(name.as_str()) && field.get("default").is_none() && !words.to_ascii_lowercase().contains("default") {
                silent.push(format!("{path}: optional, and its default is not said"));
            }
            fields(field, &path, silent);
        }
        if let Some(items) = branch.get("items") {
            fields(items, path, silent);
        }
    }
}

#[test]
fn references_name_kinds_that_are_there() {
    for row in rows() {
        for kind in &row.info().refers_to {
            let there = lookup(kind).is_some() || reeve::kinds::aws::lookups::LOOKUPS.iter().any(|one| one.kind == kind);
            assert!(there, "{} refers to {kind}, which is no kind", row.name);
        }
    }
}

#[test]
fn key_fields_and_exceptions_are_fields() {
    for row in rows() {
        let fields = &row.info().fields;
        for name in row.key.iter().chain(row.beside) {
            assert!(fields.contains_key(*name), "{} has no field {name}", row.name);
        }
        for name in row.attributes.iter().chain(row.late) {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{}.{name}", row.name);
        }
    }
}

#[test]
fn settled_fields_can_be_left_out_at_first() {
    for row in rows() {
        let schema = &row.info().schema;
        let required: BTreeSet<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in &row.info().fields {
            let settle = field.need == reeve::kinds::info::Need::Settle;
            assert!(!(settle && required.contains(name.as_str())), "{}.{name} is made bare first, so it cannot be required", row.name);
        }
    }
}

/// The pattern of tag values that RDS and EFS allow, which is the narrowest; EC2, S3 and the others allow more.
fn is_valid_tag(value: &str) -> bool {
    value.chars().count() <= 256 && value.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
}

#[test]
fn the_marks_of_every_kind_fit_every_service_and_tell_fields_apart() {
    let longest = format!("tenant/{}.{}", "a".repeat(63), "b".repeat(129));
    assert_eq!(longest.len(), 200);
    for row in rows() {
        let info = row.info();
        let values: BTreeMap<&str, Value> = info.fields.keys().map(|name| (name.as_str(), json!("anything at all"))).collect();
        let marks = Marks {
            stack: "a".repeat(63),
            address: Some(Address::parse(&longest).unwrap()),
            applied: Applied::of(values.iter().map(|(name, value)| (*name, value))),
            protect: true,
            attempt: "20261123T180000Z-000001-abcdef01".into(),
            retiring: true,
            stays: false,
        };
        for (name, value) in marks.to_tags() {
            assert!(is_valid_tag(&value), "{} {name}: {value} ({} characters)", row.name, value.len());
        }
        let hashes: BTreeSet<String> = info.fields.keys().map(|name| short(name.as_bytes(), 2)).collect();
        assert_eq!(hashes.len(), info.fields.len(), "two fields of {} have one hash: widen the field hash", row.name);
    }
}
