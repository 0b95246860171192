//! Real processes on one folder: racing, and killed in the middle.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reeve::record::{LocalFolder, Record, RecordError, Store};

use crate::support::{Hand, address, attempt, end, local, made, owner, quick, run, start};

/// How often each racer works under the lease.
const ROUNDS: usize = 5;

/// Starts this test program anew in a role.
fn role(name: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("processes::{name}"), "--ignored", "--nocapture"])
        .env("REEVE_TEST_RECORD", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn given() -> (PathBuf, Record) {
    let folder = PathBuf::from(std::env::var_os("REEVE_TEST_RECORD").expect("a role is started by its test"));
    let record = Record::new(Store::Local(LocalFolder::new(folder.join("record")))).with_terms(quick());
    (folder, record)
}

#[tokio::test]
#[ignore = "a role that `racing_processes_never_work_at_the_same_time` starts"]
async fn racer() {
    let (folder, record) = given();
    let counter = folder.join("counter");
    for _ in 0..ROUNDS {
        let lease = loop {
            match record.acquire(&owner("racer")).await {
                Ok(lease) => break lease,
                Err(RecordError::Held(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        };
        let count: usize = fs::read_to_string(&counter).unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        lease.check().unwrap();
        fs::write(&counter, (count + 1).to_string()).unwrap();
        lease.release().await.unwrap();
    }
}

#[test]
fn racing_processes_never_work_at_the_same_time() {
    let (folder, _) = local();
    fs::write(folder.path().join("counter"), "0").unwrap();
    let racers: Vec<Child> = (0..6).map(|_| role("racer", folder.path())).collect();
    for mut racer in racers {
        assert!(racer.wait().unwrap().success());
    }
    let count = fs::read_to_string(folder.path().join("counter")).unwrap();
    assert_eq!(count, (6 * ROUNDS).to_string());
}

#[tokio::test]
#[ignore = "a role that the tests of killed processes start"]
async fn worker() {
    let (_, record) = given();
    let lease = record.acquire(&owner("worker")).await.unwrap();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    for n in 0.. {
        journal.attempt(attempt(&format!("tenant/t{n}.files"), "token")).await.unwrap();
        journal.append(vec![made(&format!("tenant/t{n}.files"), "v1:aa")]).await.unwrap();
        println!("done {n}");
        lease.check().unwrap();
    }
    journal.finish(end()).await.unwrap();
}

/// Lets a worker do `count` resources, then kills it; gives the last one it said was done.
fn killed_after(folder: &Path, count: usize) -> usize {
    let mut worker = role("worker", folder);
    let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines();
    let mut done = || lines.find_map(|line| line.unwrap().rsplit_once("done ").map(|(_, n)| n.parse::<usize>().unwrap()));
    while done().expect("the worker ended by itself") < count {}
    worker.kill().unwrap();
    worker.wait().unwrap();
    // What it still said before it died.
    std::iter::from_fn(done).last().unwrap_or(count)
}

#[tokio::test]
async fn a_killed_process_leaves_whole_entries_and_a_lease_that_ends() {
    let (folder, record) = local();
    let record = record.with_terms(quick());
    let mut before = 0;
    for round in 1..=4_usize {
        let path = folder.path().to_owned();
        let last = tokio::task::spawn_blocking(move || killed_after(&path, 7 * round)).await.unwrap();

        let held = record.acquire(&owner("next")).await;
        assert!(matches!(held, Err(RecordError::Held(by)) if by.who == "worker"));
        let hand = Hand::default();
        let later = record.clone().with_clock(hand.clock());
        hand.pass(i64::try_from((quick().lasts + quick().grace).as_secs()).unwrap() + 1);
        let lease = later.acquire(&owner("next")).await.unwrap();

        let found = record.verify().await.unwrap();
        assert_eq!(found.problems, vec![]);
        assert_eq!(found.runs.len(), before + 1);
        let loaded = record.history().await.unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new());
        for n in 0..=last {
            assert_eq!(loaded.history.applied[&address(&format!("tenant/t{n}.files"))], "v1:aa");
        }
        run(&record, &["vpc.vpc"]).await;
        assert_eq!(record.verify().await.unwrap().problems, vec![]);
        before = found.runs.len() + 1;
        lease.release().await.unwrap();
    }
}
