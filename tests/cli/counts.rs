//! Each resource is counted once, and the numbers of plan, show, report, journal and `--stats` are the same ones.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use reeve::model::Address;
use reeve::model::census::{Applied, Census, Drifted};
use reeve::model::plan::{By, Plan, Refusal, Verb};
use reeve::model::report::{Do, Failure, Report};
use reeve::view::words::{drift, statistics, summary};
use serde_json::json;

use crate::golden::many;
use crate::support::Stack;
use crate::world::{World, at};

/// The number before each word of a sum: `3 to create` is `("to create", 3)`.
fn numbers(text: &str) -> BTreeMap<String, usize> {
    let parts = text.trim_end_matches('.').split([',', ';', ':']);
    parts
        .filter_map(|part| {
            let (number, word) = part.trim().split_once(' ')?;
            Some((word.to_owned(), number.parse().ok()?))
        })
        .collect()
}

/// The numbers of a plan's last line that are of resources, added up.
fn told(text: &str) -> usize {
    numbers(text).iter().filter(|(word, _)| !word.contains("object") && !word.contains("could not be read")).map(|(_, number)| number).sum()
}

/// A plan counts every resource that it speaks of once, whoever counts.
fn is_sound(plan: &Plan) {
    let mut all: Vec<&Address> = plan.actions.iter().map(|one| &one.address).collect();
    all.extend(plan.refusals.iter().map(|one| &one.address).chain(plan.waiting.iter().map(|one| &one.address)));
    all.sort();
    all.dedup();
    let census = Census::of(plan);
    assert_eq!(census.total(), all.len(), "{census:?}");
    assert_eq!(told(&summary(plan)), all.len(), "{}", summary(plan));
    assert_eq!(statistics(plan).iter().map(|(_, number)| number).sum::<usize>(), all.len());
    let Drifted { drifted, renewed, refused, waiting, same } = Drifted::of(plan);
    assert_eq!(drifted + renewed + refused + waiting + same, all.len());
    let (shown, words) = drift(plan.clone());
    assert_eq!(shown.actions.len(), drifted);
    assert_eq!(
        told(words.summary.split(" (see").next().unwrap()) + told(words.summary.split("`)").nth(1).unwrap_or_default()),
        all.len(),
        "{}",
        words.summary
    );
    // Before anything is applied, nothing of it is done.
    let nothing = Applied::of(plan, &Report::default());
    assert_eq!((nothing.not_begun, nothing.total()), (plan.changes().count(), plan.changes().count()));
}

#[test]
fn every_sort_of_plan_counts_each_resource_once() {
    let mut destroyed = World::files().applied();
    destroyed.destroy = true;
    is_sound(&destroyed.plan());
    let Census { changes, refused, waiting, same, .. } = Census::of(&destroyed.plan());
    assert_eq!((changes[&Verb::Delete], refused, waiting, same), (7, 1, 0, 0));

    // What waits is not as it should be, and what was refused does not wait besides.
    let mut unread = World::files().applied();
    unread.wishes.remove(&at("files.file_system"));
    let unread = unread.unreadable("aws.subnet").plan();
    is_sound(&unread);
    assert!(!unread.waiting.is_empty() && !unread.refusals.is_empty());
    let held = |address: &Address| {
        unread.waiting.iter().any(|one| one.address == *address) || unread.refusals.iter().any(|one| one.address == *address)
    };
    let idle = unread.actions.iter().filter(|one| one.action == Verb::NoOp && !held(&one.address)).count();
    assert_eq!((Census::of(&unread).same, idle < unread.actions.len()), (idle, true));

    // A drift before the first apply: nothing is, so nothing drifted, and all is new.
    let first = World::files().plan();
    is_sound(&first);
    assert_eq!(drift(first).1.summary, "No drift: 8 resources differ only because their YAML is new (see `reeve plan DIR`).");

    let mut part = many();
    part.scope.target.insert("vpc".to_owned());
    is_sound(&part.plan());

    // Two policies refuse one creation: it is one resource, and it is not created.
    let mut forbidden = many().plan();
    let before = Census::of(&forbidden);
    let refusal = Refusal { address: at("vpc.private/c"), reason: "no".into(), hint: String::new(), by: By::Policy };
    forbidden.refusals.extend([refusal.clone(), Refusal { reason: "neither".into(), ..refusal }]);
    is_sound(&forbidden);
    let census = Census::of(&forbidden);
    assert_eq!((census.refused, census.changes[&Verb::Create]), (1, before.changes[&Verb::Create] - 1));
}

