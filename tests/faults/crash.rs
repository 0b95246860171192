//! A crash at any point, then the same command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reeve::planes::aws::faults::Faults;

use crate::inventory::Inventory;
use crate::sorts::sorts;
use crate::support::{Wishes, World, run, whole};

/// How many emulated AWS stand side by side.
pub const WORKERS: usize = 3;

/// Which side of a change the program ends on.
#[derive(Debug, Clone, Copy)]
pub enum Side {
    Before,
    After,
}

impl Side {
    /// What ends the program on that side of the change.
    pub fn faults(self, point: u32) -> Faults {
        match self {
            Self::Before => Faults::new(1).crash_before(point),
            Self::After => Faults::new(1).crash_after(point),
        }
        .freezing()
    }
}

/// Up to `usual` (0: all) of the points 1..=`last`: the first ones, and others evenly.
pub fn points(last: usize, usual: usize) -> Vec<u32> {
    let wanted = std::env::var("REEVE_FAULTS_POINTS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let all: Vec<u32> = (1..=u32::try_from(last).expect("few changes")).collect();
    if wanted == 0 || wanted >= last {
        return all;
    }
    let first = wanted / 4;
    let rest = wanted - first;
    let evenly = (0..rest).map(|n| all[first + n * (last - first) / rest]);
    all[..first].iter().copied().chain(evenly).collect()
}

/// A process that is killed at the point: nothing of it goes on, its lease is not given back.
pub async fn killed(world: &World, faults: &Faults) {
    let session = world.faulty(faults).await;
    killed_while(faults, async { format!("{:?}", run(&session, &world.wishes).await.map(|(_, report)| report)) }).await;
}

/// The same of a process that does something else.
pub async fn killed_while(faults: &Faults, process: impl Future<Output = String>) {
    let still = async {
        while !faults.is_still() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        done = process => panic!("it ended by itself: {done}"),
        () = still => {}
    }
}

/// Kills at a point, gives the same command again, and looks.
async fn crash_at(world: &mut World, side: Side, point: u32, want: &Inventory, what: &str) {
    let faults = side.faults(point);
    killed(world, &faults).await;
    world.record().await.unlock("the test").await.expect("unlocked");
    world.apply_until_whole(&world.session().await, 1, what).await;
    world.is_converged(want, what).await;
    world.reset().await;
}

/// These sides of up to `usual` changes (0: of all), in `WORKERS` emulated AWS at the same time.
fn crash_everywhere(wishes: &Wishes, sides: &[Side], usual: usize) {
    let (want, changes) = runtime().block_on(async { World::new(wishes.clone()).await.clean().await });
    let todo: Vec<(Side, u32)> =
        sides.iter().flat_map(|side| points(changes.len(), usual).into_iter().map(|point| (*side, point))).collect();
    let (next, last, began) = (AtomicUsize::new(0), changes.len(), Instant::now());
    let work = async || {
        let mut world = World::new(wishes.clone()).await;
        while let Some((side, point)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            let what = format!("killed {side:?} change {point} of {last} ({})", changes[*point as usize - 1]);
            crash_at(&mut world, *side, *point, &want, &what).await;
        }
    };
    // A point that does not converge does not keep the others from being tried.
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| runtime().block_on(work()))).collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).filter(Result::is_err).count()
    });
    eprintln!("{} points of {last} changes in {:?}", todo.len(), began.elapsed());
    assert_eq!(failed, 0, "every point converges");
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// One object of each interesting sort.
#[test]
fn one_of_each_sort_killed_on_both_sides_of_a_change() {
    crash_everywhere(&sorts(), &[Side::Before, Side::After], 20);
}

#[test]
fn the_whole_estate_killed_before_a_change() {
    crash_everywhere(&whole(), &[Side::Before], 6);
}

#[test]
fn the_whole_estate_killed_after_a_change() {
    crash_everywhere(&whole(), &[Side::After], 10);
}
