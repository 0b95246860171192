//! The real program: killed, interrupted, locked out, and given a plan whose world has moved.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::support::{World, whole};

/// A stack's folder whose record lies in it.
fn folder(world: &World) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr");
    let dir = world.record.path().join("estate");
    std::fs::create_dir_all(dir.join("tenants")).expect("a folder");
    for file in ["stack.yaml", "tenants/clinics.yaml"] {
        let text = std::fs::read_to_string(example.join(file)).expect("the example estate");
        std::fs::write(dir.join(file), text.replace("record: s3 ", "record: local:.. ")).expect("a copy");
    }
    dir
}

fn reeve(world: &World, args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
    command.args(args).arg(dir).envs(world.sandbox.environment()).env_remove("AWS_PROFILE").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn ends(mut command: Command, code: i32) -> String {
    let output = command.output().await.expect("it starts");
    told(&output, code)
}

fn told(output: &Output, code: i32) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// An apply of a few steps at a time that has written this many objects of its journal.
async fn in_the_middle(world: &World, dir: &Path, entries: usize) -> Child {
    let mut child = reeve(world, &["apply", "--auto-approve", "--parallelism", "4"], dir).spawn().expect("it starts");
    let journal = world.record.path().join("journal");
    loop {
        let runs = std::fs::read_dir(&journal).into_iter().flatten().flatten();
        if runs.map(|run| std::fs::read_dir(run.path()).map_or(0, Iterator::count)).max().unwrap_or_default() >= entries {
            return child;
        }
        assert!(child.try_wait().expect("its state").is_none(), "it ended before it was in the middle");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn signal(name: &str, child: &Child) {
    let id = child.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args([name, &id]).status().expect("kill").success());
}

#[tokio::test]
async fn a_killed_apply_is_locked_until_it_is_unlocked_and_then_goes_on() {
    let mut world = World::new(whole()).await;
    let (want, _) = world.clean().await;
    let dir = folder(&world);
    let mut child = in_the_middle(&world, &dir, 12).await;
    let text = ends(reeve(&world, &["unlock"], &dir), 4).await;
    assert!(text.contains("its holder is alive") && text.contains("kill "), "a living holder keeps it: {text}");
    child.kill().await.expect("killed");
    // What it had sent is carried out by now.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let text = ends(reeve(&world, &APPLY, &dir), 4).await;
    assert!(text.contains("arn:aws:sts::123456789012") && text.contains("since"), "who holds it, and since when: {text}");
    let text = ends(reeve(&world, &["unlock"], &dir), 0).await;
    assert!(text.contains("released the lock"), "{text}");
    ends(reeve(&world, &APPLY, &dir), 0).await;
    ends(reeve(&world, &["plan"], &dir), 0).await;
    world.is_converged(&want, "after kill -9").await;
}

#[tokio::test]
async fn an_interrupted_apply_ends_with_130_and_goes_on() {
    is_interrupted_by("-INT").await;
}

#[tokio::test]
async fn an_apply_that_loses_its_terminal_gives_the_lock_back() {
    is_interrupted_by("-HUP").await;
}

async fn is_interrupted_by(name: &str) {
    let mut world = World::new(whole()).await;
    let (want, _) = world.clean().await;
    let dir = folder(&world);
    let child = in_the_middle(&world, &dir, 12).await;
    signal(name, &child);
    let text = told(&child.wait_with_output().await.expect("it ends"), 130);
    assert!(text.contains("reeve apply"), "it says how to go on: {text}");
    ends(reeve(&world, &APPLY, &dir), 0).await;
    ends(reeve(&world, &["plan"], &dir), 0).await;
    world.is_converged(&want, name).await;
}

#[tokio::test]
async fn a_saved_plan_whose_world_moved_or_that_was_applied_ends_with_3() {
    let world = World::new(crate::support::small()).await;
    let dir = folder(&world);
    let plan = world.record.path().join("saved.plan");
    let save = || {
        let mut command = reeve(&world, &["plan", "--target", "files", "--out"], &plan);
        command.arg(&dir);
        command
    };
    let apply = || reeve(&world, &APPLY, &reeve::record::plan_path(&plan));
    ends(save(), 2).await;
    ends(apply(), 0).await;
    ends(apply(), 3).await;

    let efs = &world.session().await.connection.aws.efs;
    let system = efs.describe_file_systems().send().await.expect("file systems").file_systems()[0].file_system_id().to_owned();
    let first = efs.describe_mount_targets().file_system_id(&system).send().await.expect("mount targets");
    let first = first.mount_targets().first().expect("one").mount_target_id().to_owned();
    efs.delete_mount_target().mount_target_id(&first).send().await.expect("a change by hand");
    ends(save(), 2).await;
    efs.put_lifecycle_configuration().file_system_id(&system).set_lifecycle_policies(Some(Vec::new())).send().await.expect("another");
    let text = ends(apply(), 3).await;
    assert!(text.contains("files.file_system") && text.contains("nothing was touched"), "{text}");
    let left = efs.describe_mount_targets().file_system_id(&system).send().await.expect("mount targets");
    assert_eq!(left.mount_targets().len(), 2, "the stale plan made nothing");
}
