//! What is protected and was deleted at the console is not made anew and empty. Brought back from a backup it is adopted, and then there is nothing to
//! replace. The commands are those of `runbooks/vanished.md`.

use std::collections::BTreeSet;

use aws_sdk_ssm::types as ssm;
use reeve::kinds::lookup;
use reeve::kinds::row::AnyGone;
use reeve::model::plan::{Plan, Scope, Verb};

use crate::adopt::adopt;
use crate::support::{Estate, Ground, at, changes};

const FILES: [&str; 4] = ["files.file_system", "files.mount/a", "files.mount/b", "files.mount/c"];

/// Deletes what is at `address` behind our back, whatever protects it.
async fn strike(estate: &Estate, plan: &Plan, address: &str) {
    let seen = &plan.seen[&at(address)];
    let row = lookup(&seen.kind).expect("a kind");
    let live = (row.fetch)(&estate.session.planes().fresh()).await.expect("a listing");
    let live = live.into_iter().find(|one| one.id == seen.id).unwrap_or_else(|| panic!("{address} is live"));
    let gone = AnyGone { address: at(address), id: live.id, attributes: live.attributes, have: live.shape };
    (row.delete)(estate.session.planes(), gone).await.unwrap_or_else(|error| panic!("{address}: {error}"));
}

fn refused(plan: &Plan) -> BTreeSet<&str> {
    assert!(plan.refusals.iter().all(|one| one.hint.contains("reeve runbook vanished")), "{:#?}", plan.refusals);
    plan.refusals.iter().map(|one| one.address.as_str()).collect()
}

#[tokio::test]
async fn a_restored_database_is_taken_back_and_nothing_is_replaced() {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    estate.apply().await;
    let before = estate.plan().await;
    let id = before.seen[&at("database.server")].id.clone();
    let rds = estate.session.connection.aws.rds.clone();
    let was = rds.describe_db_instances().db_instance_identifier(&id).send().await.expect("it").db_instances.expect("it").remove(0);
    rds.create_db_snapshot().db_instance_identifier(&id).db_snapshot_identifier("nightly").send().await.expect("a snapshot");
    strike(&estate, &before, "database.server").await;

    let plan = estate.plan().await;
    assert_eq!(refused(&plan), ["database.server"].into());
    assert_eq!(changes(&plan), Vec::<String>::new(), "what names it waits");
    assert!(plan.waiting.iter().all(|one| one.reason == "it needs database.server, which has vanished"), "{:#?}", plan.waiting);
    estate.apply_plan(&plan).await;
    assert!(rds.describe_db_instances().send().await.expect("servers").db_instances().is_empty(), "no empty one was made");

    let groups = was.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id.clone()).collect();
    let subnets = was.db_subnet_group().and_then(|group| group.db_subnet_group_name()).expect("a group");
    let parameters = was.db_parameter_groups()[0].db_parameter_group_name().expect("a group");
    let restore = rds.restore_db_instance_from_db_snapshot().db_instance_identifier(&id).db_snapshot_identifier("nightly");
    let restore = restore.db_subnet_group_name(subnets).db_parameter_group_name(parameters).set_vpc_security_group_ids(Some(groups));
    restore.db_instance_class("db.r6g.large").multi_az(true).port(3307).send().await.expect("it is restored");
    let key = was.master_user_secret().and_then(|secret| secret.kms_key_id()).expect("a key");
    let modify = rds.modify_db_instance().db_instance_identifier(&id).manage_master_user_password(true).apply_immediately(true);
    modify.master_user_secret_kms_key_id(key).send().await.expect("its password is in a secret");

    // A restored one bears no tags, or those of its snapshot: then it is ours already.
    if !estate.live().await.iter().any(|one| one.id == id) {
        adopt(&estate, "database.server", &id).await.expect("it is taken back");
    }
    let plan = estate.plan().await;
    assert_eq!(plan.refusals, []);
    assert!(plan.changes().all(|one| one.action == Verb::Update), "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    assert_eq!(estate.object("database.server").await.id, id);
}

