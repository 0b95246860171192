//! A crash at any point, then the same command.

use std::time::Duration;

use reeve::planes::aws::faults::Faults;

use crate::support::{World, run, small, whole};

/// Which side of a change the program ends on.
#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Up to `usual` of the points 1..=`last`: the first ten, and others evenly.
fn points(last: usize, usual: usize) -> Vec<u32> {
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
async fn killed(world: &World, faults: &Faults) {
    let session = world.faulty(faults).await;
    let still = async {
        while !faults.is_still() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        done = run(&session, &world.wishes) => panic!("it ended by itself: {:?}", done.map(|(_, report)| report)),
        () = still => {}
    }
}

async fn crash_everywhere(mut world: World, side: Side, usual: usize) {
    let (want, changes) = world.clean().await;
    for point in points(changes.len(), usual) {
        let what = format!("killed {side:?} change {point} of {}", changes.len());
        let faults = match side {
            Side::Before => Faults::new(1).crash_before(point),
            Side::After => Faults::new(1).crash_after(point),
        }
        .freezing();
        killed(&world, &faults).await;
        world.record().await.unlock("the test").await.expect("unlocked");
        world.apply_until_whole(&world.session().await, 1, &what).await;
        world.is_converged(&want, &what).await;
        world.reset().await;
    }
}

#[tokio::test]
async fn a_small_estate_killed_before_a_change() {
    crash_everywhere(World::new(small()).await, Side::Before, 12).await;
}

#[tokio::test]
async fn a_small_estate_killed_after_a_change() {
    crash_everywhere(World::new(small()).await, Side::After, 16).await;
}

#[tokio::test]
async fn the_whole_estate_killed_before_a_change() {
    crash_everywhere(World::new(whole()).await, Side::Before, 6).await;
}

#[tokio::test]
async fn the_whole_estate_killed_after_a_change() {
    crash_everywhere(World::new(whole()).await, Side::After, 10).await;
}
