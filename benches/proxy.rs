//! What one host's HAProxy costs as the number of tenants grows, with the real HAProxy: memory, the check of a configuration, following ten thousand tenants that
//! all moved, a reload. `make bench` runs it; `--write` puts the table into the README, `--most N` leaves out what is larger.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where something is not as it should be"
)]

#[allow(dead_code, clippy::unwrap_used, reason = "what tests of the same kind need too")]
#[path = "../tests/kinds_haproxy/support.rs"]
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use reeve::kinds::{Kind, haproxy::config::Config};
use reeve::planes::haproxy::Running;
use support::{World, config, world};

/// Tenants.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// What a size cost.
struct Cost {
    tenants: usize,
    text: usize,
    check: Duration,
    memory: u64,
    fetch: Duration,
    calls: u64,
    follow: Duration,
    commands: u64,
    idle: Duration,
    idle_commands: u64,
    reload: Duration,
    with_old: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1));
    let most: usize = after("--most").map_or(usize::MAX, |text| text.parse().expect("--most N"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let costs: Vec<Cost> = SIZES.into_iter().filter(|size| *size <= most).map(|size| runtime.block_on(measure(size))).collect();
    let text = table(&costs);
    println!("{text}");
    if arguments.iter().any(|one| one == "--write") {
        write(&text);
    }
}

async fn measure(tenants: usize) -> Cost {
    let names: Vec<String> = (0..tenants).map(|n| format!("clinic-{n}")).collect();
    let want = config(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let world = world();
    world.make(&want).await;
    let text = world.read("haproxy.cfg").len();
    let begun = Instant::now();
    let checked = std::process::Command::new("haproxy").args(["-c", "-q", "-f"]).arg(world.at("haproxy.cfg")).status().expect("haproxy");
    let check = begun.elapsed();
    assert!(checked.success());
    let memory = worker_memory(&world);

    let before = calls(&world);
    let begun = Instant::now();
    let live = Config::fetch(&world.cx.fresh()).await.expect("it is read");
    let fetch = begun.elapsed();
    assert_eq!(live[0].shape, want);
    let of_fetch = calls(&world) - before;

    // One application that answers for all: health checks of all of them find somebody.
    let one = support::application("all").await;
    let running: Vec<Running> = names.iter().map(|tenant| Running { tenant: tenant.clone(), address: one }).collect();
    let (follow, commands) = follow(&world, &running, tenants).await;
    let (idle, idle_commands) = follow_again(&world, &running).await;

    let mut other = want.clone();
    other.max_body_mib += 1;
    let begun = Instant::now();
    world.update(&other).await;
    let reload = begun.elapsed();
    assert!(world.cx.differs(&running).await.expect("it answers").expect("it runs").is_nothing(), "no address was lost");
    let with_old = worker_memory(&world);
    Cost { tenants, text, check, memory, fetch, calls: of_fetch, follow, commands, idle, idle_commands, reload, with_old }
}

async fn follow(world: &World, running: &[Running], tenants: usize) -> (Duration, u64) {
    let (before, begun) = (calls(world), Instant::now());
    let done = world.cx.follow(running).await.expect("all take their address");
    assert_eq!(done.given.len(), tenants);
    (begun.elapsed(), calls(world) - before)
}

async fn follow_again(world: &World, running: &[Running]) -> (Duration, u64) {
    let (before, begun) = (calls(world), Instant::now());
    assert!(world.cx.follow(running).await.expect("it answers").is_nothing());
    (begun.elapsed(), calls(world) - before)
}

fn calls(world: &World) -> u64 {
    world.stats.calls().values().sum()
}

/// Bytes that all workers hold.
fn worker_memory(world: &World) -> u64 {
    let pid = world.read("haproxy.pid");
    let pid = pid.trim();
    let workers = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("the master's children");
    let held = |pid: &str| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB").trim().to_owned();
        line.trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
    };
    workers.split_whitespace().map(held).sum()
}

fn table(costs: &[Cost]) -> String {
    let mut text = String::from(
        "One host's HAProxy, the real one, all of the tenants in it; *following* when every one of them has moved, and when none has; a reload with all their addresses, until the new \
         worker serves:\n\n\
         | Tenants | Text | Check | Its memory | Per tenant | Calls of a plan | Its reading | Following all | Lines sent | Per tenant | Following none | Lines sent | Reload | Memory then |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for cost in costs {
        let each = |what: f64| what / cost.tenants as f64;
        let _ = writeln!(
            text,
            "| {} | {} KB | {} | {} MB | {:.0} KB | {} | {} | {} | {} | {:.2} ms | {} | {} | {} | {} MB |",
            cost.tenants,
            cost.text / 1000,
            time(cost.check),
            cost.memory / 1_000_000,
            each(cost.memory as f64 / 1000.0),
            cost.calls,
            time(cost.fetch),
            time(cost.follow),
            cost.commands,
            each(cost.follow.as_secs_f64() * 1000.0),
            time(cost.idle),
            cost.idle_commands,
            time(cost.reload),
            cost.with_old / 1_000_000,
        );
    }
    text
}

fn time(took: Duration) -> String {
    if took < Duration::from_secs(1) { format!("{} ms", took.as_millis()) } else { format!("{:.1} s", took.as_secs_f64()) }
}

/// Puts `text` into the README's section.
fn write(text: &str) {
    const BEGIN: &str = "<!-- bench-proxy:begin -->\n";
    const END: &str = "<!-- bench-proxy:end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("a line <!-- bench-proxy:begin --> in the README");
    let (_, after) = rest.split_once(END).expect("a line <!-- bench-proxy:end --> in the README");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let build = if cfg!(debug_assertions) { "a debug build" } else { "an optimised build" };
    let how =
        format!("HAProxy of Debian 12 and {build} of reeve on {cores} cores; a reload is check, two writes and the new worker's start.");
    std::fs::write(&path, format!("{before}{BEGIN}{text}\n{how}\n{END}{after}")).expect("the README is written");
}
