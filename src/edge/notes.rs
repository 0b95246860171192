//! What hosts tell each other by the record, asked and told beside the looks: a record that does not answer holds up no route and no start.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::record::{Edge as Note, Record, RecordError};

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon what failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be told and asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What this host tells the others.
    pub note: Option<Note>,
    /// How often it is asked what all told; `None`: nobody here wants to know.
    pub all: Option<Duration>,
}

/// What was told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What this host told before it was started anew, if anything; `None`: not known yet.
    pub before: Option<Option<Note>>,
    /// What all told last; `None`: not known since somebody here wants to know.
    pub all: Option<Vec<Note>>,
    /// Why the last round did not go well.
    pub wrong: Option<String>,
}

/// Where notes are.
pub trait Board {
    /// What that instance told last.
    async fn last(&self, instance: &str) -> Result<Option<Note>, RecordError>;
    /// Tells the others.
    async fn tell(&self, note: &Note) -> Result<(), RecordError>;
    /// What all told last.
    async fn all(&self) -> Result<Vec<Note>, RecordError>;
}

impl Board for Record {
    async fn last(&self, instance: &str) -> Result<Option<Note>, RecordError> {
        self.edge(instance).await
    }

    async fn tell(&self, note: &Note) -> Result<(), RecordError> {
        self.note_edge(note).await
    }

    async fn all(&self) -> Result<Vec<Note>, RecordError> {
        self.edges().await
    }
}

/// Keeps `told` up with what `asked` wants, for as long as it is polled.
pub async fn keep(board: impl Board, instance: String, asked: watch::Receiver<Asked>, told: watch::Sender<Told>) -> Infallible {
    Keeper { board, instance, asked, told, patience: PATIENCE, written: None, read: None }.work().await
}

struct Keeper<B> {
    board: B,
    instance: String,
    asked: watch::Receiver<Asked>,
    told: watch::Sender<Told>,
    patience: Duration,
    /// What was written last.
    written: Option<Note>,
    /// When all were read.
    read: Option<Instant>,
}

impl<B: Board> Keeper<B> {
    async fn work(mut self) -> Infallible {
        loop {
            let asked = self.asked.borrow_and_update().clone();
            let wrong = self.round(&asked).await.err();
            let failed = wrong.is_some();
            self.told.send_modify(|told| told.wrong = wrong);
            let pause = match asked.all {
                _ if failed => AGAIN,
                Some(every) => every.saturating_sub(self.read.map_or(every, |read| read.elapsed())),
                None => Duration::MAX,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = self.asked.changed(), if !failed => {}
            }
        }
    }

    async fn round(&mut self, asked: &Asked) -> Result<(), String> {
        if asked.all.is_none() {
            self.read = None;
            self.told.send_if_modified(|told| told.all.take().is_some());
        }
        if self.told.borrow().before.is_none() {
            let before = within(self.patience, self.board.last(&self.instance)).await?;
            self.told.send_modify(|told| told.before = Some(before));
        }
        if let Some(note) = asked.note.as_ref().filter(|note| self.written.as_ref() != Some(note)) {
            within(self.patience, self.board.tell(note)).await?;
            self.written = Some(note.clone());
        }
        if asked.all.is_some_and(|every| self.read.is_none_or(|read| read.elapsed() >= every)) {
            let all = within(self.patience, self.board.all()).await?;
            self.read = Some(Instant::now());
            self.told.send_modify(|told| told.all = Some(all));
        }
        Ok(())
    }
}

async fn within<T>(patience: Duration, call: impl Future<Output = Result<T, RecordError>>) -> Result<T, String> {
    match tokio::time::timeout(patience, call).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the record did not answer within {} s", patience.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;

    use super::*;

    /// One that answers for as long as it does not hang.
    #[derive(Clone)]
    struct Fake {
        hangs: watch::Sender<bool>,
        notes: Arc<Mutex<Vec<Note>>>,
    }

    impl Fake {
        async fn answer(&self) {
            if *self.hangs.borrow() {
                std::future::pending::<()>().await;
            }
        }
    }

    impl Board for Fake {
        async fn last(&self, instance: &str) -> Result<Option<Note>, RecordError> {
            self.answer().await;
            Ok(self.notes.lock().unwrap().iter().rev().find(|note| note.instance == instance).cloned())
        }

        async fn tell(&self, note: &Note) -> Result<(), RecordError> {
            self.answer().await;
            self.notes.lock().unwrap().push(note.clone());
            Ok(())
        }

        async fn all(&self) -> Result<Vec<Note>, RecordError> {
            self.answer().await;
            Ok(self.notes.lock().unwrap().clone())
        }
    }

    fn note(second: i64) -> Note {
        Note::new("one", Timestamp::from_second(second).unwrap())
    }

    /// What was told, once `is_so` of it.
    async fn once(told: &mut watch::Receiver<Told>, is_so: impl FnMut(&Told) -> bool) -> Told {
        let waited = tokio::time::timeout(Duration::from_secs(10), told.wait_for(is_so)).await;
        waited.expect("it comes to be so").unwrap().clone()
    }

    #[tokio::test]
    async fn a_record_that_hangs_is_told_and_tried_again_and_what_is_to_be_told_is_told_then() {
        let board = Fake { hangs: watch::Sender::new(true), notes: Arc::new(Mutex::new(vec![note(1)])) };
        let (asked_in, asked) = watch::channel(Asked::default());
        let (told_in, mut told) = watch::channel(Told::default());
        let patience = Duration::from_millis(50);
        let keeper = Keeper { board: board.clone(), instance: "one".into(), asked, told: told_in, patience, written: None, read: None };
        let test = async {
            let seen = once(&mut told, |told| told.wrong.is_some()).await;
            assert!(seen.before.is_none() && seen.all.is_none(), "nothing is known yet: {seen:?}");
            board.hangs.send_replace(false);
            let seen = once(&mut told, |told| told.wrong.is_none()).await;
            assert_eq!((seen.before, seen.all.is_some()), (Some(Some(note(1))), false));

            asked_in.send_replace(Asked { note: Some(note(2)), all: Some(patience) });
            let seen = once(&mut told, |told| told.all.is_some()).await;
            assert_eq!(seen.all, Some(vec![note(1), note(2)]));

            // What it was known to say stays known, and that it is old.
            board.hangs.send_replace(true);
            let seen = once(&mut told, |told| told.wrong.is_some()).await;
            assert_eq!(seen.all.map(|all| all.len()), Some(2));
            asked_in.send_modify(|asked| asked.note = Some(note(3)));
            board.hangs.send_replace(false);
            once(&mut told, |told| told.wrong.is_none()).await;
            assert_eq!(*board.notes.lock().unwrap(), [note(1), note(2), note(3)], "each is told once");

            // Who leads no more forgets: when he leads again, it is all asked anew.
            asked_in.send_modify(|asked| asked.all = None);
            once(&mut told, |told| told.all.is_none()).await;
        };
        tokio::select! {
            never = keeper.work() => match never {},
            () = test => {}
        }
    }
}
