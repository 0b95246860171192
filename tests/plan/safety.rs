//! What must never be lost, however the plan came to be.

use reeve::kinds::DELETED;
use reeve::model::plan::Verb;
use reeve::plan::fingerprint;
use serde_json::json;

use crate::world::{World, at, changes, id_of, to};

fn refused(world: &World, address: &str) -> bool {
    let plan = world.plan();
    let lost = plan.changes().any(|a| a.address == at(address) && matches!(a.action, Verb::Delete | Verb::Replace));
    assert!(!lost, "{:?}", changes(&plan));
    plan.refusals.iter().any(|refusal| refusal.address == at(address))
}

#[test]
fn a_protected_object_survives_a_change_of_kind_and_a_move_from_another_kind() {
    let mut world = World::files().applied();
    for mount in ["files.mount/a", "files.mount/b"] {
        world.wishes.remove(&at(mount));
    }
    world.wish("files.file_system", "aws.elastic_ip", json!({}));
    assert!(refused(&world, "files.file_system"));

    // One that is not what it says to have been is not made, and what it says stays.
    let mut world = World::files().applied();
    world.wishes.retain(|address, _| !address.is_under("files"));
    world.wish("files.other", "aws.elastic_ip", json!({}));
    world.wishes.get_mut(&at("files.other")).unwrap().moved_from.push(at("files.file_system"));
    assert!(refused(&world, "files.other"));
    assert!(world.plan().waiting.iter().any(|one| one.address == at("files.file_system")), "{:?}", changes(&world.plan()));
}

#[test]
fn a_stripped_mark_does_not_unprotect_what_the_yaml_protects() {
    let mut world = World::files().applied();
    world.live("files.file_system").marks.protect = false;
    world.destroy = true;
    assert!(refused(&world, "files.file_system"));
}

#[test]
fn a_protected_copy_with_the_same_marks_stops_everything() {
    // A restored snapshot bears the tags of what it was made from.
    let mut world = World::files().applied();
    let mut copy = world.live("files.file_system").clone();
    copy.id = "fs-restored".into();
    world.observed.live.push(copy);
    let error = world.try_plan().unwrap_err();
    assert!(error.to_string().contains("fs-restored"), "{error}");
}

#[test]
fn leftovers_are_dropped_under_the_same_rules() {
    let mut world = World::files().applied();
    let mut old = world.live("files.file_system").clone();
    old.id = "fs-old".into();
    old.marks.retiring = true;
    world.observed.live.push(old);
    let plan = world.plan();
    assert!(plan.leftovers.is_empty() && plan.refusals.iter().any(|r| r.reason.contains("fs-old")), "{:?}", plan.refusals);
    world.scope.allow_delete.insert("files.file_system".into());
    assert_eq!(world.plan().leftovers.len(), 1);
    world.scope.target.insert("vpc".into());
    assert!(world.plan().leftovers.is_empty(), "it is outside of what was asked for");
    world.scope.target.clear();
    let plan = world.unreadable("aws.access_point").plan();
    assert!(
        plan.leftovers.is_empty() && plan.waiting.iter().any(|w| w.reason.contains("aws.access_point could not be read")),
        "{:?}",
        plan.waiting
    );
}

#[test]
fn what_is_excluded_keeps_what_it_needs() {
    let mut world = World::files().applied();
    world.scope.allow_delete.insert("files.file_system".into());
    world.scope.exclude.insert("files.mount".into());
    world.destroy = true;
    let plan = world.plan();
    let gone: Vec<String> = plan.changes().map(|action| action.address.to_string()).collect();
    assert!(gone.is_empty(), "mount targets need their subnets, groups, file system and VPC: {gone:?}");
}

#[test]
fn an_unread_or_lost_subnet_does_not_make_strays_of_mount_targets() {
    let world = World::files().applied().unreadable("aws.subnet");
    assert!(changes(&world.plan()).iter().all(|(_, verb, _)| *verb != Verb::Delete), "{:?}", changes(&world.plan()));
    let mut world = World::files().applied();
    world.vanish("vpc.private/a");
    world.observed.unmarked.insert(("aws.subnet".into(), "id:vpc.private/a".into()));
    assert!(changes(&world.plan()).iter().all(|(_, verb, _)| *verb != Verb::Delete), "{:?}", changes(&world.plan()));
}

