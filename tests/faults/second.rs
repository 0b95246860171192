//! A crash at any point of the second apply: of replacements, of moves, and of a destruction.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use reeve::model::plan::{Plan, Scope, Verb};
use reeve::model::report::Report;
use reeve::planes::aws::faults::Faults;
use reeve::session::Session;
use serde_json::json;

use crate::crash::{Side, WORKERS, killed_while, points, runtime};
use crate::inventory::Inventory;
use crate::sorts::sorts;
use crate::support::{Wishes, World, at, part_of, run_or_destroy};

/// How a stack becomes another one.
#[derive(Clone)]
struct Change {
    before: Wishes,
    after: Wishes,
    destroy: bool,
    /// All that is done on the way.
    verbs: &'static [Verb],
}

impl Change {
    /// The loss of the file system is meant: the plane of files, which nobody looks at here, may still use it.
    fn scope() -> Scope {
        Scope { allow_delete: ["files".to_owned()].into(), ..Scope::default() }
    }

    async fn run(&self, session: &Session) -> (Plan, Report) {
        run_or_destroy(session, &self.after, Self::scope(), self.destroy).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Of the sorts, those with these addresses and what they need.
fn these(prefixes: &[&str]) -> Wishes {
    part_of(sorts(), prefixes)
}

fn rename(wishes: &mut Wishes, from: &str, to: &str) {
    let mut wish = wishes.remove(&at(from)).expect("a wish");
    wish.moved_from = vec![at(from)];
    wishes.insert(at(to), wish);
    let name = |address: &str| format!("ref(\\\"{address}\\\")");
    for wish in wishes.values_mut() {
        wish.spec = serde_json::from_str(&wish.spec.to_string().replace(&name(from), &name(to))).expect("still JSON");
    }
}

/// A file system with its mount target, which bears no mark, and a group that others hold on to; both under new names as well.
fn replaced() -> Change {
    let before = these(&["files.mount", "net.app"]);
    let mut after = before.clone();
    rename(&mut after, "files.system", "files.store");
    rename(&mut after, "net.app", "net.front");
    after.get_mut(&at("files.store")).expect("a wish").spec["throughput_mode"] = json!("bursting");
    after.get_mut(&at("files.store")).expect("a wish").spec["performance_mode"] = json!("maxIO");
    after.get_mut(&at("net.front")).expect("a wish").spec["description"] = json!("another");
    Change { before, after, destroy: false, verbs: &[Verb::Update, Verb::Replace] }
}

/// New names for objects that are known by a tag, by their own name, and by a text beside them.
fn moved() -> Change {
    let before = these(&["net.app", "watch.alarm", "store.bucket", "watch.logs"]);
    let mut after = before.clone();
    rename(&mut after, "net.vpc", "net.main");
    rename(&mut after, "watch.topic", "watch.tell");
    rename(&mut after, "watch.logs", "watch.lines");
    rename(&mut after, "store.bucket", "store.all");
    Change { before, after, destroy: false, verbs: &[Verb::Update] }
}

fn destroyed() -> Change {
    let before = these(&["files.mount", "net.app", "watch.subscription", "net.nat"]);
    Change { after: before.clone(), before, destroy: true, verbs: &[Verb::Delete] }
}

/// An account in which `before` was applied.
async fn applied(change: &Change) -> World {
    let world = World::new(change.before.clone()).await;
    let (_, report) = world.apply(&world.session().await).await;
    assert!(report.is_whole(), "{report:#?}");
    world
}

/// What AWS holds in the end, and what a further plan still wants.
async fn outcome(world: &World, change: &Change) -> (Inventory, Vec<String>) {
    let session = world.session().await;
    let plan = session.plan(&change.after, Change::scope(), change.destroy, None).await.unwrap_or_else(|error| panic!("{error}")).0;
    let left = plan.changes().map(|action| format!("{action:?}"));
    let left = left.chain(plan.waiting.iter().map(|waits| format!("{waits:?}")));
    let left = left.chain(plan.refusals.iter().map(|refusal| format!("{refusal:?}"))).collect();
    (Inventory::take(&session.connection.aws).await, left)
}

fn crash_everywhere(change: &Change, usual: usize) {
    let (want, changes) = runtime().block_on(async {
        let world = applied(change).await;
        let faults = Faults::new(0);
        let (plan, report) = change.run(&world.faulty(&faults).await).await;
        assert!(report.is_whole(), "{report:#?}");
        let verbs: BTreeSet<Verb> = plan.changes().map(|action| action.action).collect();
        assert_eq!(verbs, change.verbs.iter().copied().collect(), "{:#?}", plan.actions);
        let (want, left) = outcome(&world, change).await;
        assert_eq!(left, Vec::<String>::new(), "a second plan has nothing to do");
        (want, faults.changes())
    });
    assert!(changes.len() > 3, "{changes:?}");
    let sides = [Side::Before, Side::After];
    let todo: Vec<(Side, u32)> =
        sides.iter().flat_map(|side| points(changes.len(), usual).into_iter().map(|point| (*side, point))).collect();
    let next = AtomicUsize::new(0);
    let work = async || {
        while let Some((side, point)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            let what = format!("killed {side:?} change {point} of {} ({})", changes.len(), changes[*point as usize - 1]);
            let world = applied(change).await;
            let faults = side.faults(*point);
            killed_while(&faults, async { format!("{:?}", change.run(&world.faulty(&faults).await).await.1) }).await;
            world.record().await.unlock("the test").await.expect("unlocked");
            let (plan, report) = change.run(&world.session().await).await;
            assert!(report.is_whole() && plan.waiting.is_empty() && plan.refusals.is_empty(), "{what}: {report:#?} {:#?}", plan.waiting);
            let (have, left) = outcome(&world, change).await;
            assert_eq!(left, Vec::<String>::new(), "{what}: a further plan has nothing to do");
            assert_eq!(have.differs_from(&want), Vec::<String>::new(), "{what}");
        }
    };
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| runtime().block_on(work()))).collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).filter(Result::is_err).count()
    });
    assert_eq!(failed, 0, "every point converges");
}

#[test]
fn a_replacement_killed_on_both_sides_of_a_change() {
    crash_everywhere(&replaced(), 6);
}

#[test]
fn moves_killed_on_both_sides_of_a_change() {
    crash_everywhere(&moved(), 3);
}

#[test]
fn a_destruction_killed_on_both_sides_of_a_change() {
    crash_everywhere(&destroyed(), 4);
}
