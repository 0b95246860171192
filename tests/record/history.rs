//! What was last applied, also after a crash, a loss or damage.

use std::collections::BTreeMap;

use reeve::model::Address;
use reeve::model::plan::Verb;
use reeve::record::{Event, Outcome, Record};

use crate::support::{address, attempt, dropped, end, failed, local, made, run, start};

#[tokio::test]
async fn reading_a_record_that_does_not_exist_makes_nothing() {
    let (folder, record) = local();
    let loaded = record.history().await.unwrap();
    assert!(loaded.history.applied.is_empty() && loaded.warnings.is_empty());
    assert_eq!(record.holder().await.unwrap(), None);
    assert_eq!(record.was_applied("sha256:00").await.unwrap(), None);
    assert_eq!(record.verify().await.unwrap(), reeve::record::Verified::default());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn it_tells_what_was_applied_and_what_is_open() {
    let (_folder, record) = local();
    told(record).await;
}

#[tokio::test]
async fn a_crashed_run_is_made_up_for() {
    let (_folder, record) = local();
    crashed(record).await;
}

pub async fn told(record: Record) {
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.append(vec![made("vpc.vpc", "v1:aa"), made("vpc.old", "v1:bb"), dropped("vpc.old")]).await.unwrap();
    journal.attempt(attempt("edge.alb", "refused")).await.unwrap();
    journal.append(vec![failed("edge.alb", false)]).await.unwrap();
    journal.attempt(attempt("edge.waf", "answer-lost")).await.unwrap();
    journal.append(vec![failed("edge.waf", true)]).await.unwrap();
    journal.finish(end()).await.unwrap();
    let loaded = record.history().await.unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.history.applied, [(address("vpc.vpc"), "v1:aa".to_owned())].into());
    assert_eq!(loaded.history.pending, [(address("edge.waf"), attempt("edge.waf", "answer-lost"))].into());
}

pub async fn crashed(record: Record) {
    run(&record, &["vpc.vpc"]).await;
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.append(vec![made("edge.alb", "v1:bb")]).await.unwrap();
    journal.attempt(attempt("edge.waf", "token-7")).await.unwrap();
    drop(journal);
    let history = record.history().await.unwrap().history;
    assert_eq!(history.applied.len(), 2);
    assert_eq!(history.pending[&address("edge.waf")].token.as_deref(), Some("token-7"));
    run(&record, &["edge.waf"]).await;
    let found = record.verify().await.unwrap();
    assert_eq!(found.problems, vec![]);
    assert_eq!(found.runs.iter().map(|run| run.end.is_some()).collect::<Vec<_>>(), [true, false, true]);
    assert!(record.history().await.unwrap().history.pending.is_empty());
}

#[tokio::test]
async fn it_knows_what_it_made_of_what_bears_no_mark() {
    let (_folder, record) = local();
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    let result = |at: &str, id: &str, gone: bool| Event::Result {
        address: address(at),
        verb: Verb::Create,
        step: "create".to_owned(),
        unmarked: (!gone).then(|| "aws.mount_target".to_owned()),
        outcome: Outcome::Ok { id: Some(id.to_owned()), applied: None, gone },
    };
    journal.append(vec![result("files.mount/a", "fsmt-1", false), result("files.mount/b", "fsmt-2", false)]).await.unwrap();
    // Made anew, and dropped.
    journal.append(vec![result("files.mount/a", "fsmt-3", false), result("files.mount/b", "fsmt-2", true)]).await.unwrap();
    let crashed = record.history().await.unwrap().history;
    journal.finish(end()).await.unwrap();
    for history in [crashed, record.history().await.unwrap().history] {
        let made: Vec<_> = history.made.iter().map(|(at, one)| (at.as_str(), one.kind.as_str(), one.id.as_str())).collect();
        assert_eq!(made, [("files.mount/a", "aws.mount_target", "fsmt-3")]);
        // The one before is not known to be gone.
        let ids = |all: BTreeMap<(String, String), Address>| all.into_iter().map(|((_, id), at)| (id, at.to_string())).collect::<Vec<_>>();
        assert_eq!(ids(history.made_for()), [("fsmt-3".to_owned(), "files.mount/a".to_owned())]);
        assert_eq!(ids(history.made_before()), [("fsmt-1".to_owned(), "files.mount/a".to_owned())]);
    }
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    journal.append(vec![result("files.file_system/mount_target.fsmt-1", "fsmt-1", true)]).await.unwrap();
    journal.finish(end()).await.unwrap();
    let history = record.history().await.unwrap().history;
    assert_eq!((history.made_for().len(), history.made_before().len()), (1, 0), "it was dropped, under the name that it had by then");
    // So is the one that counts, where its address is another's before its end.
    let journal = record.begin(history, start()).await.unwrap();
    journal.append(vec![result("files.file_system/mount_target.fsmt-3", "fsmt-3", true)]).await.unwrap();
    journal.finish(end()).await.unwrap();
    assert!(record.history().await.unwrap().history.made_for().is_empty());
}

#[tokio::test]
async fn missing_or_damaged_it_is_made_anew() {
    let (folder, record) = local();
    run(&record, &["vpc.vpc", "edge.alb"]).await;
    let whole = record.history().await.unwrap().history;
    let file = folder.path().join("record/history.json");
    std::fs::write(&file, "{").unwrap();
    let loaded = record.history().await.unwrap();
    assert_eq!(loaded.history, whole);
    assert!(loaded.warnings.len() == 1 && loaded.warnings[0].contains("damaged"), "{:?}", loaded.warnings);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(record.history().await.unwrap().history, whole);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_a_warning() {
    let (folder, record) = local();
    run(&record, &["vpc.vpc"]).await;
    let journal = record.begin(record.history().await.unwrap().history, start()).await.unwrap();
    let key = format!("record/journal/{}/00000001.json", journal.run());
    std::fs::write(folder.path().join(key), "[]").unwrap();
    let loaded = record.history().await.unwrap();
    assert!(loaded.warnings[0].contains("journal verify"), "{:?}", loaded.warnings);
    assert_eq!(loaded.history.applied.len(), 1);
}

#[tokio::test]
async fn what_a_later_version_says_besides_breaks_no_chain() {
    let (folder, record) = local();
    run(&record, &["vpc.vpc"]).await;
    let last = record.store().list("journal/", None).await.unwrap().pop().unwrap();
    let mut body: serde_json::Value = serde_json::from_slice(&record.store().get(&last).await.unwrap().unwrap().body).unwrap();
    body["entries"].as_array_mut().unwrap().last_mut().unwrap()["later"] = true.into();
    std::fs::write(folder.path().join("record").join(&last), body.to_string()).unwrap();
    // The history was not saved: the chain goes on from what lies in the journal.
    std::fs::remove_file(folder.path().join("record/history.json")).unwrap();
    run(&record, &["vpc.app"]).await;
    assert_eq!(record.verify().await.unwrap().problems, vec![]);
}