#[test]
fn an_old_object_is_no_resource() {
    let mut world = World::network().applied();
    let mut old = world.live("vpc.private/a").clone();
    old.id = "id:old".into();
    old.marks.retiring = true;
    world.observed.live.push(old);
    let plan = world.plan();
    assert_eq!(plan.leftovers.len(), 1, "{plan:#?}");
    is_sound(&plan);
    assert_eq!(summary(&plan), "1 old object left over to drop; 5 resources are as they should be.");
    let applied = Applied::of(&plan, &Report { dropped: 1, ..Report::default() });
    assert_eq!((applied.total(), applied.dropped, applied.left), (0, 1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_plan_counts_each_resource_once(
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        vanished in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        unread in prop::option::of(prop::sample::select(vec!["aws.subnet", "aws.security_group", "aws.mount_target", "aws.vpc"])),
        target in prop::option::of(prop::sample::select(vec!["vpc", "files", "edge", "vpc.private/a"])),
        exclude in prop::option::of(prop::sample::select(vec!["vpc.app", "files", "vpc.private"])),
        destroy in any::<bool>(),
    ) {
        let mut world = many();
        for one in gone {
            let address = one.get(&world.wishes.keys().cloned().collect::<Vec<_>>()).clone();
            world.wishes.remove(&address);
        }
        for one in vanished {
            let at = one.index(world.observed.live.len());
            world.observed.live.remove(at);
        }
        if let Some(kind) = unread {
            world = world.unreadable(kind);
        }
        world.scope.target.extend(target.map(str::to_owned));
        world.scope.exclude.extend(exclude.map(str::to_owned));
        world.destroy = destroy;
        // A conflict is no plan.
        if let Ok(plan) = world.try_plan() {
            is_sound(&plan);
        }
    }

    #[test]
    fn an_apply_counts_each_resource_once(fates in prop::collection::vec(0..6_u8, 10)) {
        let plan = many().plan();
        let mut report = Report::default();
        for (action, fate) in plan.changes().zip(fates) {
            let address = action.address.clone();
            // Some fates come together: what failed had begun, what is in flight too.
            match fate {
                0 => report.finished.push(address),
                1 => report.failed.push(Failure { address, what: Do::Create, class: String::new(), error: String::new(), namesake: None }),
                2 => report.unknown.push(address),
                3 => report.begun.push(address),
                4 => {
                    report.begun.push(address.clone());
                    report.failed.push(Failure { address, what: Do::Ready, class: String::new(), error: String::new(), namesake: None });
                }
                _ => {}
            }
        }
        let applied = Applied::of(&plan, &report);
        prop_assert_eq!(applied.total(), plan.changes().count());
        prop_assert_eq!(applied.done, report.finished.len());
        prop_assert_eq!(applied.failed, report.failed.len());
    }
}

#[tokio::test]
async fn plan_show_report_journal_and_stats_tell_the_same_numbers() {
    let stack = Stack::new("counted").await;
    let dir = stack.dir();
    let plan = stack.ends(2, &["plan", dir, "--target", "vpc", "--out", "plans/p.json", "--stats"]);
    let actions = plan.stats()["actions"].clone();
    let (created, same) = (actions["create"].as_u64().unwrap(), actions["no-op"].as_u64().unwrap_or_default());
    let sum = plan.out.lines().find(|line| line.starts_with(&format!("{created} to create"))).unwrap().to_owned();
    assert!(created > 10 && told(&sum) as u64 == created + same, "{}", plan.out);
    assert!(stack.ends(0, &["show", "plans/p.json"]).out.contains(&sum));
    let drift = stack.ends(0, &["drift", dir, "--target", "vpc"]).out;
    assert!(drift.contains(&format!("{created} resources differ only because their YAML is new (see `reeve plan {dir}`).")), "{drift}");

    // Interrupted: what is done and what is not make up the whole.
    let apply = ["apply", dir, "--target", "vpc", "--auto-approve", "--parallelism", "1"];
    let mut child = stack.command(&apply).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut heard = String::new();
    while !heard.contains("created") {
        assert!(lines.read_line(&mut heard).unwrap() > 0, "it ended too soon: {heard}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    lines.read_to_string(&mut heard).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{heard}");
    assert!(heard.contains(&format!("Changing {created} resources, 1 step at a time")), "{heard}");
    let line = heard.lines().find(|line| line.starts_with("Interrupted after")).unwrap();
    let sum = line.split_once(": ").unwrap().1.split(" (see").next().unwrap();
    let numbers = numbers(&sum.replace(&format!(" of {created} resources"), ""));
    assert_eq!(numbers.values().sum::<usize>() as u64, created, "{line}");
    let done = numbers["done"];
    assert!(heard.ends_with(&format!("To go on: reeve apply {dir} --target vpc --parallelism 1\n")), "{heard}");
    let list = stack.ends(0, &["journal", "list", dir]).out;
    assert!(list.contains(&format!("exit 130, interrupted: {done} of {created} resources done")), "{list}");

    // One that had begun may be whole by now: the next plan knows.
    let next = stack.ends(2, &["plan", dir, "--target", "vpc", "--stats"]).stats()["actions"].clone();
    let rest: u64 =
        next.as_object().unwrap().iter().filter(|(class, _)| *class != "no-op").map(|(_, number)| number.as_u64().unwrap()).sum();
    assert!(rest <= created - done as u64, "{next}");
    let apply = stack.ends(0, &["apply", dir, "--target", "vpc", "--auto-approve", "--stats"]);
    apply.says(&[&format!("Changing {rest} resources"), &format!("Applied: {rest} resources done in")]);
    let after = stack.ends(0, &["plan", dir, "--target", "vpc", "--stats"]);
    assert_eq!(after.stats()["actions"], json!({ "no-op": created + same }));
    assert!(stack.ends(0, &["journal", "list", dir]).out.contains(&format!("exit 0: {rest} of {rest} resources done")));
}
