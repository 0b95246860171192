//! What is decided, and why it is said to be.

use reeve::model::edit::Cause;
use reeve::model::marks::Applied;
use reeve::model::plan::Verb;
use reeve::model::{Address, Marks};
use serde_json::json;

use crate::world::{World, at, changes, id_of, to};

fn one(address: &str, verb: Verb, causes: &[&'static str]) -> Vec<(String, Verb, Vec<&'static str>)> {
    vec![(address.to_owned(), verb, causes.to_vec())]
}

#[test]
fn everything_is_created_on_an_empty_account_and_nothing_afterwards() {
    let world = World::files();
    let plan = world.plan();
    assert_eq!(plan.changes().count(), world.wishes.len());
    assert!(plan.changes().all(|action| action.action == Verb::Create));
    assert!(world.applied().plan().is_empty());
}

#[test]
fn a_new_wish_is_a_change_and_a_changed_object_is_drift() {
    let mut world = World::network().applied();
    world.spec("vpc.private/a")["map_public_ip_on_launch"] = json!(true);
    assert_eq!(changes(&world.plan()), one("vpc.private/a", Verb::Update, &["change"]));

    let mut world = World::network().applied();
    world.shape("vpc.private/a")["map_public_ip_on_launch"] = json!(true);
    assert_eq!(changes(&world.plan()), one("vpc.private/a", Verb::Update, &["drift"]));

    // Both: the YAML moved from "default" to true, the live object to something that neither said.
    let mut world = World::network().applied();
    world.spec("vpc.vpc")["enable_dns_hostnames"] = json!(false);
    world.shape("vpc.vpc")["enable_dns_support"] = json!(false);
    assert_eq!(changes(&world.plan()), one("vpc.vpc", Verb::Update, &["change", "drift"]));
}

#[test]
fn a_field_that_is_new_in_the_yaml_and_moved_behind_our_back_is_named_as_both() {
    let mut world = World::network();
    world.spec("vpc.app")["ingress"][0]["from_port"] = json!(443);
    let mut world = world.applied();
    world.spec("vpc.app")["ingress"][0]["from_port"] = json!(80);
    world.shape("vpc.app")["ingress"][0]["from_port"] = json!(22);
    let plan = world.plan();
    assert_eq!(changes(&plan), one("vpc.app", Verb::Update, &["change", "drift"]));
    let edit = plan.changes().next().unwrap().edits[0].clone();
    assert_eq!((edit.field.as_str(), edit.cause, edit.drifted, edit.is_drift()), ("ingress", Cause::Change, true, true));
    assert_eq!(reeve::view::causes(&edit), "change and drift");

    // `reeve drift` shows the field, as drift.
    let (drift, _) = reeve::view::words::drift(plan);
    assert_eq!(changes(&drift), one("vpc.app", Verb::Update, &["drift"]));
    let edits = &drift.changes().next().unwrap().edits;
    assert_eq!((edits.len(), edits[0].field.as_str(), edits[0].cause), (1, "ingress", Cause::Drift));
}

#[test]
fn what_vanished_while_its_yaml_changed_is_both() {
    let mut world = World::files().applied();
    world.vanish("files.mount/b");
    world.spec("files.mount/b")["security_groups"] = json!([to("vpc.db")]);
    let plan = world.plan();
    assert_eq!(changes(&plan), one("files.mount/b", Verb::Create, &["change", "drift"]));
    assert!(plan.changes().next().unwrap().reason.contains("has vanished"));
    let (drift, _) = reeve::view::words::drift(plan);
    assert_eq!(changes(&drift), one("files.mount/b", Verb::Create, &["drift"]));
    assert!(!drift.changes().next().unwrap().edits.is_empty());
}

#[test]
fn a_child_without_tags_keeps_its_address_when_the_yaml_gives_it_up() {
    let mut world = World::files().applied();
    world.wishes.remove(&at("files.mount/b"));
    let plan = world.plan();
    assert_eq!(changes(&plan), one("files.mount/b", Verb::Delete, &["change"]));
    assert_eq!(plan.changes().next().unwrap().reason, "it is no longer in the YAML");
    assert_eq!(reeve::view::words::drift(plan).0.actions.len(), 0, "nobody touched it");

    // Its address has another one by now: it is named after itself, and still is no drift.
    let mut world = World::files().applied();
    world.wish(
        "vpc.private/c",
        "aws.subnet",
        json!({ "vpc": to("vpc.vpc"), "availability_zone": "us-east-1c", "cidr_block": "10.20.32.0/20" }),
    );
    world.spec("files.mount/b")["subnet"] = json!(to("vpc.private/c"));
    let plan = world.plan();
    assert!(plan.changes().all(|one| !one.cause.contains(&Cause::Drift)), "{:?}", changes(&plan));
    let anew = plan.changes().find(|one| one.address == at("files.mount/b")).unwrap();
    assert_eq!((anew.action, anew.reason.as_str()), (Verb::Create, "its subnet changed, by which it is known: it is made anew"));
    let gone: Vec<_> = plan.changes().filter(|one| one.action == Verb::Delete).collect();
    assert_eq!(gone.len(), 1);
    assert!(gone[0].address.as_str().starts_with("files.file_system/mount_target."), "{}", gone[0].address);

    // Without the record it is only known by its parent.
    let mut world = World::files().applied();
    world.made.clear();
    world.wishes.remove(&at("files.mount/b"));
    assert_eq!(changes(&world.plan())[0].2, ["drift"]);
}

#[test]
fn what_vanished_is_drift_and_what_is_new_is_a_change() {
    let mut world = World::files().applied();
    world.vanish("files.mount/b");
    assert_eq!(changes(&world.plan()), one("files.mount/b", Verb::Create, &["drift"]));
    // Without the journal's memory the cause is only a label that falls back; the action is the same.
    world.history.clear();
    assert_eq!(changes(&world.plan()), one("files.mount/b", Verb::Create, &["change"]));
}

#[test]
fn a_replacement_reaches_everything_that_refers_to_it() {
    let mut world = World::network().applied();
    world.spec("vpc.vpc")["cidr_block"] = json!("10.30.0.0/16");
    let plan = world.plan();
    assert!(plan.changes().all(|action| action.action == Verb::Replace), "{:?}", changes(&plan));
    assert_eq!(plan.changes().count(), 5);
    let subnet = plan.changes().find(|action| action.address == at("vpc.private/a")).unwrap();
    assert_eq!(subnet.edits[0].field, "vpc");
    assert!(subnet.edits[0].replace);
    assert_eq!(changes(&plan)[1].2, ["follows"]);
}

#[test]
fn removing_a_wish_deletes_and_protection_refuses_with_the_way_to_do_it() {
    let mut world = World::network().applied();
    world.wishes.remove(&at("vpc.private/b"));
    assert_eq!(changes(&world.plan()), one("vpc.private/b", Verb::Delete, &["change"]));

    // The mark is on the live object: taking the wish away, `protect` and all, does not take the protection away.
    let mut world = World::files().applied();
    for address in ["files.file_system", "files.mount/a", "files.mount/b"] {
        world.wishes.remove(&at(address));
    }
    let plan = world.plan();
    assert_eq!(plan.refusals.len(), 1);
    assert!(plan.refusals[0].hint.contains("--allow-delete files.file_system"), "{}", plan.refusals[0].hint);
    world.scope.allow_delete.insert("files.file_system".into());
    let plan = world.plan();
    assert!(plan.refusals.is_empty());
    assert!(changes(&plan).contains(&("files.file_system".into(), Verb::Delete, vec!["change"])));
}

#[test]
fn a_protected_replacement_is_refused_and_its_users_are_left_alone() {
    let mut world = World::files().applied();
    world.spec("files.file_system")["encrypted"] = json!(false);
    let plan = world.plan();
    assert_eq!(plan.refusals.len(), 1);
    assert!(plan.refusals[0].reason.contains("encrypted"));
    assert_eq!(changes(&plan), []);
}

#[test]
fn nothing_of_an_unreadable_kind_is_made_and_nothing_it_may_use_is_dropped() {
    let mut world = World::network().applied().unreadable("aws.subnet");
    world.wishes.remove(&at("vpc.db"));
    let app = world.spec("vpc.app");
    app["ingress"] = json!([]);
    let plan = world.plan();
    assert_eq!(plan.unreadable.len(), 1);
    assert!(plan.actions.iter().all(|action| action.kind != "aws.subnet"));
    assert_eq!(plan.waiting.len(), 2, "{:?}", plan.waiting);

    // Subnets cannot be read, and they may use the VPC: it stays.
    let mut world = World::network().applied().unreadable("aws.subnet");
    world.wishes.clear();
    let plan = world.plan();
    assert!(!changes(&plan).iter().any(|(address, ..)| address == "vpc.vpc"), "{:?}", changes(&plan));
    assert!(
        plan.waiting.iter().any(|w| w.address == at("vpc.vpc") && w.reason.contains("aws.subnet could not be read")),
        "{:?}",
        plan.waiting
    );
}

#[test]
fn a_lost_mark_is_refused_and_never_answered_with_a_second_object() {
    let mut world = World::network().applied();
    world.vanish("vpc.vpc");
    world.observed.unmarked.insert(("aws.vpc".into(), id_of(&at("vpc.vpc"))));
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    let refusal = plan.refusals.iter().find(|refusal| refusal.address == at("vpc.vpc")).unwrap();
    assert!(refusal.reason.contains("id:vpc.vpc") && refusal.hint.contains("reeve adopt DIR vpc.vpc id:vpc.vpc"), "{refusal:?}");
}

#[test]
fn what_is_excluded_is_neither_refused_nor_waiting() {
    let mut world = World::network().applied();
    world.vanish("vpc.vpc");
    world.vanish("vpc.private/a");
    world.observed.unmarked.insert(("aws.vpc".into(), id_of(&at("vpc.vpc"))));
    // Refused, and waiting as a creation: neither has an action any more.
    let all = world.plan();
    assert!(all.refusals.iter().any(|one| one.address == at("vpc.vpc")), "{:?}", all.refusals);
    assert!(all.waiting.iter().any(|one| one.address == at("vpc.private/a")), "{:?}", all.waiting);
    world.scope.exclude.extend(["vpc.vpc".to_owned(), "vpc.private".to_owned()]);
    let plan = world.plan();
    assert_eq!(plan.refusals, []);
    let excluded = |address: &Address| address.is_under("vpc.vpc") || address.is_under("vpc.private");
    assert!(!plan.waiting.iter().any(|one| excluded(&one.address)), "{:?}", plan.waiting);
    assert_eq!(changes(&plan), [], "what stands in the VPC still does not move to another");
}

#[test]
fn what_needs_something_refused_waits_and_nothing_follows_it_further() {
    let mut world = World::files().applied();
    world.vanish("vpc.vpc");
    world.observed.unmarked.insert(("aws.vpc".into(), id_of(&at("vpc.vpc"))));
    world.wish(
        "vpc.private/c",
        "aws.subnet",
        json!({ "vpc": to("vpc.vpc"), "availability_zone": "us-east-1c", "cidr_block": "10.20.32.0/20" }),
    );
    world.wish(
        "files.mount/c",
        "aws.mount_target",
        json!({ "file_system": to("files.file_system"), "subnet": to("vpc.private/c"), "security_groups": [] }),
    );
    let plan = world.plan();
    assert_eq!(changes(&plan), [], "mount targets use subnets, which use the VPC");
    let waits = |address: &str| plan.waiting.iter().find(|one| one.address == at(address)).map(|one| one.reason.as_str());
    assert_eq!(waits("vpc.private/c"), Some("it needs vpc.vpc, whose mark was lost"));
    assert_eq!(waits("files.mount/c"), Some("it needs vpc.private/c, which waits"));
    assert_eq!(waits("files.mount/a"), None, "its subnet stays");
}

#[test]
fn two_objects_with_one_address_stop_everything_unless_one_attempt_or_a_replacement_explains_them() {
    let base = World::network().applied();
    let twin = |marks: &dyn Fn(&mut Marks)| {
        let mut world = base.clone();
        let mut other = world.live("vpc.vpc").clone();
        other.id = "id:other".into();
        other.made_at = "2026-01-02".into();
        marks(&mut other.marks);
        world.live("vpc.vpc").made_at = "2026-01-01".into();
        world.observed.live.push(other);
        world
    };
    let error = twin(&|marks| marks.attempt = "run-2".into()).try_plan().unwrap_err();
    assert!(error.to_string().contains("id:vpc.vpc") && error.to_string().contains("id:other"), "{error}");

    let plan = twin(&|_| {}).plan();
    assert_eq!((plan.leftovers.len(), plan.leftovers[0].seen.id.as_str()), (1, "id:other"));
    assert_eq!(changes(&plan), []);

    let plan = twin(&|marks| marks.retiring = true).plan();
    assert_eq!(plan.leftovers[0].seen.id, "id:other");
}

#[test]
fn moved_is_a_retag() {
    let mut world = World::network().applied();
    let wish = world.wishes.remove(&at("vpc.private/b")).unwrap();
    world.wishes.insert(at("vpc.inner/b"), reeve::plan::Wished { moved_from: vec![at("vpc.private/b")], ..wish });
    let plan = world.plan();
    assert_eq!(changes(&plan), one("vpc.inner/b", Verb::Update, &["change"]));
    assert_eq!(plan.changes().next().unwrap().edits[0].field, "address");
}

#[test]
fn an_interrupted_change_is_finished_and_is_not_called_drift() {
    let mut world = World::network().applied();
    world.live("vpc.vpc").marks.applied = Applied::Unfinished;
    let plan = world.plan();
    assert_eq!(changes(&plan), one("vpc.vpc", Verb::Update, &["change"]));
    assert!(plan.changes().next().unwrap().reason.contains("interrupted"));
}

#[test]
fn a_new_field_at_its_default_changes_nothing() {
    // The mark of an older version knew fewer fields; what is at its default is not in a mark.
    let world = World::network().applied();
    assert!(world.plan().is_empty());
}

#[test]
fn a_child_that_nobody_wishes_under_our_parent_is_drift() {
    let mut world = World::files().applied();
    let mut stray = world.live("files.mount/a").clone();
    stray.id = "fsmt-0123".into();
    stray.shape["subnet"] = json!("subnet-of-somebody");
    world.observed.live.push(stray);
    let plan = world.plan();
    assert_eq!(changes(&plan), one("files.file_system/mount_target.fsmt-0123", Verb::Delete, &["drift"]));

    // Under a parent that is not ours, it is nobody's business.
    let mut world = World::files().applied();
    let mut foreign = world.live("files.mount/a").clone();
    foreign.id = "fsmt-9".into();
    foreign.shape["file_system"] = json!("fs-of-somebody");
    world.observed.live.push(foreign);
    assert!(world.plan().is_empty());
}

#[test]
fn destroy_keeps_what_is_protected_and_all_that_it_needs() {
    let mut world = World::files().applied();
    world.destroy = true;
    let plan = world.plan();
    assert_eq!(plan.refusals.iter().map(|r| r.address.to_string()).collect::<Vec<_>>(), ["files.file_system"]);
    assert!(changes(&plan).iter().all(|(address, verb, _)| *verb == Verb::Delete && address != "files.file_system"));
    assert_eq!(changes(&plan).len(), 7);

    let mut world = World::files();
    world.wishes.get_mut(&at("files.mount/a")).unwrap().protect = true;
    let mut world = world.applied();
    world.live("vpc.private/a").marks.protect = true;
    world.destroy = true;
    let plan = world.plan();
    let kept: Vec<String> = plan.waiting.iter().map(|w| w.address.to_string()).collect();
    assert_eq!(kept, ["vpc.app", "vpc.db", "vpc.vpc"], "the mount target needs its group, the subnet its VPC: {:?}", plan.waiting);
}

#[test]
fn target_and_exclude_mark_the_plan_incomplete() {
    let mut world = World::files();
    world.scope.target.insert("files.mount/a".into());
    let plan = world.plan();
    assert!(!plan.complete);
    let addresses: Vec<String> = plan.changes().map(|action| action.address.to_string()).collect();
    assert_eq!(addresses, ["files.file_system", "files.mount/a", "vpc.app", "vpc.db", "vpc.private/a", "vpc.vpc"]);

    let mut world = World::files();
    world.scope.exclude.insert("vpc.private".into());
    let plan = world.plan();
    assert!(!plan.complete);
    assert!(plan.changes().all(|action| !action.address.is_under("vpc.private") && !action.address.is_under("files.mount")));
    assert!(plan.waiting.iter().any(|w| w.address == at("files.mount/a") && w.reason.contains("vpc.private/a")), "{:?}", plan.waiting);
}

#[test]
fn a_kind_changed_at_one_address_is_a_replacement() {
    let mut world = World::network().applied();
    world.wish("vpc.db", "aws.internet_gateway", json!({ "vpc": to("vpc.vpc") }));
    world.spec("vpc.app")["ingress"] = json!([]);
    let plan = world.plan();
    assert!(changes(&plan).contains(&("vpc.db".into(), Verb::Replace, vec!["change"])), "{:?}", changes(&plan));
}

#[test]
fn a_setting_that_is_always_there_is_adopted_once() {
    let mut world = World::network();
    world.wish("vpc.default_group", "aws.default_security_group", json!({ "vpc": to("vpc.vpc") }));
    world.wish("fleet.defaults", "aws.ec2_defaults", json!({}));
    let mut world = world.applied();
    assert!(world.plan().is_empty());

    // As AWS made it: bare, whether or not it looks as wished.
    world.live("vpc.default_group").marks = Marks::default();
    assert_eq!(changes(&world.plan()), one("vpc.default_group", Verb::Adopt, &["change"]));
    world.live("vpc.default_group").marks.stack = "other".into();
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    assert!(plan.refusals[0].reason.contains("the stack other"), "{:?}", plan.refusals);

    // What bears no tag is known by the record.
    let mut world = World::default();
    world.wish("fleet.defaults", "aws.ec2_defaults", json!({}));
    let mut world = world.applied();
    world.shape("fleet.defaults")["http_tokens_required"] = json!(false);
    assert_eq!(changes(&world.plan()), one("fleet.defaults", Verb::Update, &["drift"]));
    world.history.clear();
    assert_eq!(changes(&world.plan()), one("fleet.defaults", Verb::Adopt, &["change"]));
}

/// A topic with a subscriber, as applied, and another address of that wished since.
fn subscribed(protect: bool) -> World {
    let mut world = World::default();
    world.wish("obs.topic", "aws.topic", json!({}));
    world.wish("obs.mail", "aws.subscription", json!({ "topic": to("obs.topic"), "endpoint": "a@example.org" }));
    world.wishes.get_mut(&at("obs.mail")).unwrap().protect = protect;
    let mut world = world.applied();
    world.spec("obs.mail")["endpoint"] = json!("b@example.org");
    world
}

/// The same after the new one was made, and the old one's end is held.
fn both() -> World {
    let mut before = subscribed(false);
    let mut old = before.live("obs.mail").clone();
    // It sorts before the new one.
    old.id = "a".to_owned();
    let mut world = before.applied();
    world.before.insert((old.kind.to_owned(), old.id.clone()), at("obs.mail"));
    world.observed.live.insert(0, old);
    world
}

fn reasons(plan: &reeve::model::plan::Plan) -> Vec<(String, Verb, &str, Vec<&Cause>)> {
    plan.changes().map(|one| (one.address.to_string(), one.action, one.reason.as_str(), one.cause.iter().collect())).collect()
}

#[test]
fn a_key_that_the_yaml_changed_is_named_alone_and_is_no_drift() {
    let plan = subscribed(false).plan();
    let all = reasons(&plan);
    let new = ("obs.mail".to_owned(), Verb::Create, "its endpoint changed, by which it is known: it is made anew", vec![&Cause::Change]);
    assert!(all.contains(&new), "{all:?}");
    assert!(all.iter().any(|one| (one.1, one.2) == (Verb::Delete, "it is no longer in the YAML") && one.3 == [&Cause::Change]), "{all:?}");
    assert_eq!((all.len(), reeve::view::words::drift(plan.clone()).0.actions.len()), (2, 0));
}

#[test]
fn what_had_an_address_before_is_neither_what_has_it_nor_drift() {
    let plan = both().plan();
    let all = reasons(&plan);
    assert!(matches!(&all[..], [(_, Verb::Delete, "it is no longer in the YAML", _)]), "{all:?}");

    // Somebody drops the new one: that is drift, though the old one is still there.
    let mut world = both();
    world.vanish("obs.mail");
    let plan = world.plan();
    let all = reasons(&plan);
    let gone = ("obs.mail".to_owned(), Verb::Create, "it was there and has vanished", vec![&Cause::Drift]);
    assert!(all.contains(&gone) && all.len() == 2, "{all:?}");

    // The YAML gives it up: the address is that of the new one.
    let mut world = both();
    world.wishes.remove(&at("obs.mail"));
    let plan = world.plan();
    let of = |address: &str| plan.changes().find(|one| one.address == at(address)).and_then(|one| one.id.clone());
    assert_eq!((of("obs.mail"), plan.changes().count()), (Some(id_of(&at("obs.mail"))), 2), "{:?}", reasons(&plan));
}

#[test]
fn what_is_protected_and_known_by_another_key_now_stays_and_its_successor_is_made() {
    let plan = subscribed(true).plan();
    assert_eq!(changes(&plan), one("obs.mail", Verb::Create, &["change"]));
    assert!(matches!(&plan.refusals[..], [one] if one.reason == "it is protected and is not deleted"), "{:?}", plan.refusals);
}
