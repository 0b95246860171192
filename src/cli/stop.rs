//! How a person, a service manager or a lost connection asks the program to stop.

use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
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
