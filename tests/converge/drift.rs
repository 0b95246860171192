//! What differs behind our back is named with cause drift, and nothing else is; an apply mends it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use reeve::kinds::row::{AnyChange, AnyGone};
use reeve::kinds::{Row, aws::KINDS, lookup};
use reeve::model::Address;
use reeve::model::edit::Cause;
use reeve::model::plan::{Plan, Scope, Verb};
use reeve::planes::Aws;

use crate::excused::{From, is_excused};
use crate::support::{Estate, Ground, at, rendered};
use crate::{fields, spare};

/// Writes `fields` of the object at `address` to AWS as the kind would, and leaves its mark as it is.
async fn tamper(estate: &Estate, plan: &Plan, address: &str, spec: &serde_json::Value, fields: BTreeSet<String>) {
    let seen = &plan.seen[&at(address)];
    let row = lookup(&seen.kind).expect("a kind");
    let live = (row.fetch)(&estate.session.planes().fresh()).await.expect("a listing");
    let live = live.into_iter().find(|one| one.id == seen.id).expect("it is live");
    let wanted = rendered(plan, row.name, spec);
    let mut want = live.shape.clone();
    for field in &fields {
        want[field] = wanted.get(field).cloned().unwrap_or_default();
    }
    let change = AnyChange {
        address: at(address),
        id: live.id,
        attributes: live.attributes,
        have: live.shape,
        want,
        fields,
        marks: live.marks,
        token: "by-hand".into(),
    };
    (row.update)(estate.session.planes(), change).await.unwrap_or_else(|error| panic!("{address}: {error}"));
}

/// What a wish can never ask for: the account's settings as they were before anybody tightened them.
async fn loosen_settings(aws: &Aws) {
    let (tokens, off) = (ec2::MetadataDefaultHttpTokensState::NoPreference, "somebody loosens the account's settings");
    aws.ec2.disable_ebs_encryption_by_default().send().await.expect(off);
    aws.ec2.modify_instance_metadata_defaults().http_tokens(tokens).send().await.expect(off);
    aws.ec2.disable_image_block_public_access().send().await.expect(off);
    aws.ec2.disable_snapshot_block_public_access().send().await.expect(off);
}

async fn add_inline_policy(aws: &Aws, role: &str) {
    let name = role.rsplit('/').next().unwrap_or(role);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    aws.iam.put_role_policy().role_name(name).policy_name("backdoor").policy_document(policy).send().await.expect("a policy is added");
}

#[tokio::test]
async fn each_field_that_drifts_is_named_and_mended() {
    let ground = Ground::emulated().await;
    let estate = spare::estate(&ground).await;
    estate.apply().await;
    let plan = estate.plan().await;
    let mut other = estate.wishes.clone();
    let mut by_address: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (address, field) in fields::change(&mut other) {
        by_address.entry(address).or_default().insert(field);
    }
    let aws = &estate.session.connection.aws;
    loosen_settings(aws).await;
    let settings = lookup("aws.ec2_defaults").expect("a kind").info().fields.keys().cloned().collect();
    add_inline_policy(aws, &plan.seen[&at("spare.role")].id).await;
    for (address, fields) in &by_address {
        tamper(&estate, &plan, address, &other[&at(address)].spec, fields.clone()).await;
    }
    by_address.insert("fleet.defaults".into(), settings);
    by_address.entry("spare.role".into()).or_default().insert("inline_policies".into());

    let drifted = estate.plan().await;
    let mut wrong = Vec::new();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for action in drifted.changes() {
        if action.cause != [Cause::Drift].into() || action.action != Verb::Update {
            wrong.push(format!("{:?} {} {:?} {}", action.action, action.address, action.cause, action.reason));
        }
        named.insert(action.address.to_string(), action.edits.iter().map(|edit| edit.field.clone()).collect());
    }
    for (address, fields) in &by_address {
        let found = named.remove(address).unwrap_or_default();
        let kind = other[&at(address)].kind.name;
        let fields: BTreeSet<String> = fields.iter().filter(|field| !is_excused(kind, field, From::ComingBack)).cloned().collect();
        if found != fields {
            wrong.push(format!("{address}: drifted {fields:?}, named {found:?}"));
        }
    }
    wrong.extend(named.iter().map(|(address, fields)| format!("{address}: {fields:?} named though nobody touched it")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    estate.apply_plan(&drifted).await;
    estate.is_converged().await;
}

#[tokio::test]
async fn each_kind_deleted_behind_our_back_is_made_again() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    // As the YAML has it by default.
    let protected = |address: &Address, kind: &Row| kind.stateful && address.is_under("spare");
    estate.wishes.iter_mut().for_each(|(address, wish)| wish.protect |= protected(address, wish.kind));
    estate.apply().await;
    let plan = estate.plan().await;
    let live = estate.live().await;
    let mut gone = BTreeSet::new();
    let mut failed = Vec::new();
    for row in KINDS.iter().filter(|row| !row.singleton && spare::own(row.name).is_none()) {
        let address = at(&spare::address(row));
        let seen = &plan.seen[&address];
        let one = live.iter().find(|one| one.kind == row.name && one.id == seen.id).expect("it is live").clone();
        let gone_for_good = AnyGone { address: address.clone(), id: one.id, attributes: one.attributes, have: one.shape };
        match (row.delete)(estate.session.planes(), gone_for_good).await {
            Ok(()) => {
                while row.lingers && (row.ready)(estate.session.planes(), seen.id.clone()).await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                gone.insert(address);
            }
            Err(error) => failed.push(format!("{address}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // What holds something is not made anew and empty before somebody says so.
    let held: BTreeSet<Address> = gone.iter().filter(|address| estate.wishes[*address].protect).cloned().collect();
    let refusals = estate.plan().await.refusals;
    assert!(held.len() > 5 && refusals.iter().all(|one| one.hint.contains("--allow-delete")), "{refusals:#?}");
    assert_eq!(refusals.iter().map(|one| one.address.clone()).collect::<BTreeSet<_>>(), held);
    let missing = estate.plan_with(Scope { allow_delete: held.iter().map(ToString::to_string).collect(), ..Scope::default() }, false).await;
    let mut wrong = Vec::new();
    for action in missing.changes() {
        let expected = if gone.contains(&action.address) {
            action.action == Verb::Create && action.cause == [Cause::Drift].into()
        } else {
            action.cause == [Cause::Follows].into()
        };
        if !expected {
            wrong.push(format!("{:?} {} {:?} {} {:?}", action.action, action.address, action.cause, action.reason, action.edits));
        }
    }
    let named: BTreeSet<_> = missing.changes().map(|one| one.address.clone()).collect();
    wrong.extend(gone.difference(&named).map(|address| format!("{address} is gone and not named")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(missing.refusals.is_empty() && missing.waiting.is_empty(), "{:#?} {:#?}", missing.refusals, missing.waiting);
    estate.apply_plan(&missing).await;
    estate.is_converged().await;
}
