//! A restore drill as one piece of work: what an earlier one left is deleted, a copy asked for, looked into and deleted, the result written down.
//!
//! It lasts for hours and changes nothing of the estate, so that it has a lease of its own, and others apply meanwhile. The stack's lease is held
//! only while the journal is written: before the copy is asked for, and when it is known what came of it.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Error, Held, Session};
use crate::drill::{Progress, Source, leftovers, name, remove};
use crate::model::Address;
use crate::model::drill::{Drill, Outcome};
use crate::planes::{self, Class, Planes};
use crate::record::{Lock, RecordError};

/// For how long it is tried to write a result into the journal while somebody applies.
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

impl Session {
    /// Takes the lease of drills, of which there is one at a time.
    ///
    /// # Errors
    /// [`RecordError::Drilling`] while another drill goes on.
    pub async fn hold_drill(&self, command: &str) -> Result<Held, Error> {
        self.hold_on(Lock::Drill, command).await
    }

    /// A drill of `source` under the lease of drills. Whenever `asked` returns, it is told to stop: the first time it deletes the copy at once, the
    /// second time it names it.
    ///
    /// # Errors
    /// When nothing was restored: the stack is locked, or AWS refuses. What goes wrong later is in the result.
    pub async fn drill(
        &self,
        held: &Held,
        source: &Source,
        command: &str,
        progress: &Progress,
        mut asked: impl AsyncFnMut(),
    ) -> Result<Drilled, Error> {
        let (planes, part) = (self.gated(held), source.part());
        let address = address(source)?;
        let left = leftovers(&planes.aws, part).await?;
        let name = name(&self.stack.name, Timestamp::now());
        let writing = self.hold(command).await?;
        let begun = async {
            if !left.is_empty() {
                self.task(&writing, (&address, "drill clean up"), command, async |planes: &Planes| {
                    for one in &left {
                        progress.send_replace(format!("deleting {one}, which a drill that was cut off left"));
                        remove(&planes.aws, part, one, progress).await?;
                    }
                    Ok(())
                })
                .await?;
            }
            let begin = async |planes: &Planes| source.begin(&planes.aws, &name).await;
            self.task(&writing, (&address, "drill begin"), command, begin).await
        }
        .await;
        let released = writing.release().await;
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => {
                // It may have been made all the same.
                if matches!(&error, Error::Plane(error) if error.class == Class::Ambiguous) {
                    source.remove(&planes.aws, &name, progress).await?;
                }
                return Err(error);
            }
        };
        // From here on there is a copy, and whatever happens it goes again.
        let seen = tokio::select! {
            biased;
            () = asked() => None,
            seen = source.look(&planes, &begun, progress) => Some(seen),
        };
        let removed = tokio::select! {
            biased;
            () = asked() => Err(planes::Error::new(Class::Ambiguous, "drill", "interrupted twice")),
            removed = source.remove(&planes.aws, &name, progress) => removed,
        };
        released?;
        let Some(seen) = seen else {
            let left = removed.err().map(|error| format!("{name} may stand still: {error}"));
            let why =
                planes::Error::new(Class::Invalid, "drill", left.clone().unwrap_or_else(|| "interrupted; its copy is deleted".to_owned()));
            // Nobody is kept waiting for a line of the journal now.
            if let Ok(writing) = self.hold(command).await {
                let _ = self.task(&writing, (&address, "drill"), command, async |_: &Planes| Err::<(), _>(why)).await;
                writing.release().await?;
            }
            return Ok(Drilled::Interrupted { left });
        };
        self.write_down(source.result(&begun, seen, removed, &self.connection.caller), &address, command, progress, asked).await
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

    async fn journalled(&self, drill: &Drill, address: &Address, command: &str, progress: &Progress) -> Result<(), Error> {
        let begun = Instant::now();
        let writing = loop {
            match self.hold(command).await {
                Err(Error::Record(RecordError::Held(holder))) if begun.elapsed() < PATIENCE => {
                    progress.send_replace(format!("waiting to write the result into the journal: locked by {}", holder.describe()));
                    tokio::time::sleep(PAUSE).await;
                }
                held => break held?,
            }
        };
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

/// The resource that it is a drill of.
fn address(source: &Source) -> Result<Address, Error> {
    let text = source.part().address();
    Address::parse(text).map_err(|error| planes::Error::new(Class::Invalid, "drill", error.to_string()).into())
}
