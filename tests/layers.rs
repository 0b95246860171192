//! The walls of the house. Which room may see which is read from the table in `ARCHITECTURE.md`, so that the page and the
//! code cannot part; what else a room must not hold is listed here, with the reason.

#[path = "layers/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path as File, PathBuf};

use source::{Path, paths};

/// Rooms whose work is a function of what they are given.
const PURE: &[&str] = &["model", "desired", "plan", "view"];

/// What a pure room must not name: waiting, the SDK, the clock, the environment, the disk.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "tokio",
    "futures",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "std::env",
    "env::var",
    "std::fs",
    "std::process",
];

/// The one file of a pure room that reads the disk.
const READER: &str = "desired/folder.rs";

/// Files beside the kinds that are none: what kinds share, and the closed list of look-ups, which have no row of their own.
const NO_KINDS: &[&str] = &["support", "lookups"];

/// A kind's file has fewer lines.
const KIND_LINES: usize = 350;

type Rules = BTreeMap<String, BTreeSet<String>>;

/// Everything wrong with one file. `file` is its path under `src/`.
fn check(file: &str, text: &str, rules: &Rules) -> Vec<String> {
    let room = file.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if room == "lib" {
        return Vec::new();
    }
    let found = paths(text);
    let mut problems = Vec::new();
    let mut say = |path: &Path, why: String| problems.push(format!("src/{file}:{}: `{}`: {why}", path.line, path.segments.join("::")));
    for path in &found {
        let target = target(file, path, rules).filter(|target| room != "main" && *target != room);
        if let Some(target) = target.filter(|target| !rules.get(room).is_some_and(|seen| seen.contains(*target))) {
            say(path, format!("{room} does not see {target}"));
        }
        if room == "plan" && path.segments.starts_with(&["crate".into(), "observe".into()]) && !path.has("observe::Observed") {
            say(path, "plan takes what was observed, and observes nothing".into());
        }
        let first = path.segments[0].as_str();
        if PURE.contains(&room) && file != READER {
            let bad = IMPURE.iter().find(|bad| path.has(bad)).copied().or(first.starts_with("aws_").then_some("the SDK"));
            bad.into_iter().for_each(|bad| say(path, format!("{room} is pure: no {bad} in it")));
        }
        if room != "planes" && (path.has("from_conf") || first == "aws_config" || path.has("SdkConfig")) {
            say(path, "only planes builds clients".into());
        }
        if room != "main" && ["process::exit", "process::abort", "ExitCode"].iter().any(|way| path.has(way)) {
            say(path, "only main exits".into());
        }
    }
    problems
}

/// The room that a path leads into, whether it is written from `crate` or with as many `super` as the file is deep.
fn target<'a>(file: &str, path: &'a Path, rules: &Rules) -> Option<&'a str> {
    let depth = file.trim_end_matches(".rs").split('/').count();
    let ups = path.segments.iter().take_while(|segment| *segment == "super").count();
    let at = match path.segments[0].as_str() {
        "crate" => 1,
        _ if ups > 0 && ups >= depth => ups,
        _ => return None,
    };
    path.segments.get(at).map(String::as_str).filter(|name| rules.contains_key(*name))
}

/// The rows between the two markers: room, and the rooms it sees.
fn rules(page: &str) -> Rules {
    let part = page.split("<!-- layers:begin -->").nth(1).and_then(|rest| rest.split("<!-- layers:end -->").next()).unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        (names(cells[1]).into_iter().next().unwrap_or_default(), names(cells[2]))
    })
    .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &File) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn entries(folder: &File) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Path under `src/` and text of every source file, without files of tests (`#[cfg(test)] mod tests;`).
fn sources() -> Vec<(String, String)> {
    let (src, mut found) = (root().join("src"), Vec::new());
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && path.file_name().is_some_and(|name| name != "tests.rs") {
                found.push((path.strip_prefix(&src).unwrap().to_string_lossy().into_owned(), read(&path)));
            }
        }
    }
    found
}

