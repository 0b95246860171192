//! The commands that stand in the runbooks. Blocks that begin with "```sh run" are run, on a fleet with two tenants; whatever else of `reeve` and
//! `docker` stands in backticks has to be such that the command line takes it.
//!
//! Words in capitals are filled in: `DIR` the stack's folder, `NAME` and `OTHER` tenants, `SERVICE` the service of `NAME`, `NODE` and `IP` the host.

use std::path::Path;
use std::process::Stdio;

use reeve::model::runbook::{ALL, Runbook};
use reeve::sandbox::parts::Options;
use tokio::process::Command;

use crate::fleet_ground::{Fleet, tenant, until};
use crate::host::Host;

/// What no parser is here for: a plugin of its own.
const OTHERS: &[&str] = &["docker buildx"];

/// The lines of the blocks that are to be run, each with its number.
fn blocks(book: &Runbook) -> Vec<(usize, String)> {
    let (mut lines, mut inside) = (Vec::new(), false);
    for (number, line) in book.text.lines().enumerate() {
        match line.trim() {
            "```sh run" => inside = true,
            fence if fence.starts_with("```") => inside = false,
            command if inside && !command.is_empty() => lines.push((number + 1, command.to_owned())),
            _ => {}
        }
    }
    lines
}

/// Every command of that program: in backticks, and in blocks of whatever sort.
fn commands(book: &Runbook, program: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in book.text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            found.push(line.trim().to_owned());
        }
    }
    // A span may run over the end of a line.
    let text = book.text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    found.extend(text.split('`').skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")));
    let parts = found.iter().flat_map(|line| line.split("&&").map(str::trim));
    let ours = parts.filter(|part| part.split(' ').next() == Some(program) && part.contains(' '));
    ours.filter(|part| !OTHERS.iter().any(|later| part.starts_with(later))).map(str::to_owned).collect()
}

/// `--help` at the end: what stands before is read, and nothing is done.
async fn is_taken(program: &str, command: &str) -> Result<(), String> {
    let words = command.split_whitespace().skip(1).take_while(|word| !matches!(*word, "|" | ">/dev/null" | "..."));
    let words: Vec<String> = words.map(|word| word.trim_matches('\'').to_owned()).collect();
    let output = Command::new(program).args(&words).arg("--help").stdin(Stdio::null()).output().await.expect(program);
    let said = String::from_utf8_lossy(&output.stderr);
    let is_help = String::from_utf8_lossy(&output.stdout).contains("Usage:");
    if output.status.success() && is_help && !said.contains("unknown") { Ok(()) } else { Err(format!("`{command}`: {said}")) }
}

#[tokio::test]
async fn every_command_is_one_that_the_command_line_takes() {
    let mut wrong = Vec::new();
    let mut number = 0;
    for book in ALL {
        for (name, program) in [("reeve", env!("CARGO_BIN_EXE_reeve")), ("docker", "/usr/bin/docker")] {
            for command in commands(book, name) {
                number += 1;
                // A template has blanks of its own, and says nothing to the parser.
                let command = command
                    .split_once(" --format '")
                    .map_or(command.clone(), |(head, rest)| format!("{head} {}", rest.split_once('\'').map_or("", |(_, tail)| tail)));
                if let Err(why) = is_taken(program, &command).await {
                    wrong.push(format!("runbooks/{}.md: {why}", book.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(number > 60, "only {number} commands were found");
    for (program, command) in [
        (env!("CARGO_BIN_EXE_reeve"), "reeve plan DIR --alow-delete X"),
        ("/usr/bin/docker", "docker node update --availabilty drain NODE"),
    ] {
        assert!(is_taken(program, command).await.is_err(), "{command}");
    }
}

/// The backup of the file system that the stack's plan makes each night.
async fn back_up_files(fleet: &Fleet) {
    let estate = fleet.estate(fleet.wishes("")).await;
    let (vault, files, role) =
        (estate.object("backup.vault").await, estate.object("files.file_system").await, estate.object("backup.role").await);
    let call = estate.session.connection.aws.backup.start_backup_job().backup_vault_name(&vault.id);
    call.resource_arn(&files.attributes["arn"]).iam_role_arn(&role.attributes["arn"]).send().await.expect("a recovery point");
}

/// What a command may end with: what only looks may find something.
fn is_right(command: &str, code: Option<i32>) -> bool {
    let looks = ["reeve plan", "reeve drift", "reeve tenant list", "reeve tenant status"].iter().any(|one| command.starts_with(one));
    code == Some(0) || looks && code == Some(2)
}

#[tokio::test]
async fn what_is_to_be_run_does_what_it_says() {
    // A server for the copy of a restore drill.
    let fleet = Fleet::start_with(Options { servers: 2, ..Options::default() }).await;
    let host = Host::of(&fleet, &[tenant("alpha", ""), tenant("beta", "")].concat()).await;
    let first = host.run("reeve apply DIR --auto-approve").await;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    back_up_files(&fleet).await;
    let mut number = 0;
    for book in ALL {
        for (line, command) in blocks(book) {
            number += 1;
            let output = host.run(&command).await;
            assert!(
                is_right(&command, output.status.code()),
                "runbooks/{}.md, line {line}: `{command}` ended with {:?}: {}{}",
                book.name,
                output.status.code(),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert!(number > 30, "only {number} commands were run");
    // None of them left a mess.
    for name in ["alpha", "beta"] {
        let woken = host.run(&format!("reeve tenant wake DIR {name}")).await;
        assert!(woken.status.success(), "{}", String::from_utf8_lossy(&woken.stderr));
    }
    until("the estate is as the YAML says", 60, async || host.run("reeve plan DIR").await.status.code() == Some(0)).await;
    assert!(Path::new(&host.word("DIR")).join("stack.yaml").exists());
}
