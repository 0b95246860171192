//! How a person, a service manager or a lost connection asks the program to stop.

use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, code};

/// Ctrl-C, SIGTERM, and SIGHUP: a terminal that went away (a lost ssh session) is no reason to leave the lock behind.
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: whoever listens for it himself means something else by it.
    hangup: Option<Signal>,
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
            hangup: Some(hear(SignalKind::hangup())?),
        })
    }

    /// The same for a service, which SIGHUP asks for something else; that is heard by itself.
    ///
    /// # Errors
    /// What the operating system answered.
    pub fn listen_as_service() -> Result<(Self, Signal), Failure> {
        let mut stop = Self::listen()?;
        let hangup = stop.hangup.take();
        let hangup = hangup.ok_or_else(|| Failure::new(code::ERROR, "cannot listen for SIGHUP"))?;
        Ok((stop, hangup))
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
            Some(()) = async { self.hangup.as_mut()?.recv().await } => {}
        }
    }
}
