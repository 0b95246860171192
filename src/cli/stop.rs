//! How a person, a service manager or a lost connection asks the program to stop.

use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, code};

/// Ctrl-C, SIGTERM, and SIGHUP: a terminal that went away (a lost ssh session) is no reason to leave the lock behind.
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stop {
    /// Begins to listen: from now on none of these ends the program by itself.
    ///
    /// # Errors
    /// What the operating system answered.
    pub fn listen() -> Result<Self, Failure> {
        let hear = |kind| signal(kind).map_err(|error| Failure::new(code::ERROR, format!("cannot listen for signals: {error}")));
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hangup: hear(SignalKind::hangup())?,
        })
    }

    /// What arrived until now counts no longer.
    pub fn forget(&mut self) {
        while self.asked().now_or_never().is_some() {}
    }

    /// Until the next one arrives.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
