//! A restore drill as one piece of work: what an earlier one left is deleted, a copy asked for, looked into and deleted, the result written down.
//!
//! It lasts for hours and changes nothing of the estate, so that it has a lease of its own, and others apply meanwhile. The stack's lease is held
//! only while the journal is written: when the copy is asked for, and when it is known what came of it.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Error, Held, Session};
use crate::drill::{Begun, Fate, NotDrilled, Progress, Source, leftovers, name, remove, together};
use crate::model::Address;
use crate::model::drill::{Drill, Outcome, Part};
use crate::planes::{self, Class, Planes};
use crate::record::{Lock, RecordError};

/// For how long it is waited for who applies.
const PATIENCE: Duration = Duration::from_secs(1800);
/// How often.
const PAUSE: Duration = Duration::from_secs(5);

/// What came of a drill.
#[derive(Debug)]
pub enum Drilled {
    /// It went to its end.
    Done {
        /// The result, which the record has.
        drill: Drill,
        /// Why the journal does not have it.
        unwritten: Option<String>,
    },
    /// It was told to stop.
    Interrupted {
        /// The copy that stands still, and why.
        left: Option<String>,
    },
}

/// What came of one source.
enum One {
    /// It went to its end.
    Seen(Drill),
    /// It was told to stop; the copy that stands still.
    Stopped(Option<String>),
}

impl Session {
    /// Takes the lease of drills, of which there is one at a time.
    ///
    /// # Errors
    /// [`RecordError::Drilling`] while another drill goes on.
    pub async fn hold_drill(&self, command: &str) -> Result<Held, Error> {
        self.hold_on(Lock::Drill, command).await
    }

    /// A drill of one part's `sources`, one after the other, under the lease of drills. Whenever `asked` returns, it is told to stop: the first time it deletes the copy at once, the
    /// second time it names it.
    ///
    /// # Errors
    /// When nothing was restored: the stack is locked, or AWS refuses. What goes wrong later is in the result.
    pub async fn drill(
        &self,
        held: &Held,
        sources: &[Source],
        command: &str,
        progress: &Progress,
        mut asked: impl AsyncFnMut(),
    ) -> Result<Drilled, Error> {
        let mut first: Option<Drill> = None;
        let mut others = Vec::new();
        for source in sources {
            let is_first = first.is_none();
            match self.one(held, source, is_first, command, progress, &mut asked).await {
                Ok(One::Stopped(left)) => return Ok(Drilled::Interrupted { left }),
                Ok(One::Seen(drill)) if is_first => first = Some(drill),
                Ok(One::Seen(drill)) => others.push((source.live().to_owned(), Ok(drill))),
                Err(error) if is_first => return Err(error),
                // What the servers before it showed is not thrown away.
                Err(error @ Error::Record(_)) => others.push((source.live().to_owned(), Err(NotDrilled::Kept(error.to_string())))),
                Err(error) => others.push((source.live().to_owned(), Err(NotDrilled::Refused(error.to_string())))),
            }
        }
        let (Some(first), Some(source)) = (first, sources.first()) else {
            return Err(planes::Error::new(Class::Invalid, "drill", "there is nothing to restore").into());
        };
        self.write_down(together(first, others), &source.address()?, command, progress, asked).await
    }

    /// The drill of one source.
    async fn one(
        &self,
        held: &Held,
        source: &Source,
        is_first: bool,
        command: &str,
        progress: &Progress,
        mut asked: impl AsyncFnMut(),
    ) -> Result<One, Error> {
        let (planes, part) = (self.gated(held), source.part());
        let address = source.address()?;
        // Before the stack's lease is taken: RDS may take an hour for it.
        let left = leftovers(&planes.aws, part).await?;
        let cleaned = if left.is_empty() {
            Ok(())
        } else {
            tokio::select! {
                biased;
                () = asked() => {
                    let why = format!("nothing was restored, and of an earlier drill may stand still: {}", left.join(", "));
                    self.note_if_free(interrupted(&why), (&address, "drill clean up"), command).await?;
                    return Ok(One::Stopped(Some(why)));
                }
                cleaned = clean_up(&planes, part, &left, progress) => cleaned,
            }
        };
        let name = name(&self.stack.name, Timestamp::now());
        let mut fate = Fate::Nothing;
        // At first somebody who applies is a reason not to begin; hours later it is one to wait.
        let writing = if is_first {
            self.hold(command).await?
        } else {
            tokio::select! {
                biased;
                () = asked() => return Ok(One::Stopped(None)),
                writing = self.hold_in_time(command, "ask for the next copy", progress) => writing?,
            }
        };
        let begun = async {
            if !left.is_empty() {
                self.task(&writing, (&address, "drill clean up"), command, async |_: &Planes| cleaned).await?;
            }
            let begin = async |planes: &Planes| source.begin(&planes.aws, &name, &mut fate).await;
            self.task(&writing, (&address, "drill begin"), command, begin).await
        }
        .await;
        if let Err(error) = writing.release().await {
            progress.send_replace(error.to_string());
        }
        let begun = match (begun, fate) {
            (Ok(begun), _) => begun,
            (Err(error), Fate::Nothing) => return Err(error),
            (Err(error), Fate::MayCome(copy)) => {
                return match self::removed(source, &planes, &copy, progress, asked).await {
                    Ok(()) => Err(error),
                    Err(why) => Err(stands(&error, &copy, &why)),
                };
            }
        };
        // From here on there is a copy, and whatever happens it goes again.
        let seen = tokio::select! {
            biased;
            () = asked() => None,
            seen = source.look(&planes, &begun, progress) => Some(seen),
        };
        let removed = self::removed(source, &planes, &begun, progress, &mut asked).await;
        let Some(seen) = seen else {
            let left = removed.err().map(|error| format!("{name} may stand still, or come to be: {error}"));
            let why = interrupted(left.as_deref().unwrap_or("interrupted; its copy is deleted"));
            self.note_if_free(why, (&address, "drill"), command).await?;
            return Ok(One::Stopped(left));
        };
        Ok(One::Seen(source.result(&begun, seen, removed, &self.connection.caller)))
    }

