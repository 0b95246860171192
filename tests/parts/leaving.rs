//! Nothing is left of them: no process, no network, no mount, no control group, no folder.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reeve::sandbox::parts::{Image, Options};

use super::support::{docker, get, hello, parts, published};

/// What could be left, named by its folder and its namespace.
fn left(folder: &Path, space: &str) -> Vec<String> {
    let mut left = Vec::new();
    let name = space.rsplit_once('-').unwrap().0;
    let read = |path: &Path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ")).unwrap_or_default();
    for process in std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()) {
        let (command, mounts) = (read(&process.join("cmdline")), read(&process.join("mounts")));
        // The tests themselves name the folder nowhere but in their memory.
        if command.contains(folder.to_str().unwrap()) || command.contains(name) || mounts.contains(folder.to_str().unwrap()) {
            left.push(format!("{}: {command}", process.display()));
        }
    }
    let link = format!("/sys/class/net/rv{}", name.trim_start_matches("reeve-"));
    let mut paths = vec![folder.to_owned(), PathBuf::from(link), Path::new("/sys/fs/cgroup").join(name)];
    paths.extend(std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|group| group.path().join(name)));
    paths.extend(
        std::fs::read_dir("/run/netns")
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name))),
    );
    left.extend(paths.iter().filter(|path| path.symlink_metadata().is_ok()).map(|path| path.display().to_string()));
    left
}

#[tokio::test]
async fn nothing_is_left_when_they_are_dropped_with_a_container_and_a_stranger_running() {
    let parts = parts(Options::default()).await;
    let address = Image::of("hello", "1", &hello()).unwrap().push(&parts.registry()).await.unwrap();
    let engine = parts.engines()[0].clone();
    docker(&engine, &["service", "create", "--quiet", "--detach", "--name", "a", "--publish", "mode=host,target=8080", &address]).await;
    assert_eq!(get(engine.address, published(&engine, "a").await, "/").await, "hello");
    let enter = parts.enter();
    let mut stranger = Command::new(&enter[0]).args(&enter[1..]).args(["sleep", "1000"]).spawn().unwrap();
    let folder = parts.folder().to_owned();
    assert!(!left(&folder, &engine.space).is_empty(), "the test looks where they are");
    let begun = Instant::now();
    drop(parts);
    assert_eq!(left(&folder, &engine.space), Vec::<String>::new());
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    assert!(!stranger.wait().unwrap().success(), "what ran on their network is stopped");
}

#[tokio::test]
async fn nothing_is_left_when_their_owner_is_killed() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "leaving::owner", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let told = lines.find_map(|line| line.unwrap().strip_prefix("parts ").map(str::to_owned)).unwrap();
    let (folder, space) = told.split_once(' ').unwrap();
    assert!(!left(Path::new(folder), space).is_empty());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let begun = Instant::now();
    loop {
        let left = left(Path::new(folder), space);
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "left: {left:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the test above kills.
#[tokio::test]
#[ignore = "started and killed by nothing_is_left_when_their_owner_is_killed"]
async fn owner() {
    let parts = parts(Options::default()).await;
    println!("\nparts {} {}", parts.folder().display(), parts.engines()[0].space);
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_part_that_does_not_start_is_told_with_its_log_and_nothing_is_left() {
    let others = || std::fs::read_dir("/run/netns").map(|entries| entries.count()).unwrap_or_default();
    let _ = others();
    // A port that the registry has.
    match reeve::sandbox::parts::Parts::start(Options { mysql_port: 5000, ..Options::default() }).await {
        Ok(_) => panic!("two servers on one port"),
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("did not start"), "{error}");
        }
    }
}
