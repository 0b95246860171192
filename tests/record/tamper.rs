//! A journal that was changed afterwards does not verify.

use std::fs;
use std::path::PathBuf;

use reeve::record::{Problem, Record};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{attempt, end, local, made, run, start};

/// Two runs; the first in five objects: begun, attempt, result, attempt and result together, ended.
async fn two_runs() -> (TempDir, Record, Vec<PathBuf>) {
    let (folder, record) = local();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.attempt(attempt("vpc.vpc", "a")).await.unwrap();
    journal.append(vec![made("vpc.vpc", "v1:aa")]).await.unwrap();
    let two = vec![reeve::record::Event::Attempt(attempt("edge.alb", "b")), made("edge.alb", "v1:bb")];
    journal.append(two).await.unwrap();
    journal.finish(end()).await.unwrap();
    run(&record, &["files.fs"]).await;
    let keys = record.store().list("journal/", None).await.unwrap();
    let files = keys.iter().map(|key| folder.path().join("record").join(key)).collect();
    assert_eq!(record.verify().await.unwrap().problems, vec![]);
    (folder, record, files)
}

async fn problems(record: &Record) -> Vec<Problem> {
    record.verify().await.unwrap().problems
}

fn edit(file: &PathBuf, change: impl FnOnce(&mut Value)) {
    let mut batch: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut batch);
    fs::write(file, batch.to_string()).unwrap();
}

#[tokio::test]
async fn an_altered_entry_shows_at_the_next_one() {
    let (_folder, record, files) = two_runs().await;
    edit(&files[2], |batch| batch["entries"][0]["outcome"]["ok"]["id"] = "vpc-2".into());
    let problems = problems(&record).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].place.as_str(), problems[0].entry), (files[3].to_str().unwrap(), Some(4)));
    assert!(problems[0].what.contains("altered"));
}

#[tokio::test]
async fn an_added_field_shows() {
    let (_folder, record, files) = two_runs().await;
    edit(&files[1], |batch| batch["entries"][0]["note"] = "approved".into());
    assert_eq!(problems(&record).await.len(), 1);
}

#[tokio::test]
async fn a_missing_object_shows() {
    let (_folder, record, files) = two_runs().await;
    fs::remove_file(&files[1]).unwrap();
    let problems = problems(&record).await;
    assert!(problems.iter().any(|problem| problem.what.contains("object 2 of its run") && problem.place == files[2].to_str().unwrap()));
}

#[tokio::test]
async fn a_missing_entry_and_reordered_ones_show() {
    let (_folder, record, files) = two_runs().await;
    let whole = fs::read(&files[3]).unwrap();
    edit(&files[3], |batch| drop(batch["entries"].as_array_mut().unwrap().remove(0)));
    assert!(problems(&record).await.iter().any(|problem| problem.what.contains("entry 4 should come here")));
    fs::write(&files[3], whole).unwrap();
    edit(&files[3], |batch| batch["entries"].as_array_mut().unwrap().swap(0, 1));
    assert!(problems(&record).await.iter().any(|problem| problem.what.contains("out of order")));
}

#[tokio::test]
async fn objects_that_changed_places_show() {
    let (_folder, record, files) = two_runs().await;
    let (one, other) = (fs::read(&files[1]).unwrap(), fs::read(&files[2]).unwrap());
    fs::write(&files[1], other).unwrap();
    fs::write(&files[2], one).unwrap();
    assert!(problems(&record).await.iter().any(|problem| problem.what.contains("it was moved")));
}

#[tokio::test]
async fn a_missing_run_shows() {
    let (_folder, record, files) = two_runs().await;
    fs::remove_dir_all(files[0].parent().unwrap()).unwrap();
    let problems = problems(&record).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].entry, Some(1));
}

#[tokio::test]
async fn a_cut_off_end_shows_by_the_history() {
    let (_folder, record, files) = two_runs().await;
    fs::remove_file(files.last().unwrap()).unwrap();
    let problems = problems(&record).await;
    assert!(problems.len() == 1 && problems[0].what.contains("history"), "{problems:?}");
}

#[tokio::test]
async fn what_is_no_journal_shows() {
    let (_folder, record, files) = two_runs().await;
    fs::write(&files[2], "not JSON").unwrap();
    fs::write(files[2].with_file_name("note.txt"), "hello").unwrap();
    let problems = problems(&record).await;
    assert!(problems.iter().any(|problem| problem.what.contains("does not belong")));
    assert!(problems.iter().any(|problem| problem.place == files[2].to_str().unwrap()));
}
