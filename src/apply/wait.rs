//! Waiting for the cloud, without a hot loop.

use std::time::Duration;

use tokio::time::Instant;

/// A pause that grows from a fifth of a second to fifteen, until patience is at its end.
#[derive(Debug)]
pub struct Backoff {
    pause: Duration,
    end: Instant,
}

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

impl Backoff {
    /// Begins.
    pub fn new(patience: Duration) -> Self {
        Self { pause: FIRST, end: Instant::now() + patience }
    }

    /// Pauses; `false` when patience is at its end.
    pub async fn pause(&mut self) -> bool {
        if Instant::now() + self.pause > self.end {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 3 / 2).min(LONGEST);
        true
    }
}