#[test]
fn a_saved_plan_is_stale_when_protection_was_put_on_since() {
    let mut world = World::files().applied();
    let before = fingerprint(world.live("vpc.vpc"));
    world.live("vpc.vpc").marks.protect = true;
    assert_ne!(before, fingerprint(world.live("vpc.vpc")));
}

#[test]
fn a_replacement_that_is_no_longer_wished_leaves_no_mark() {
    let mut world = World::network().applied();
    world.live("vpc.vpc").marks.retiring = true;
    let plan = world.plan();
    assert_eq!(changes(&plan), [("vpc.vpc".to_owned(), Verb::Update, vec!["change"])]);
    assert_eq!(plan.changes().next().unwrap().edits[0].field, "retiring");
}

#[test]
fn a_key_that_a_staying_object_uses_is_not_replaced_under_it() {
    let mut world = World::files();
    world.wish("files.key", "aws.key", json!({}));
    world.wishes.get_mut(&at("files.key")).unwrap().protect = true;
    world.spec("files.file_system")["kms_key"] = json!(to("files.key"));
    let mut world = world.applied();
    world.spec("files.key")["multi_region"] = json!(true);
    world.scope.allow_delete.insert("files.key".into());
    let plan = world.plan();
    assert!(plan.changes().all(|action| action.action != Verb::Replace), "{:?}", changes(&plan));
    assert!(plan.refusals.iter().any(|refusal| refusal.address == at("files.file_system")), "{:?}", plan.refusals);
}

/// Files that a key encrypts, and one more wish that needs the key and is not there yet.
fn encrypted() -> World {
    let mut world = World::files();
    world.wish("files.key", "aws.key", json!({}));
    world.wishes.get_mut(&at("files.key")).unwrap().protect = true;
    world.spec("files.file_system")["kms_key"] = json!(to("files.key"));
    let mut world = world.applied();
    world.wish("files.more", "aws.file_system", json!({ "kms_key": to("files.key") }));
    world
}

#[test]
fn a_key_that_somebody_scheduled_for_deletion_is_to_be_had_back_and_has_no_successor() {
    let mut world = encrypted();
    world.live("files.key").attributes.insert(DELETED.into(), "on 2026-12-24".into());
    world.shape("files.key")["enabled"] = json!(false);
    world.scope.allow_delete.insert("files".into());
    for multi_region in [false, true] {
        world.spec("files.key")["multi_region"] = json!(multi_region);
        let plan = world.plan();
        assert_eq!(changes(&plan), [], "neither mended nor replaced");
        let refusal = plan.refusals.iter().find(|one| one.address == at("files.key")).expect("a refusal");
        assert!(refusal.reason.contains("on 2026-12-24"), "{refusal:?}");
        for words in ["cancel-key-deletion --key-id id:files.key", "enable-key", "reeve runbook deletion-scheduled"] {
            assert!(refusal.hint.contains(words), "{refusal:?}");
        }
        assert!(plan.waiting.iter().any(|one| one.address == at("files.more")), "{:?}", plan.waiting);
    }
    // Nobody wishes it any more and its loss is allowed: it goes.
    world.destroy = true;
    let plan = world.plan();
    assert!(plan.changes().any(|one| one.address == at("files.key") && one.action == Verb::Delete), "{:?}", plan.refusals);
    world.scope.allow_delete.clear();
    assert!(world.plan().refusals.iter().any(|one| one.address == at("files.key") && one.hint.contains("cancel-key-deletion")));
}

#[test]
fn a_key_that_is_scheduled_for_deletion_and_lost_its_mark_is_to_be_had_back() {
    let mut world = encrypted();
    world.vanish("files.key");
    let key = ("aws.key".to_owned(), id_of(&at("files.key")));
    world.observed.unmarked.insert(key.clone());
    world.observed.doomed.insert(key, "AWS deletes it on 2026-12-24".into());
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    let refusal = plan.refusals.iter().find(|one| one.address == at("files.key")).expect("a refusal");
    assert!(refusal.reason.contains("on 2026-12-24") && refusal.hint.contains("cancel-key-deletion --key-id id:files.key"), "{refusal:?}");
}
