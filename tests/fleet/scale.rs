//! A plan without changes asks as much of the planes inside for many tenants as for few. `REEVE_SCALE=whole` does it with the numbers of the benchmark
//! (`benches/fleet.rs`), which also tells times and memory: those are figures, and nothing here depends on them.

use crate::scale_ground::{Cost, Ground, Size};

fn whole() -> bool {
    std::env::var("REEVE_SCALE").is_ok_and(|how| how == "whole")
}

/// Docker, the database, the folders and HAProxy are asked the same; of AWS only the parameters have more pages.
fn costs_the_same(few: &Cost, many: &Cost) {
    assert!(few.of("docker") > 0 && few.of("mysql") > 0 && few.of("haproxy") > 0 && few.of("files") > 0, "all are asked: {few:#?}");
    assert_eq!(few.inner(), many.inner());
    let others = |cost: &Cost| {
        cost.calls.iter().filter(|(call, _)| !call.starts_with("ssm.")).map(|(call, n)| (call.clone(), *n)).collect::<Vec<_>>()
    };
    assert_eq!(others(few), others(many));
}

#[tokio::test]
async fn a_plan_without_changes_asks_as_much_for_many_services_as_for_three() {
    let mut ground = Ground::real().await;
    let (few, many) =
        (Size { at_rest: 2, running: 1 }, if whole() { Size { at_rest: 200, running: 20 } } else { Size { at_rest: 36, running: 4 } });
    let wishes = ground.wishes(few);
    ground.apply(&wishes).await;
    let of_few = ground.idle(&wishes).await;
    let wishes = ground.wishes(many);
    let first = ground.apply(&wishes).await;
    let of_many = ground.idle(&wishes).await;
    eprintln!("{many:?} applied in {:?}, planned in {:?}", first.wall, of_many.wall);
    costs_the_same(&of_few, &of_many);
}

#[tokio::test]
async fn so_it_does_with_a_stand_in_for_docker_that_holds_far_more() {
    let mut ground = if whole() { Ground::light().await } else { Ground::standin().await };
    let (few, many) = (Size { at_rest: 2, running: 1 }, if whole() { 10_000 } else { 100 });
    let many = Size { at_rest: many - many / 10, running: many / 10 };
    let wishes = ground.wishes(few);
    ground.apply(&wishes).await;
    let of_few = ground.idle(&wishes).await;
    let wishes = ground.wishes(many);
    let first = ground.apply(&wishes).await;
    let swarm = ground.swarm.clone().expect("a stand-in");
    assert_eq!(swarm.count("services"), many.all());
    let before = swarm.requests();
    let of_many = ground.idle(&wishes).await;
    eprintln!("{many:?} applied in {:?}, planned in {:?}", first.wall, of_many.wall);
    costs_the_same(&of_few, &of_many);

    // What was counted is what went over the wire, and all of it was read.
    let sent = swarm.requests().iter().map(|(request, n)| n - before.get(request).unwrap_or(&0)).sum::<u64>();
    assert!(sent <= of_many.of("docker"), "{sent} requests: {:?}", of_many.inner());
    let written = |requests: &std::collections::BTreeMap<String, u64>| {
        requests.iter().filter(|(one, _)| !one.starts_with("GET ")).map(|(_, n)| n).sum::<u64>()
    };
    assert_eq!(written(&before), written(&swarm.requests()));
}
