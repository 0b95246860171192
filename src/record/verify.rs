//! Checking the journal: each entry holds the digest of the one before it, so one that is missing, altered or moved
//! shows. What the chain cannot show is that its newest entries were cut off. Two others tell of them: the history
//! names the last entry of the last run that ended, and a note names the run of each saved plan that was applied. Where
//! neither does, because the history is missing or the last run did not end, that is said ([`Verified::open_end`]). Whoever
//! changes all three is shown by nothing but the versions that the record's bucket keeps.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::applied;
use super::entry::{Entry, Event, Outcome, RunEnd, RunStart, parse_key};
use super::history::{self, History, READS};
use super::store::{Object, Store};
use super::{RecordError, canonical, sha256};

/// What a check of the journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The runs, oldest first.
    pub runs: Vec<RunSummary>,
    /// What is wrong; empty when nothing is.
    pub problems: Vec<Problem>,
    /// Why it cannot be told whether entries are missing at its end; nothing when it can.
    pub open_end: Option<String>,
}

/// One run, summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Its name.
    pub run: String,
    /// When it began.
    pub at: Option<Timestamp>,
    /// How it began.
    pub start: Option<RunStart>,
    /// How it ended; nothing when it crashed or is still going on.
    pub end: Option<RunEnd>,
    /// How many entries it has.
    pub entries: u64,
    /// How many attempts.
    pub attempts: u64,
    /// How many steps failed.
    pub failures: u64,
}

/// Something wrong with the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The object.
    pub place: String,
    /// The entry's number in its run.
    pub entry: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// See [`super::Record::verify`].
pub(super) async fn verify(store: &Store) -> Result<Verified, RecordError> {
    let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut found = Verified::default();
    // Before the journal: what somebody writes meanwhile is in that then, and an end that is older than it is only not its end yet.
    let (applied, history) = (applied::runs(store).await?, history::read(store).await?);
    for key in store.list("journal/", None).await? {
        match parse_key(&key) {
            Some((run, _)) => runs.entry(run.to_owned()).or_default().push(key),
            None => found.problem(store, &key, None, "does not belong to a journal"),
        }
    }
    let (mut seen, mut last) = (HashSet::new(), None);
    for (run, keys) in runs {
        let mut chain = Chain { summary: RunSummary { run, ..RunSummary::default() }, ..Chain::default() };
        let mut objects = objects(store, keys);
        while let Some((key, object)) = objects.try_next().await? {
            chain.object(store, &key, object.as_ref(), &mut seen, &mut found);
        }
        last = chain.last;
        found.runs.push(chain.summary);
    }
    for (key, run) in applied {
        if !found.runs.iter().any(|one| one.run == run) {
            found.problem(store, &key, None, &format!("a plan was applied by the run {run}, which is missing from the journal"));
        }
    }
    found.end(store, history, &seen, last);
    Ok(found)
}

fn objects(store: &Store, keys: Vec<String>) -> impl futures::Stream<Item = Result<(String, Option<Object>), RecordError>> + Unpin + '_ {
    stream::iter(keys).map(move |key| Box::pin(async move { Ok((key.clone(), store.get(&key).await?)) })).buffered(READS)
}

impl Verified {
    /// Holds the journal's end, `last`, against the history.
    fn end(&mut self, store: &Store, history: Result<Option<History>, String>, seen: &HashSet<String>, last: Option<String>) {
        let place = store.place(history::KEY);
        match history.map(|history| history.and_then(|history| history.head)) {
            Err(why) => self.problem(store, history::KEY, None, &format!("it names the last entry of the journal, and is damaged: {why}")),
            Ok(Some(head)) if !seen.contains(&head.digest) => {
                self.problem(store, &head.key, None, "its last entry, which the history names, is missing or was altered");
            }
            Ok(Some(head)) if last.is_none_or(|last| last == head.digest) => {}
            Ok(Some(_)) => self.open_end = Some(format!("the last run has not ended, so {place} does not name its last entry yet")),
            Ok(None) if self.runs.is_empty() => {}
            Ok(None) if self.runs.iter().any(|run| run.end.is_some()) => {
                self.open_end = Some(format!("{place}, which names the last entry, is missing"));
            }
            Ok(None) => self.open_end = Some(format!("no run has ended, so there is no {place} yet that names the last entry")),
        }
    }

    fn problem(&mut self, store: &Store, key: &str, entry: Option<u64>, what: &str) {
        self.problems.push(Problem { place: store.place(key), entry, what: what.to_owned() });
    }
}

/// How far a run was followed.
#[derive(Default)]
struct Chain {
    summary: RunSummary,
    sequence: u64,
    n: u64,
    last: Option<String>,
}

impl Chain {
    fn object(&mut self, store: &Store, key: &str, object: Option<&Object>, seen: &mut HashSet<String>, found: &mut Verified) {
        let sequence = parse_key(key).map_or(0, |(_, sequence)| sequence);
        if sequence != self.sequence + 1 {
            found.problem(store, key, None, &format!("object {} of its run should come here: it is missing", self.sequence + 1));
        }
        self.sequence = sequence;
        let parsed = object.ok_or_else(|| "it vanished while it was read".to_owned());
        let parsed = parsed.and_then(|object| serde_json::from_slice::<Value>(&object.body).map_err(|error| error.to_string()));
        let batch = match parsed {
            Ok(batch) => batch,
            Err(why) => return found.problem(store, key, None, &why),
        };
        if batch["run"] != self.summary.run.as_str() || batch["sequence"] != sequence {
            found.problem(store, key, None, "it was moved: its run or sequence is not the one in its name");
        }
        let Some(entries) = batch["entries"].as_array().filter(|entries| !entries.is_empty()) else {
            return found.problem(store, key, None, "it has no entries");
        };
        for entry in entries {
            self.entry(store, key, entry, seen, found);
        }
    }

    fn entry(&mut self, store: &Store, key: &str, value: &Value, seen: &mut HashSet<String>, found: &mut Verified) {
        let n = value["n"].as_u64();
        if n != Some(self.n + 1) {
            found.problem(store, key, n, &format!("entry {} should come here: it is missing or out of order", self.n + 1));
        }
        self.n = n.unwrap_or(self.n + 1);
        let previous = value["previous"].as_str();
        let linked = match (&self.last, previous) {
            (Some(last), previous) => previous == Some(last.as_str()),
            // The first of a run follows any entry of an earlier one: a run that had lost its lease may have written on.
            (None, Some(previous)) => seen.contains(previous),
            (None, None) => seen.is_empty(),
        };
        if !linked {
            found.problem(store, key, n, "the entry before it is missing or was altered");
        }
        // Over what was read, so that fields of a later version count too.
        match canonical(value) {
            Ok(bytes) => {
                let digest = sha256(&bytes);
                seen.insert(digest.clone());
                self.last = Some(digest);
            }
            Err(error) => found.problem(store, key, n, &error.to_string()),
        }
        match serde_json::from_value::<Entry>(value.clone()) {
            Ok(entry) => self.summary.add(entry),
            Err(error) => found.problem(store, key, n, &error.to_string()),
        }
    }
}

impl RunSummary {
    fn add(&mut self, entry: Entry) {
        self.entries += 1;
        match entry.event {
            Event::RunStarted(start) => {
                self.at = Some(entry.at);
                self.start = Some(start);
            }
            Event::Attempt(_) => self.attempts += 1,
            Event::Result { outcome: Outcome::Failed { .. }, .. } => self.failures += 1,
            Event::Result { .. } => {}
            Event::RunEnded(end) => self.end = Some(end),
        }
    }
}
