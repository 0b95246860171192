//! What a plan without changes asks of AWS, counted against the emulated one: calls are quota and time for everybody in the account.
#![allow(clippy::expect_used, reason = "a test ends where something is not as it should be")]

#[path = "../benches/scale/emulated.rs"]
mod emulated;
#[path = "../benches/scale/estate.rs"]
mod estate;
#[path = "../benches/scale/pure.rs"]
#[allow(dead_code, reason = "the bench runs it in a process of its own")]
mod pure;

use std::path::Path;

use emulated::Emulated;
use estate::Estate;

/// For the example's estate.
const AT_MOST: u64 = 120;
/// For each further thousand tenants.
const MORE: u64 = 25;

#[test]
fn the_world_in_memory_is_as_an_apply_leaves_it() {
    // Panics when a plan over it finds anything to do.
    pure::child(&Estate::new(10).path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_takes_few_calls() {
    let aws = Emulated::start().await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr");
    let (resources, _) = aws.apply(&example).await;
    let plan = aws.plan_without_changes(&example).await;
    assert!(resources > 100, "the example is a whole estate, not {resources} resources");
    assert!(plan.total() <= AT_MOST, "{} calls: {:#?}", plan.total(), plan.calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_more_tenants_take_few_more_calls() {
    let aws = Emulated::start().await;
    let estate = Estate::new(3);
    aws.apply(&estate.path()).await;
    let few = aws.plan_without_changes(&estate.path()).await;
    estate.tenants(1003);
    aws.apply(&estate.path()).await;
    let many = aws.plan_without_changes(&estate.path()).await;
    assert!(many.total() <= few.total() + MORE, "{} calls for 3 tenants, {} for 1,003: {:#?}", few.total(), many.total(), many.calls);
}
