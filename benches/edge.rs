//! What the edge costs and how quick it is: the way through HAProxy, from ready to the first direct answer, wakes in a minute, awake tenants while others wake and
//! sleep, and what `reeve run` needs while nothing happens. Needs root and `make setup`; `make bench` runs it, `--write` puts the figures into the README, `--only path`
//! (or `wakes`, `load`, `idle`, `many`) leaves out all others, `--most N` takes no more tenants than that.
#![allow(missing_docs, clippy::expect_used, reason = "a benchmark ends where something is not as it should be")]

#[path = "../tests/support/mod.rs"]
mod support;

#[path = "../tests/support/fleet.rs"]
mod fleet_ground;

#[path = "../tests/support/client.rs"]
mod client;

#[path = "../tests/support/scale.rs"]
mod scale_ground;

#[path = "../tests/support/swarm.rs"]
mod swarm;

#[allow(dead_code, reason = "what tests of the edge need too")]
#[path = "../tests/edge/ground.rs"]
mod ground;

#[path = "edge/idle.rs"]
mod idle;

#[path = "edge/numbers.rs"]
mod numbers;

#[path = "edge/path.rs"]
mod path;

#[path = "edge/wakes.rs"]
mod wakes;

#[path = "edge/wrk.rs"]
mod wrk;

use std::path::Path;

/// The figures, in the order in which the README has them.
const PARTS: [&str; 5] = ["path", "wakes", "load", "idle", "many"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1));
    let only = after("--only");
    let most: usize = after("--most").map_or(usize::MAX, |text| text.parse().expect("--most N"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for part in PARTS {
        if only.is_some_and(|only| only != part) {
            continue;
        }
        let text = runtime.block_on(async {
            match part {
                "path" => path::overhead().await,
                "wakes" => wakes::measure().await,
                "load" => path::load().await,
                "idle" => idle::measure(idle::THOUSAND, most).await,
                _ => idle::measure(idle::MANY, most).await,
            }
        });
        println!("{text}");
        if arguments.iter().any(|one| one == "--write") {
            write(part, &text);
        }
    }
}

/// Puts `text` into its place in the README.
fn write(part: &str, text: &str) {
    let (begin, end) = (format!("<!-- bench-edge-{part}:begin -->\n"), format!("<!-- bench-edge-{part}:end -->"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("a line {begin} in the README"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("a line {end} in the README"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // The program is started by those that watch it alone; the others have the edge in themselves.
    let is_of_hosts = ["idle", "many"].contains(&part) && std::env::var("REEVE_PROGRAM").is_ok_and(|program| program.contains("/dist/"));
    let build = match (is_of_hosts, cfg!(debug_assertions)) {
        (true, _) => "The program for hosts (`--profile dist`)",
        (false, true) => "A debug build of reeve",
        (false, false) => "An optimised build of reeve",
    };
    let how = format!("{build}, all on the same {cores} cores.");
    std::fs::write(&path, format!("{before}{begin}{text}{how}\n{end}{after}")).expect("the README is written");
}
