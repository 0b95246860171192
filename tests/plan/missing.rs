//! What was there and is not found: it is neither made a second time nor made anew and empty, and nobody is lost for its sake.

use reeve::model::edit::Cause;
use reeve::model::marks::Applied;
use reeve::model::plan::{Plan, Refusal, Verb};
use serde_json::json;

use crate::world::{World, at, changes, id_of, to};

/// A network, and a protected database that a protected key encrypts.
fn database() -> World {
    let mut world = World::network();
    world.wish("database.key", "aws.key", json!({}));
    world.wish("database.subnets", "aws.db_subnet_group", json!({ "subnets": [to("vpc.private/a"), to("vpc.private/b")] }));
    let server = json!({ "engine": "mariadb", "engine_version": "10.11", "db_instance_class": "db.r6g.large", "allocated_storage": 200,
        "kms_key": to("database.key"), "db_subnet_group": to("database.subnets"), "vpc_security_groups": [to("vpc.db")] });
    world.wish("database.server", "aws.db_instance", server);
    for address in ["database.key", "database.server"] {
        world.wishes.get_mut(&at(address)).unwrap().protect = true;
    }
    world.applied()
}

/// Its marks are gone; it is there.
fn unmark(world: &mut World, address: &str) {
    let kind = world.wishes[&at(address)].kind.name;
    world.vanish(address);
    world.observed.unmarked.insert((kind.into(), id_of(&at(address))));
}

fn refusal<'p>(plan: &'p Plan, address: &str) -> &'p Refusal {
    plan.refusals.iter().find(|one| one.address == at(address)).unwrap_or_else(|| panic!("{address}: {:#?}", plan.refusals))
}

fn waits<'p>(plan: &'p Plan, address: &str) -> &'p str {
    let found = plan.waiting.iter().find(|one| one.address == at(address));
    &found.unwrap_or_else(|| panic!("{address}: {:#?}", plan.waiting)).reason
}

#[test]
fn a_protected_object_that_has_vanished_is_not_made_anew_and_empty() {
    let mut world = World::files().applied();
    for address in ["files.file_system", "files.mount/a", "files.mount/b"] {
        world.vanish(address);
    }
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    let refused = refusal(&plan, "files.file_system");
    assert_eq!(refused.reason, "it was there, holds what cannot be made again, and has vanished: a new one would be empty");
    for words in ["reeve runbook vanished", "--allow-delete files.file_system"] {
        assert!(refused.hint.contains(words), "{refused:?}");
    }
    assert_eq!(waits(&plan, "files.mount/a"), "it needs files.file_system, which has vanished");

    world.scope.allow_delete.insert("files.file_system".into());
    let plan = world.plan();
    let made: Vec<_> = changes(&plan).into_iter().map(|(address, verb, _)| (address, verb)).collect();
    assert_eq!(made, ["files.file_system", "files.mount/a", "files.mount/b"].map(|one| (one.to_owned(), Verb::Create)));
    assert_eq!((plan.refusals.len(), plan.waiting.len()), (0, 0));
}

#[test]
fn only_what_was_applied_and_is_protected_is_held_back() {
    let mut world = World::files().applied();
    for address in ["files.file_system", "files.mount/a", "files.mount/b"] {
        world.vanish(address);
    }
    let is_made = |world: &World| {
        let plan = world.plan();
        let made = plan.changes().any(|one| one.address == at("files.file_system") && one.action == Verb::Create);
        assert_eq!(made, plan.refusals.is_empty(), "{:#?}", plan.refusals);
        made
    };
    assert!(!is_made(&world));
    // The YAML says that it may be lost.
    let mut open = world.clone();
    open.wishes.get_mut(&at("files.file_system")).unwrap().protect = false;
    assert!(is_made(&open));
    // It was never finished: nothing was ever in it.
    let mut begun = world.clone();
    begun.history.insert(at("files.file_system"), Applied::Unfinished);
    assert!(is_made(&begun));
    // The record was lost, or what was there was dropped by an apply of ours: the history knows nothing.
    world.history.remove(&at("files.file_system"));
    assert!(is_made(&world));
}

#[test]
fn a_protected_object_that_vanished_before_it_was_moved_is_held_back_too() {
    let mut world = World::files().applied();
    world.wishes.retain(|address, _| !address.is_under("files.mount"));
    world.observed.live.retain(|one| !one.id.contains("files."));
    let wish = world.wishes.remove(&at("files.file_system")).unwrap();
    world.wishes.insert(at("files.shared"), reeve::plan::Wished { moved_from: vec![at("files.file_system")], ..wish });
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    assert!(refusal(&plan, "files.shared").reason.contains("it was there as files.file_system"), "{:?}", plan.refusals);
    world.scope.allow_delete.insert("files.shared".into());
    assert_eq!(world.plan().refusals, []);
    // What stands at the old address by now is another resource.
    world.scope.allow_delete.clear();
    world.wish("files.file_system", "aws.file_system", json!({}));
    assert!(world.plan().changes().any(|one| one.address == at("files.shared")));
}

