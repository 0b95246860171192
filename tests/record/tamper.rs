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
async fn an_end_that_nothing_names_is_said_to_be_open() {
    let (folder, record, files) = two_runs().await;
    assert_eq!(record.verify().await.unwrap().open_end, None);
    let history = folder.path().join("record/history.json");
    let kept = fs::read(&history).unwrap();
    fs::remove_file(&history).unwrap();
    let verified = record.verify().await.unwrap();
    assert_eq!(verified.problems, vec![]);
    assert!(verified.open_end.is_some_and(|why| why.contains("history.json") && why.contains("missing")));
    fs::write(&history, "{").unwrap();
    assert!(problems(&record).await.iter().any(|problem| problem.place.ends_with("history.json") && problem.what.contains("damaged")));

    // A run that crashed: the history names the end of the one before it.
    fs::write(&history, kept).unwrap();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.attempt(attempt("vpc.vpc", "c")).await.unwrap();
    let verified = record.verify().await.unwrap();
    assert_eq!(verified.problems, vec![]);
    assert!(verified.open_end.is_some_and(|why| why.contains("has not ended")));
    drop((journal, files));
}

#[tokio::test]
async fn a_missing_run_shows_by_the_plan_that_it_applied() {
    let (folder, record, files) = two_runs().await;
    let last = files.last().unwrap().parent().unwrap();
    record.mark_plan_applied("sha256:aa", last.file_name().unwrap().to_str().unwrap()).await.unwrap();
    assert_eq!(problems(&record).await, vec![]);
    fs::remove_dir_all(last).unwrap();
    fs::remove_file(folder.path().join("record/history.json")).unwrap();
    let problems = problems(&record).await;
    assert!(problems.len() == 1 && problems[0].place.contains("applied") && problems[0].what.contains("missing"), "{problems:?}");
}

#[tokio::test]
async fn a_journal_that_was_removed_while_it_is_written_is_not_begun_anew() {
    let (folder, record) = local();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    fs::rename(folder.path().join("record"), folder.path().join("elsewhere")).unwrap();
    let error = journal.attempt(attempt("vpc.vpc", "a")).await.unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("00000001.json") && error.contains("not there any more"), "{error}");
    assert!(!folder.path().join("record/journal").exists());
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