    /// Writes into the journal what a drill was stopped at, where nobody applies: nobody is kept waiting for a line of the journal now.
    async fn note_if_free(&self, why: planes::Error, (address, step): (&Address, &str), command: &str) -> Result<(), Error> {
        if let Ok(writing) = self.hold(command).await {
            let _ = self.task(&writing, (address, step), command, async |_: &Planes| Err::<(), _>(why)).await;
            writing.release().await?;
        }
        Ok(())
    }

    async fn write_down(
        &self,
        drill: Drill,
        address: &Address,
        command: &str,
        progress: &Progress,
        mut asked: impl AsyncFnMut(),
    ) -> Result<Drilled, Error> {
        self.record().note_restore_drill(&drill).await?;
        let written = tokio::select! {
            biased;
            () = asked() => Err("interrupted".to_owned()),
            written = self.journalled(&drill, address, command, progress) => written.map_err(|error| error.to_string()),
        };
        Ok(Drilled::Done { drill, unwritten: written.err() })
    }

    /// The stack's lease, once nobody else has it.
    async fn hold_in_time(&self, command: &str, what: &str, progress: &Progress) -> Result<Held, Error> {
        let begun = Instant::now();
        loop {
            match self.hold(command).await {
                Err(Error::Record(RecordError::Held(holder))) if begun.elapsed() < PATIENCE => {
                    progress.send_replace(format!("waiting to {what}: locked by {}", holder.describe()));
                    tokio::time::sleep(PAUSE).await;
                }
                held => return held,
            }
        }
    }

    async fn journalled(&self, drill: &Drill, address: &Address, command: &str, progress: &Progress) -> Result<(), Error> {
        let writing = self.hold_in_time(command, "write the result into the journal", progress).await?;
        let result = match drill.outcome {
            Outcome::Whole => Ok(()),
            Outcome::Incomplete => Err(format!("not looked into: {}", drill.unseen.join("; "))),
            Outcome::Broken => Err(drill.wrong.join("; ")),
        };
        let result = result.map_err(|why| planes::Error::new(Class::Invalid, "drill", why));
        let told = self.task(&writing, (address, "drill"), command, async |_: &Planes| result).await;
        writing.release().await?;
        // What the drill found is no failure of writing it down.
        match told {
            Err(Error::Plane(_)) => Ok(()),
            told => told,
        }
    }
}

/// Deletes what earlier drills left.
async fn clean_up(planes: &Planes, part: Part, left: &[String], progress: &Progress) -> planes::Result<()> {
    for one in left {
        progress.send_replace(format!("deleting {one}, which a drill that was cut off left"));
        remove(&planes.aws, part, one, progress).await?;
    }
    Ok(())
}

/// Deletes the copy, until it is told to stop.
async fn removed(source: &Source, planes: &Planes, copy: &Begun, progress: &Progress, mut asked: impl AsyncFnMut()) -> planes::Result<()> {
    tokio::select! {
        biased;
        () = asked() => Err(interrupted("interrupted while it was being deleted")),
        removed = source.remove(&planes.aws, copy, progress) => removed,
    }
}

fn interrupted(why: &str) -> planes::Error {
    planes::Error::new(Class::Invalid, "drill", why)
}

/// What went wrong, with the copy that stands because of it.
fn stands(error: &Error, copy: &Begun, why: &planes::Error) -> Error {
    let name = copy.name();
    let message =
        format!("{error}; {name} may stand still, or come to be, and goes on costing ({why}): the next `reeve drill DIR` deletes it");
    let class = if let Error::Plane(error) = error { error.class } else { Class::Ambiguous };
    planes::Error::new(class, "drill", message).into()
}