#[test]
fn what_could_not_be_read_has_not_vanished() {
    let world = World::files().applied().unreadable("aws.file_system");
    let plan = world.plan();
    assert_eq!((changes(&plan), plan.refusals.len()), (vec![], 0), "{:#?}", plan.refusals);
    assert_eq!(waits(&plan, "files.file_system"), "aws.file_system could not be read");
}

#[test]
fn nobody_is_lost_for_the_sake_of_what_vanished_or_could_not_be_read() {
    let mut world = database();
    let unread = world.clone().unreadable("aws.key").unreadable("aws.db_subnet_group");
    world.vanish("database.key");
    for (world, why) in [(world, "database.key, which has vanished"), (unread, "database.subnets, which could not be read")] {
        let plan = world.plan();
        assert_eq!(changes(&plan), []);
        assert!(plan.refusals.iter().all(|one| one.address != at("database.server")), "{:#?}", plan.refusals);
        assert_eq!(waits(&plan, "database.server"), format!("it needs {why}"));
    }
}

#[test]
fn nobody_is_lost_for_the_sake_of_a_lost_mark() {
    let mut world = database();
    unmark(&mut world, "vpc.vpc");
    unmark(&mut world, "vpc.private/a");
    for allowed in [false, true] {
        if allowed {
            world.scope.allow_delete.insert("database.server".into());
        }
        let plan = world.plan();
        assert_eq!(changes(&plan), []);
        let refused: Vec<&str> = plan.refusals.iter().map(|one| one.address.as_str()).collect();
        assert_eq!(refused, ["vpc.private/a", "vpc.vpc"], "{:#?}", plan.refusals);
        for address in refused {
            let hint = format!("take it back: reeve adopt DIR {address} id:{address}");
            assert!(refusal(&plan, address).hint.starts_with(&hint), "{:?}", plan.refusals);
        }
        assert_eq!(waits(&plan, "database.subnets"), "it needs vpc.private/a, whose mark was lost");
        let server = plan.actions.iter().find(|one| one.address == at("database.server")).unwrap();
        assert_eq!(server.action, Verb::NoOp, "nothing that it uses becomes new");
    }
}

#[test]
fn refusals_of_lost_marks_come_first() {
    let mut world = database();
    unmark(&mut world, "vpc.vpc");
    world.spec("database.key")["multi_region"] = json!(true);
    let plan = world.plan();
    let refused: Vec<&str> = plan.refusals.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(refused, ["vpc.vpc", "database.key"]);
}

#[test]
fn a_real_replacement_of_what_waits_for_a_lost_mark_is_no_question_yet() {
    let mut world = database();
    unmark(&mut world, "database.subnets");
    world.spec("database.server")["engine"] = json!("mysql");
    let plan = world.plan();
    assert_eq!(waits(&plan, "database.server"), "it needs database.subnets, whose mark was lost");
    assert!(plan.refusals.iter().all(|one| one.address != at("database.server")), "{:#?}", plan.refusals);
}

#[test]
fn what_a_lost_one_stands_on_is_not_made_a_second_time() {
    // All marks of the network were tidied away, and only the database still says where it stands.
    let mut world = database();
    unmark(&mut world, "database.subnets");
    for address in ["vpc.vpc", "vpc.private/a", "vpc.private/b"] {
        world.vanish(address);
    }
    let plan = world.plan();
    assert!(plan.changes().all(|one| one.action != Verb::Create && one.action != Verb::Replace), "{:?}", changes(&plan));
    assert!(refusal(&plan, "database.subnets").hint.contains("reeve adopt DIR database.subnets id:database.subnets"));
    for address in ["vpc.vpc", "vpc.private/a"] {
        assert_eq!(waits(&plan, address), "database.subnets lost its mark and may stand on it: that one is to be taken back first");
    }
}

