//! The stack's lock, and the ear for who asks to stop: from before the lock is taken until it is given back, no signal goes unheard.

use super::super::stop::Stop;
use super::super::terminal::Terminal;
use super::super::{Failure, code};
use crate::session::{Held, Session};

/// A held lock.
pub struct Locked {
    /// The record and its lease.
    pub held: Held,
    /// Who asks to stop.
    pub stop: Stop,
}

impl Locked {
    /// Takes the lock. Half of it would stand in everybody's way for a minute: who asks to stop meanwhile waits until it is taken and given
    /// back, unless he asks again.
    pub async fn take(session: &Session, terminal: &Terminal) -> Result<Self, Failure> {
        let mut stop = Stop::listen()?;
        let taking = session.hold(&terminal.line);
        tokio::pin!(taking);
        tokio::select! {
            held = &mut taking => return Ok(Self { held: held?, stop }),
            () = stop.asked() => {}
        }
        tokio::select! {
            held = taking => Self { held: held?, stop }.release(terminal).await,
            () = stop.asked() => terminal.say(LEFT),
        }
        Err(interrupted())
    }

    /// What comes before the first step: a signal ends it at once.
    pub async fn interruptible<T>(&mut self, work: impl AsyncFnOnce(&Held) -> Result<T, Failure>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.stop.asked() => Err(interrupted()),
            done = work(&self.held) => done,
        }
    }

    /// Gives the lock back; who asks to stop from now on does not wait for that.
    pub async fn release(self, terminal: &Terminal) {
        let Self { held, mut stop } = self;
        stop.forget();
        tokio::select! {
            given = held.release() => if let Err(error) = given {
                terminal.say(&format!("warning: {error}"));
            },
            () = stop.asked() => terminal.say(LEFT),
        }
    }
}

const LEFT: &str = "warning: the lock was not given back; it ends by itself in little more than a minute";

fn interrupted() -> Failure {
    Failure::new(code::INTERRUPTED, "interrupted: nothing was touched")
}