#[test]
fn no_import_runs_the_wrong_way() {
    let rules = rules(&read(&root().join("ARCHITECTURE.md")));
    let problems: Vec<String> = sources().iter().flat_map(|(file, text)| check(file, text, &rules)).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_room_is_in_the_table_and_the_table_runs_one_way() {
    let rules = rules(&read(&root().join("ARCHITECTURE.md")));
    let room = |file: &str| file.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    let rooms: BTreeSet<String> = sources().iter().map(|(file, _)| room(file)).filter(|room| room != "lib" && room != "main").collect();
    assert_eq!(rooms, rules.keys().cloned().collect::<BTreeSet<_>>(), "rooms of src/ and of ARCHITECTURE.md");
    // Each room in `lib.rs` sees only rooms above it: so there is no circle.
    let map = read(&root().join("src/lib.rs"));
    let place = |room: &str| map.find(&format!("pub mod {room};")).unwrap_or_else(|| panic!("{room} is not in lib.rs"));
    for (room, seen) in &rules {
        for other in seen {
            assert!(place(other) < place(room), "{room} sees {other}, which stands below it in lib.rs");
        }
    }
}

#[test]
fn a_kind_is_one_short_file_and_one_line_of_the_table() {
    let table = read(&root().join("src/kinds/aws.rs"));
    let mut kinds = 0;
    for path in entries(&root().join("src/kinds/aws")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() || NO_KINDS.contains(&name.as_str()) {
            continue;
        }
        kinds += 1;
        let lines = read(&path).lines().count();
        assert!(lines < KIND_LINES, "src/kinds/aws/{name}.rs has {lines} lines: split off what is not the kind itself");
        assert!(table.contains(&format!("row::<{name}::")), "src/kinds/aws/{name}.rs has no row in the table of src/kinds/aws.rs");
    }
    assert_eq!(kinds, table.matches("row::<").count(), "rows and files");
}

/// Who has only the binary has no folder `runbooks/`: messages name the command that prints one (`model/runbook.rs`).
#[test]
fn no_message_names_the_file_of_a_runbook() {
    let files: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| file != "model/runbook.rs")
        .flat_map(|(file, text)| text.lines().map(move |line| (file, line.trim_start())))
        .filter(|(_, line)| !line.starts_with("//") && line.contains("runbooks/"))
        .map(|(file, line)| format!("{file}: {line}"))
        .collect();
    assert!(files.is_empty(), "{}", files.join("\n"));
}

/// What the checker is for: it must find these, and nothing in what is right.
#[test]
fn the_checker_finds_what_it_should() {
    let table = "<!-- layers:begin -->\n| room | sees | what |\n| --- | --- | --- |\n| `model` | | |\n| `planes` | `model` | |\n\
                 | `observe` | `planes` | |\n| `plan` | `model`, `observe` | |\n| `desired` | `model` | |\n| `view` | `model` | |\n<!-- layers:end -->";
    let rules = rules(table);
    assert_eq!(rules.len(), 6);
    let wrong = [
        ("model.rs", "use crate::plan::Plan;"),
        ("model/marks.rs", "fn f() -> super::super::planes::Aws { todo!() }"),
        ("view/plan.rs", "use crate::{model::Plan, planes::Aws};"),
        ("view.rs", "use super::plan;"),
        ("plan.rs", "use crate::observe::observe;"),
        ("plan/order.rs", "pub async fn steps() {}"),
        ("plan/order.rs", "use std::{collections::BTreeMap, env};"),
        ("model/name.rs", "fn now() -> u64 { std::time::SystemTime::now() }"),
        ("desired/read.rs", "use std::fs;"),
        ("desired.rs", "use aws_sdk_ec2::types::Vpc;"),
        ("observe.rs", "let ec2 = aws_sdk_ec2::Client::from_conf(config);"),
        ("planes.rs", "fn f() { std::process::exit(1) }"),
    ];
    for (file, text) in wrong {
        assert_eq!(check(file, text, &rules).len(), 1, "{file}: {text}: {:?}", check(file, text, &rules));
    }
    let right = [
        ("plan.rs", "use crate::observe::Observed; use crate::model::Address;"),
        ("model/marks.rs", "use super::Address; use super::super::model::Named;"),
        ("desired/folder.rs", "use std::fs;"),
        ("planes/aws.rs", "let ec2 = aws_sdk_ec2::Client::from_conf(config);"),
        ("main.rs", "use std::process::ExitCode;"),
        ("view/plan.rs", "// crate::planes\nlet text = \"crate::planes\"; #[cfg(test)] mod tests { use crate::planes; }"),
    ];
    for (file, text) in right {
        assert_eq!(check(file, text, &rules), Vec::<String>::new(), "{file}: {text}");
    }
}
