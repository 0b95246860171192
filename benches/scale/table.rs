//! The tables of the README.

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
        "Against the emulated AWS (`reeve sandbox`: moto, which answers one call at a time), reading of the YAML included:\n\n\
         | Tenants | Resources | Calls of a plan without changes | Its wall time | Calls of the first apply | Its wall time |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} s | {} | {:.1} s |",
            grouped(row.tenants),
            grouped(row.resources),
            row.plan.total(),
            row.plan.wall.as_secs_f64(),
            grouped(usize::try_from(row.apply.total()).unwrap_or(usize::MAX)),
            row.apply.wall.as_secs_f64(),
        );
    }
    text
}

/// The pure part.
pub fn pure(costs: &[pure::Cost]) -> String {
    let mut text = String::from(
        "The pure part alone: reading and expanding the YAML, then the plan with its order and digest, over a world in memory:\n\n\
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
    let how = format!("{}, {}; `make bench` measures anew.", machine(), if cfg!(debug_assertions) { "a debug build" } else { "optimised" });
    std::fs::write(&path, format!("{before}{BEGIN}{text}\nMeasured on {how}\n{END}{after}")).expect("the README is written");
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
