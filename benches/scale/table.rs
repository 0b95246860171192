//! The tables of the README.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::{emulated, pure};

/// One size against the emulated AWS.
#[derive(Debug)]
pub struct Row {
    pub tenants: usize,
    pub resources: usize,
    pub apply: emulated::Cost,
    pub plan: emulated::Cost,
}

/// Calls and wall time.
pub fn emulated(rows: &[Row]) -> String {
    let mut text = String::from(
        "Against the emulated AWS (`reeve sandbox`: moto, one process that answers one call at a time, so that most of the time is its own), \
         reading of the YAML, connection and lease included; calls as `--stats` counts them:\n\n\
         | Tenants | Resources | Calls of a plan without changes | More per further 1,000 tenants | Its wall time | Calls of the first apply | \
         Per resource | Its wall time |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.1} s | {} | {:.1} | {:.1} s |",
            grouped(row.tenants),
            grouped(row.resources),
            row.plan.total(),
            rows.first().and_then(|first| more(first, row)).map_or_else(|| "-".into(), |more| format!("{more:.1}")),
            row.plan.wall.as_secs_f64(),
            grouped(usize::try_from(row.apply.total()).unwrap_or(usize::MAX)),
            row.apply.total() as f64 / row.resources as f64,
            row.apply.wall.as_secs_f64(),
        );
    }
    if let Some(first) = rows.first() {
        let _ = writeln!(text, "\nThe {} calls of the smallest plan, by service: {}.", first.plan.total(), by_service(&first.plan));
    }
    text
}

/// Calls that a plan takes more for each further thousand tenants; `None` without any further.
fn more(first: &Row, row: &Row) -> Option<f64> {
    let tenants = row.tenants.checked_sub(first.tenants).filter(|more| *more > 0)?;
    Some((row.plan.total() as f64 - first.plan.total() as f64) * 1e3 / tenants as f64)
}

/// Services with their calls, the most asked first.
fn by_service(cost: &emulated::Cost) -> String {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (call, times) in &cost.calls {
        *sums.entry(call.split_once('.').map_or(call.as_str(), |(service, _)| service)).or_default() += times;
    }
    let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    sums.into_iter().map(|(service, calls)| format!("{service} {calls}")).collect::<Vec<_>>().join(", ")
}

/// The pure part.
pub fn pure(costs: &[pure::Cost]) -> String {
    let mut text = String::from(
        "The pure part alone: reading and expanding the YAML, then the plan with its order and digest, over a world in memory, in processor \
         time (mean of ten):\n\n\
         | Tenants | Resources | Read and expand | Plan | Together | Per resource | Peak memory | Steps of expansion |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for cost in costs {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} µs | {:.0} MB | {} |",
            grouped(cost.tenants),
            grouped(usize::try_from(cost.resources).unwrap_or(usize::MAX)),
            cost.read.as_secs_f64() * 1e3,
            cost.plan.as_secs_f64() * 1e3,
            cost.total().as_secs_f64() * 1e3,
            cost.total().as_secs_f64() * 1e6 / cost.resources as f64,
            cost.peak_bytes as f64 / 1e6,
            grouped(usize::try_from(cost.work).unwrap_or(usize::MAX)),
        );
    }
    text
}

/// Puts `text` into the README's section.
pub fn write(text: &str) {
    const BEGIN: &str = "<!-- bench:begin -->\n";
    const END: &str = "<!-- bench:end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("a line <!-- bench:begin --> in the README");
    let (_, after) = rest.split_once(END).expect("a line <!-- bench:end --> in the README");
    let build = if cfg!(debug_assertions) { "a debug build" } else { "optimised but for the AWS SDKs" };
    let how = format!(
        "Measured on {}, {build}; `make bench` measures anew and writes this. [tests/calls.rs](tests/calls.rs) holds the example to 120 calls, and a \
         further thousand tenants to 25 more.",
        machine()
    );
    std::fs::write(&path, format!("{before}{BEGIN}{text}\n{how}\n{END}{after}")).expect("the README is written");
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores{}", model.map(|model| format!(" ({model})")).unwrap_or_default())
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
