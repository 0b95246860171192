//! Records to test with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reeve::model::Address;
use reeve::model::plan::Verb;
use reeve::record::{Attempt, Batch, Clock, Entry, Event, LocalFolder, Outcome, Owner, Record, RunEnd, RunStart, Store, Terms};
use tempfile::TempDir;

/// A record in a fresh folder.
pub fn local() -> (TempDir, Record) {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::new(Store::Local(LocalFolder::new(folder.path().join("record"))));
    (folder, record)
}

/// Renewed often, so that a heartbeat can be seen, and lasting long enough for a machine that is busy with other things.
pub fn quick() -> Terms {
    Terms {
        lasts: Duration::from_secs(10),
        renew_every: Duration::from_millis(100),
        answer: Duration::from_secs(5),
        grace: Duration::from_secs(1),
    }
}

/// What lies in the journal of a run.
pub async fn entries(record: &Record, run: &str) -> Vec<Entry> {
    let mut all = Vec::new();
    for key in record.store().list(&format!("journal/{run}/"), None).await.unwrap() {
        let object = record.store().get(&key).await.unwrap().unwrap();
        all.extend(serde_json::from_slice::<Batch>(&object.body).unwrap().entries);
    }
    all
}

/// A clock that is moved by hand.
#[derive(Clone, Default)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    pub fn clock(&self) -> Clock {
        let moved = self.0.clone();
        let start = Timestamp::now();
        Clock::from_fn(move || start + SignedDuration::from_secs(moved.load(Ordering::SeqCst)))
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub fn owner(who: &str) -> Owner {
    Owner { who: who.to_owned(), command: "apply desired/hostedehr".to_owned() }
}

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub fn start() -> RunStart {
    let plan = "sha256:0000".to_owned();
    RunStart { plan, who: "arn:aws:iam::123456789012:user/ops".to_owned(), commit: None, command: "apply".to_owned() }
}

pub fn end() -> RunEnd {
    RunEnd::default()
}

pub fn attempt(at: &str, token: &str) -> Attempt {
    Attempt { address: address(at), verb: Verb::Create, step: "create".to_owned(), token: Some(token.to_owned()) }
}

pub fn made(at: &str, mark: &str) -> Event {
    let outcome = Outcome::Ok { id: Some("vpc-1".to_owned()), applied: Some(mark.to_owned()), gone: false };
    Event::Result { address: address(at), verb: Verb::Create, step: "create".to_owned(), unmarked: None, outcome }
}

pub fn dropped(at: &str) -> Event {
    let outcome = Outcome::Ok { id: None, applied: None, gone: true };
    Event::Result { address: address(at), verb: Verb::Delete, step: "drop".to_owned(), unmarked: None, outcome }
}

pub fn failed(at: &str, unknown: bool) -> Event {
    let outcome = Outcome::Failed { class: "throttled".to_owned(), message: "Rate exceeded".to_owned(), unknown };
    Event::Result { address: address(at), verb: Verb::Create, step: "create".to_owned(), unmarked: None, outcome }
}

/// A run over these addresses, from beginning to end.
pub async fn run(record: &Record, addresses: &[&str]) -> String {
    let loaded = record.history().await.unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let journal = record.begin(loaded.history, start()).await.unwrap();
    for at in addresses {
        journal.attempt(attempt(at, "token")).await.unwrap();
        journal.append(vec![made(at, "v1:aa")]).await.unwrap();
    }
    assert_eq!(journal.finish(end()).await.unwrap(), Vec::<String>::new());
    journal.run().to_owned()
}
