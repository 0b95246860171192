//! What a fleet costs as its tenants grow: with the real Docker Engine, two hundred services at rest and twenty that run; with a stand-in for the Engine's API,
//! ten thousand. Database, folders and HAProxy are the real ones always. Needs root and `make setup`; `make bench` runs it, `--write` puts the tables into the
//! README, `--most N` leaves out what is larger, `--only real` (or `standin`, `light`)
//! all other tables.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "../tests/support/mod.rs"]
mod support;

#[path = "../tests/support/fleet.rs"]
mod fleet_ground;

#[path = "../tests/support/scale.rs"]
mod scale_ground;

#[path = "../tests/support/swarm.rs"]
mod swarm;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use scale_ground::{Cost, Ground, INNER, Size};

/// With the real engine, with the stand-in, and with the stand-in and tenants that need neither database nor files.
const REAL: [Size; 2] = [Size { at_rest: 2, running: 1 }, Size { at_rest: 200, running: 20 }];
const STANDIN: [Size; 2] = [Size { at_rest: 2, running: 1 }, Size { at_rest: 100, running: 900 }];
const LIGHT: [Size; 2] = [Size { at_rest: 2, running: 1 }, Size { at_rest: 9_000, running: 1_000 }];

/// What a size cost.
struct Row {
    size: Size,
    resources: usize,
    /// Of an apply that makes what the size before did not have.
    apply: Cost,
    /// How many tenants that were.
    new: usize,
    /// Of `reeve plan` without changes.
    plan: Cost,
    memory: u64,
    haproxy: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1));
    let most: usize = after("--most").map_or(usize::MAX, |text| text.parse().expect("--most N"));
    let only = after("--only").map(String::as_str);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut text = String::new();
    for (name, sizes, words) in [
        ("real", &REAL, "the real Docker Engine, and a real MariaDB, real folders and one host's real HAProxy"),
        ("standin", &STANDIN, "a stand-in for Docker's API that answers from memory; all else is real"),
        ("light", &LIGHT, "the same stand-in, its tenants without database and files of their own; HAProxy is real"),
    ] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let sizes: Vec<Size> = sizes.iter().copied().filter(|size| size.all() <= most).collect();
        let rows = runtime.block_on(async {
            let ground = match name {
                "real" => Ground::real().await,
                "standin" => Ground::standin().await,
                _ => Ground::light().await,
            };
            measure(ground, &sizes).await
        });
        let table = table(words, &rows);
        println!("{table}");
        text = format!("{text}{table}\n");
    }
    if arguments.iter().any(|one| one == "--write") {
        write(&text);
    }
}

/// One fleet that grows from size to size.
async fn measure(mut ground: Ground, sizes: &[Size]) -> Vec<Row> {
    let (mut rows, mut had) = (Vec::new(), 0);
    for size in sizes {
        let wishes = ground.wishes(*size);
        let apply = ground.apply(&wishes).await;
        let (plan, memory) = ground.plan_of_the_program(*size).await;
        let haproxy = ground.haproxy_memory();
        eprintln!("{size:?}: applied in {:?}, planned in {:?}: {:?}", apply.wall, plan.wall, plan.inner());
        rows.push(Row { size: *size, resources: wishes.len(), apply, new: size.all() - had, plan, memory, haproxy });
        had = size.all();
    }
    rows
}

fn table(engine: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "A fleet with {engine}; *an apply* makes the tenants that the line before did not have (the first one the whole estate too):\n\n\
         | At rest | Running | Resources | Calls of a plan without changes: {} | Its wall time | Its memory | HAProxy's | An apply: {} | Per new tenant | Its wall time | Per new tenant |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        INNER.join(", "),
        INNER.join(", "),
    );
    for row in rows {
        let calls = |cost: &Cost| INNER.map(|plane| cost.of(plane).to_string()).join(", ");
        let inner: u64 = INNER.iter().map(|plane| row.apply.of(plane)).sum();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} MB | {} MB | {} | {:.1} | {} | {:.0} ms |",
            row.size.at_rest,
            row.size.running,
            row.resources,
            calls(&row.plan),
            time(row.plan.wall),
            row.memory / 1_000_000,
            row.haproxy / 1_000_000,
            calls(&row.apply),
            inner as f64 / row.new as f64,
            time(row.apply.wall),
            row.apply.wall.as_secs_f64() * 1000.0 / row.new as f64,
        );
    }
    if let [first, .., last] = rows {
        let times = last.size.all() as f64 / first.size.all() as f64;
        let calls = |cost: &Cost| cost.inner().values().sum::<u64>() as f64;
        let _ = writeln!(
            text,
            "\n{:.0} times the tenants: {:.1} times the calls of a plan to these planes, {:.1} times its calls to AWS (parameters come by pages), {:.1} times its wall time, {:.1} times its memory.",
            times,
            calls(&last.plan) / calls(&first.plan),
            (last.plan.all() as f64 - calls(&last.plan)) / (first.plan.all() as f64 - calls(&first.plan)),
            last.plan.wall.as_secs_f64() / first.plan.wall.as_secs_f64(),
            last.memory as f64 / first.memory as f64,
        );
    }
    text
}

fn time(took: Duration) -> String {
    if took < Duration::from_secs(1) { format!("{} ms", took.as_millis()) } else { format!("{:.1} s", took.as_secs_f64()) }
}

/// Puts `text` into the README's section.
fn write(text: &str) {
    const BEGIN: &str = "<!-- bench-fleet:begin -->\n";
    const END: &str = "<!-- bench-fleet:end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("a line <!-- bench-fleet:begin --> in the README");
    let (_, after) = rest.split_once(END).expect("a line <!-- bench-fleet:end --> in the README");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let build = if cfg!(debug_assertions) { "a debug build" } else { "an optimised build" };
    let how = format!(
        "Docker, MariaDB and HAProxy of Debian 12, the emulated AWS and {build} of reeve, all on the same {cores} cores; a plan is `reeve plan --stats`, reading of the YAML included. `tests/fleet/scale.rs` holds the calls of a plan to be the same for few tenants and for many."
    );
    std::fs::write(&path, format!("{before}{BEGIN}{text}{how}\n{END}{after}")).expect("the README is written");
}