#[tokio::test]
async fn files_a_bucket_and_a_secret_are_taken_back_or_given_up_on_purpose() {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    estate.apply().await;
    let before = estate.plan().await;
    let secret = before.seen.iter().find(|(address, seen)| seen.kind == "aws.parameter" && estate.wishes[*address].protect);
    let (secret, name) = secret.map(|(address, seen)| (address.to_string(), seen.id.clone())).expect("a tenant's secret");
    let aws = estate.session.connection.aws.clone();
    let was = aws.ssm.describe_parameters().send().await.expect("parameters").parameters.unwrap_or_default();
    let was = was.into_iter().find(|one| one.name() == Some(&name)).expect("its description");
    let bucket = before.seen[&at("observability.trail_bucket")].id.clone();
    for address in FILES.iter().rev() {
        for point in before.seen.keys().filter(|one| one.is_under("files.access_point") && *address == FILES[0]) {
            strike(&estate, &before, point.as_str()).await;
        }
        strike(&estate, &before, address).await;
    }
    for address in [&secret, "observability.trail_bucket"] {
        strike(&estate, &before, address).await;
    }
    let plan = estate.plan().await;
    assert_eq!(refused(&plan), [FILES[0], &secret, "observability.trail_bucket"].into());
    assert!(plan.changes().all(|one| one.action != Verb::Create && one.action != Verb::Replace), "{:#?}", changes(&plan));

    // The secret: its value is in the tenant's own configuration still. The pattern is how its length is known.
    let put = aws.ssm.put_parameter().name(&name).r#type(ssm::ParameterType::SecureString).value("A".repeat(32));
    let put = put.set_key_id(was.key_id).set_allowed_pattern(was.allowed_pattern);
    put.send().await.expect("a parameter");
    adopt(&estate, &secret, &name).await.expect("it is taken back");
    // The bucket, under its name.
    aws.s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
    adopt(&estate, "observability.trail_bucket", &bucket).await.expect("it is taken back");
    // The files are given up.
    let scope = Scope { allow_delete: [FILES[0].to_owned()].into(), ..Scope::default() };
    let plan = estate.plan_with(scope, false).await;
    assert_eq!((plan.refusals.len(), plan.waiting.len()), (0, 0), "{:#?} {:#?}", plan.refusals, plan.waiting);
    assert!(plan.changes().any(|one| one.address == at(FILES[0]) && one.action == Verb::Create));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    let after = estate.plan().await;
    assert_eq!((&after.seen[&at(&secret)].id, &after.seen[&at("observability.trail_bucket")].id), (&name, &bucket));
}

#[tokio::test]
async fn what_we_dropped_ourselves_is_made_again_without_a_question() {
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    crate::support::wish(&mut estate.wishes, "net.bucket", "aws.bucket", &serde_json::json!({}));
    crate::support::wish(&mut estate.wishes, "net.key", "aws.key", &serde_json::json!({}));
    estate.wishes.values_mut().for_each(|wish| wish.protect = true);
    estate.apply().await;
    let all = estate.wishes.keys().map(ToString::to_string).collect();
    let destroyed = estate.plan_with(Scope { allow_delete: all, ..Scope::default() }, true).await;
    estate.apply_plan(&destroyed).await;
    estate.apply().await;
    estate.is_converged().await;

    // Moved by an apply, then struck under its new address; and protection may be given up in the YAML.
    let wish = estate.wishes.remove(&at("net.bucket")).expect("a wish");
    estate.wishes.insert(at("net.store"), reeve::plan::Wished { moved_from: vec![at("net.bucket")], ..wish });
    estate.apply().await;
    strike(&estate, &estate.plan().await, "net.store").await;
    assert_eq!(refused(&estate.plan().await), ["net.store"].into());
    estate.wishes.get_mut(&at("net.store")).expect("a wish").protect = false;
    estate.apply().await;
    estate.is_converged().await;
}
