//! The journal of one run: every attempt and every result, durable before the next step begins.
//!
//! Many resources are worked on at once, so entries are written in groups: whatever was appended while the last write
//! was under way goes into the next object. An apply of thousands of resources thus costs a few writes per second, not
//! two per resource, and still no step starts before its entry is safe.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

use super::entry::{Attempt, Batch, Entry, Event, FORMAT_VERSION, RunEnd, RunStart, batch_key, run_name};
use super::history::{Head, History};
use super::store::{Put, Store};
use super::{Clock, RecordError, canonical, sha256};

/// How many entries one object takes at most, so that none gets unwieldy.
const GROUP: usize = 1000;

/// The open journal of a run. Appending never blocks; what is appended is written in its order.
#[derive(Debug)]
pub struct Journal {
    run: String,
    writer: mpsc::UnboundedSender<Order>,
}

/// Entries on their way into the journal: await it before the step that they announce. Dropping it does not stop the
/// write.
#[must_use = "the step must not begin before its entry is durable"]
#[derive(Debug)]
pub struct Pending {
    run: String,
    done: oneshot::Receiver<Result<(), RecordError>>,
}

#[derive(Debug)]
enum Order {
    Write(Vec<Event>, oneshot::Sender<Result<(), RecordError>>),
    Finish(RunEnd, oneshot::Sender<Result<Vec<String>, RecordError>>),
}

impl Journal {
    /// See [`super::Record::begin`].
    pub(super) async fn begin(store: Store, clock: Clock, history: History, start: RunStart) -> Result<Self, RecordError> {
        if let Store::Local(folder) = &store {
            folder.sweep();
        }
        let run = run_name(history.next_run(), clock.now());
        let (writer, orders) = mpsc::unbounded_channel();
        let journal = Self { run: run.clone(), writer };
        let first = journal.append(vec![Event::RunStarted(start)]);
        tokio::spawn(Writer { store, clock, run, history, sequence: 0, entries: 0, broken: None }.serve(orders));
        first.await?;
        Ok(journal)
    }

    /// The run's name.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Says that a call is about to be made.
    pub fn attempt(&self, attempt: Attempt) -> Pending {
        self.append(vec![Event::Attempt(attempt)])
    }

    /// Appends entries, next to each other: a step's result and the next step's attempt need only one wait.
    pub fn append(&self, events: Vec<Event>) -> Pending {
        let (done_in, done) = oneshot::channel();
        // When the writer has ended, the sender is dropped with the order, and awaiting says so.
        let _ = self.writer.send(Order::Write(events, done_in));
        Pending { run: self.run.clone(), done }
    }

    /// Ends the run and writes the history. Gives warnings: a history that could not be written is folded anew by the
    /// next run.
    ///
    /// # Errors
    /// [`RecordError::JournalStopped`] when the end, or anything before it, could not be written.
    pub async fn finish(&self, end: RunEnd) -> Result<Vec<String>, RecordError> {
        let (done_in, done) = oneshot::channel();
        let _ = self.writer.send(Order::Finish(end, done_in));
        done.await.unwrap_or_else(|_| Err(ended(&self.run)))
    }
}

impl Future for Pending {
    type Output = Result<(), RecordError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.done).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(ended(&self.run))))
    }
}

fn ended(run: &str) -> RecordError {
    RecordError::JournalStopped { run: run.to_owned(), why: "the run has ended".to_owned() }
}

/// The task that writes: alone, so that the chain has one end.
struct Writer {
    store: Store,
    clock: Clock,
    run: String,
    history: History,
    sequence: u64,
    entries: u64,
    /// After a failed write nobody knows what the record holds, so nothing is written any more.
    broken: Option<RecordError>,
}

impl Writer {
    async fn serve(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut waiting = Vec::new();
        while orders.recv_many(&mut waiting, GROUP).await > 0 {
            let (mut events, mut writers, mut finish) = (Vec::new(), Vec::new(), None);
            for order in waiting.drain(..) {
                match order {
                    // Behind the end of a run nothing is written; the dropped sender says so.
                    _ if finish.is_some() => {}
                    Order::Write(more, done) => {
                        events.extend(more);
                        writers.push(done);
                    }
                    Order::Finish(end, done) => {
                        events.push(Event::RunEnded(end));
                        finish = Some(done);
                    }
                }
            }
            let result = self.write(events).await;
            for writer in writers {
                // Whoever does not wait for the entry does not need the answer.
                let _ = writer.send(result.clone());
            }
            if let Some(done) = finish {
                let answer = match result {
                    Ok(()) => Ok(self.save_history().await),
                    Err(error) => Err(error),
                };
                let _ = done.send(answer);
                return;
            }
        }
    }

    async fn write(&mut self, events: Vec<Event>) -> Result<(), RecordError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if events.is_empty() {
            return Ok(());
        }
        let written = self.try_write(events).await;
        written.map_err(|error| {
            let stopped = RecordError::JournalStopped { run: self.run.clone(), why: error.to_string() };
            self.broken = Some(stopped.clone());
            stopped
        })
    }

    async fn try_write(&mut self, events: Vec<Event>) -> Result<(), RecordError> {
        if let Store::Local(folder) = &self.store
            && self.sequence > 0
        {
            // A write would make the folder anew, with a journal whose beginning is gone.
            let before = batch_key(&self.run, self.sequence);
            if !folder.has(&before) {
                let hint = "Somebody removed it while the run went on: bring the record back, then run the same command again";
                return Err(RecordError::Damaged { place: self.store.place(&before), why: "it is not there any more".to_owned(), hint });
            }
        }
        let at = self.clock.now();
        let mut previous = self.history.head.as_ref().map(|head| head.digest.clone());
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            self.entries += 1;
            let entry = Entry { n: self.entries, at, previous, event };
            previous = Some(sha256(&canonical(&entry)?));
            entries.push(entry);
        }
        self.sequence += 1;
        let key = batch_key(&self.run, self.sequence);
        let batch = Batch { format_version: FORMAT_VERSION, run: self.run.clone(), sequence: self.sequence, entries };
        if self.store.put_new(&key, canonical(&batch)?).await? == Put::Refused {
            let hint = "Somebody else writes to this journal; `reeve journal verify DIR` says more";
            return Err(RecordError::Damaged { place: self.store.place(&key), why: "it exists already".to_owned(), hint });
        }
        for entry in &batch.entries {
            self.history.fold(entry);
        }
        self.history.head = previous.map(|digest| Head { key, digest });
        Ok(())
    }

    async fn save_history(&self) -> Vec<String> {
        let saved = self.history.save(&self.store).await;
        saved.err().map(|error| format!("{error}; the next run makes up for it from the journal")).into_iter().collect()
    }
}
