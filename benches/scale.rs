//! What plan and apply cost as an estate grows. `make bench` runs it; `--write` puts the tables into the README.
//!
//! Calls and wall time against the emulated AWS (one process of Python that answers one call at a time, so its time is most of it),
//! and the pure part alone: reading, expansion, diff, without a network.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "scale/emulated.rs"]
mod emulated;
#[path = "scale/estate.rs"]
mod estate;
#[path = "scale/pure.rs"]
mod pure;
#[path = "scale/table.rs"]
mod table;

use std::path::Path;

use emulated::Emulated;
use estate::Estate;

/// Tenants.
const SIZES: [usize; 4] = [3, 100, 1_000, 10_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1));
    if let Some(folder) = after(pure::ARGUMENT) {
        return pure::child(Path::new(folder));
    }
    let most: usize = after("--most").map_or(usize::MAX, |text| text.parse().expect("--most N"));
    let pure: Vec<pure::Cost> = SIZES.into_iter().map(pure::measure).collect();
    let mut text = table::pure(&pure);
    println!("{text}");
    if !arguments.iter().any(|one| one == "--pure") {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let costs: Vec<table::Row> = SIZES.into_iter().filter(|size| *size <= most).map(|size| runtime.block_on(whole(size))).collect();
        let whole = table::emulated(&costs);
        println!("{whole}");
        text = format!("{whole}\n{text}");
    }
    if arguments.iter().any(|one| one == "--write") {
        table::write(&text);
    }
}

async fn whole(tenants: usize) -> table::Row {
    let aws = Emulated::start().await;
    let estate = Estate::new(tenants);
    let (resources, apply) = aws.apply(&estate.path()).await;
    let plan = aws.plan_without_changes(&estate.path()).await;
    eprintln!("{tenants} tenants: {} calls of a plan: {:?}", plan.total(), plan.calls);
    table::Row { tenants, resources, apply, plan }
}