#[test]
fn which_of_two_lost_ones_it_is_is_said_only_where_it_is_known() {
    let mut world = World::files().applied();
    world.wish("database.subnets", "aws.db_subnet_group", json!({ "subnets": [to("vpc.private/a"), to("vpc.private/b")] }));
    let mut world = world.applied();
    unmark(&mut world, "vpc.private/a");
    unmark(&mut world, "vpc.private/b");
    let plan = world.plan();
    for address in ["vpc.private/a", "vpc.private/b"] {
        let refused = refusal(&plan, address);
        assert!(refused.reason.contains("id:vpc.private/a and id:vpc.private/b"), "{refused:?}");
        assert!(refused.hint.contains(&format!("reeve adopt DIR {address} ID")), "{refused:?}");
    }
    // Another user tells them apart.
    world.wish("vpc.routes", "aws.route_table", json!({ "vpc": to("vpc.vpc"), "subnets": [to("vpc.private/a")] }));
    let mut world = world.applied();
    unmark(&mut world, "vpc.private/a");
    unmark(&mut world, "vpc.private/b");
    let plan = world.plan();
    for address in ["vpc.private/a", "vpc.private/b"] {
        assert!(refusal(&plan, address).hint.contains(&format!("reeve adopt DIR {address} id:{address} ")), "{:?}", plan.refusals);
    }
    // One is there without a mark, the other is gone: which is which nobody can say.
    let mut world = World::network();
    world.wish("database.subnets", "aws.db_subnet_group", json!({ "subnets": [to("vpc.private/a"), to("vpc.private/b")] }));
    let mut world = world.applied();
    unmark(&mut world, "vpc.private/a");
    world.vanish("vpc.private/b");
    world.shape("database.subnets")["subnets"] = json!(["id:vpc.private/a"]);
    let plan = world.plan();
    for address in ["vpc.private/a", "vpc.private/b"] {
        assert!(refusal(&plan, address).hint.starts_with("if it is that one"), "{:?}", plan.refusals);
    }
}

#[test]
fn a_disk_that_was_made_smaller_in_the_yaml_is_told_and_one_that_grew_is_not() {
    let mut world = database();
    world.shape("database.server")["allocated_storage"] = json!(350);
    assert!(world.plan().is_empty(), "RDS has grown it");
    world.spec("database.server")["allocated_storage"] = json!(300);
    let plan = world.plan();
    assert_eq!(plan.refusals, [], "the number was raised, and is outgrown already");

    world.spec("database.server")["allocated_storage"] = json!(100);
    world.spec("database.server")["backup_retention_period"] = json!(7);
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    let refused = refusal(&plan, "database.server");
    assert_eq!(
        refused.reason,
        "allocated_storage was 200 and is 100 in the YAML, but 350 are there: it grows in place and never becomes smaller"
    );
    assert!(refused.hint.contains("put 200 back"), "{refused:?}");
    world.spec("database.server")["allocated_storage"] = json!(200);
    assert_eq!(changes(&world.plan()).len(), 1, "the rest of it is done then");

    // What was applied last is not known: it is forgiven.
    world.spec("database.server")["allocated_storage"] = json!(100);
    world.live("database.server").marks.applied = Applied::Unknown;
    world.history.clear();
    assert_eq!(world.plan().refusals, []);
}

/// The object keeps the name that it was made with, and the old address is free again.
#[test]
fn a_name_that_a_renamed_object_of_ours_keeps_is_not_given_away_nor_its_object() {
    let mut world = World::default();
    let secret = json!({ "generate": { "length": 32 } });
    world.wish("tenant/new.secret", "aws.parameter", secret.clone());
    let mut world = world.applied();
    let name = "/reeve/hostedehr/tenant/old.secret";
    world.live("tenant/new.secret").id = name.to_owned();
    assert_eq!(changes(&world.plan()), []);

    world.wish("tenant/old.secret", "aws.parameter", secret.clone());
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    let refused = refusal(&plan, "tenant/old.secret");
    assert_eq!(refused.reason, "its name is taken: tenant/new.secret, which was renamed, keeps the name that it was made with");
    assert!(refused.hint.contains("do not take tenant/new.secret's object away"), "{refused:?}");

    world.wish("tenant/third.secret", "aws.parameter", secret);
    assert_eq!(changes(&world.plan()).len(), 1, "any other name is free");
}

#[test]
fn what_is_always_there_has_not_vanished_when_its_parent_was_destroyed() {
    let mut world = World::network();
    world.wish("vpc.default_group", "aws.default_security_group", json!({ "vpc": to("vpc.vpc") }));
    let mut world = world.applied();
    let remembered = world.history.get(&at("vpc.default_group")).cloned().unwrap_or(Applied::parse("v1:vpc-ab1234"));
    world.history = [(at("vpc.default_group"), remembered)].into();
    world.observed.live.clear();
    let plan = world.plan();
    assert!(plan.changes().all(|action| action.action == Verb::Create && action.cause == [Cause::Change].into()), "{:#?}", plan.actions);
    assert!(plan.changes().any(|action| action.address == at("vpc.default_group")));
}
