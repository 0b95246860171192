//! What a run leaves behind.

use reeve::record::{Event, Record, RecordError};

use crate::support::{attempt, end, entries, local, made, run, start};

#[tokio::test]
async fn runs_are_chained_and_verify() {
    let (_folder, record) = local();
    chained(record).await;
}

#[tokio::test]
async fn what_waits_is_written_together() {
    let (_folder, record) = local();
    grouped(record).await;
}

pub async fn chained(record: Record) {
    let first = run(&record, &["vpc.vpc", "vpc.gateway"]).await;
    let second = run(&record, &["edge.alb"]).await;
    assert!(first < second, "{first} {second}");
    let found = record.verify().await.unwrap();
    assert_eq!(found.problems, vec![]);
    let summary: Vec<_> = found.runs.iter().map(|run| (run.run.as_str(), run.entries, run.attempts, run.end.is_some())).collect();
    assert_eq!(summary, [(first.as_str(), 6, 2, true), (second.as_str(), 4, 1, true)]);
    assert_eq!(found.runs[0].start, Some(start()));

    let entries = entries(&record, &second).await;
    let names: Vec<_> = entries.iter().map(|entry| (entry.n, &entry.event)).collect();
    let attempt = Event::Attempt(attempt("edge.alb", "token"));
    let expected = [Event::RunStarted(start()), attempt, made("edge.alb", "v1:aa"), Event::RunEnded(end())];
    assert_eq!(names, expected.iter().enumerate().map(|(n, event)| (n as u64 + 1, event)).collect::<Vec<_>>());
    assert!(entries.iter().all(|entry| entry.previous.is_some()));
}

pub async fn grouped(record: Record) {
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    let pending: Vec<_> = (0..2000).map(|n| journal.attempt(attempt(&format!("tenant/t{n}.files"), "token"))).collect();
    for entry in pending {
        entry.await.unwrap();
    }
    journal.finish(end()).await.unwrap();
    let objects = record.store().list("journal/", None).await.unwrap().len();
    assert!(objects <= 6, "{objects} objects for 2,002 entries");
    let found = record.verify().await.unwrap();
    assert_eq!((found.problems, found.runs[0].entries), (vec![], 2002));
}

#[tokio::test]
async fn an_entry_is_durable_once_awaited() {
    let (_folder, record) = local();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.attempt(attempt("vpc.vpc", "token-1")).await.unwrap();
    // Nothing was closed or flushed in between.
    let entries = entries(&record, journal.run()).await;
    assert_eq!(entries.last().unwrap().event, Event::Attempt(attempt("vpc.vpc", "token-1")));
}

#[tokio::test]
async fn after_a_failed_write_nothing_more_is_taken() {
    let (folder, record) = local();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    let runs = folder.path().join("record/journal");
    std::fs::rename(&runs, folder.path().join("away")).unwrap();
    std::fs::write(&runs, "in the way").unwrap();
    let error = journal.attempt(attempt("vpc.vpc", "token")).await.unwrap_err();
    assert!(matches!(&error, RecordError::JournalStopped { why, .. } if why.contains("not there any more")), "{error}");
    std::fs::remove_file(&runs).unwrap();
    std::fs::rename(folder.path().join("away"), &runs).unwrap();
    assert!(journal.attempt(attempt("vpc.vpc", "token")).await.is_err());
    assert!(journal.finish(end()).await.is_err());
    assert_eq!(record.verify().await.unwrap().runs[0].entries, 1);
}

#[tokio::test]
async fn a_run_that_ended_takes_nothing_more() {
    let (_folder, record) = local();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.finish(end()).await.unwrap();
    let error = journal.attempt(attempt("vpc.vpc", "token")).await.unwrap_err().to_string();
    assert!(error.contains("the run has ended"), "{error}");
}

#[tokio::test]
async fn two_runs_at_once_are_no_tampering() {
    let (_folder, record) = local();
    run(&record, &["vpc.vpc"]).await;
    let history = record.history().await.unwrap().history;
    let stale = record.begin(history.clone(), start()).await.unwrap();
    let other = record.begin(history, start()).await.unwrap();
    stale.attempt(attempt("edge.alb", "a")).await.unwrap();
    other.attempt(attempt("edge.alb", "b")).await.unwrap();
    assert_eq!(record.verify().await.unwrap().problems, vec![]);
}
