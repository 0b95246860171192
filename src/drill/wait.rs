//! Waiting for what takes AWS minutes or hours.

use std::time::Duration;

use tokio::time::Instant;

use super::Progress;
use crate::planes::error::{Class, Error, Result};

/// The first pause and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How often in a row there may be no answer: ten minutes without a network end no restore of hours.
const SILENCES: u32 = 40;

/// What was seen of it.
pub(super) enum Step<T> {
    /// It is so.
    Done(T),
    /// Not yet; what it is now.
    NotYet(String),
}

/// Asks until it is so. `what` is in the error when `patience` ends.
pub(super) async fn until<T>(
    what: &str,
    patience: Duration,
    progress: &Progress,
    mut ask: impl AsyncFnMut() -> Result<Step<T>>,
) -> Result<T> {
    let (end, mut pause, mut silences) = (Instant::now() + patience, PAUSES.0, 0);
    loop {
        let state = match ask().await {
            Ok(Step::Done(value)) => return Ok(value),
            Ok(Step::NotYet(state)) => {
                silences = 0;
                state
            }
            Err(error) if is_silence(&error) && silences < SILENCES => {
                silences += 1;
                format!("no answer, asking again ({error})")
            }
            Err(error) => return Err(error),
        };
        if Instant::now() > end {
            return Err(Error::new(Class::InUse, "drill", format!("{what}: not within {} min, at last: {state}", patience.as_secs() / 60)));
        }
        progress.send_replace(format!("{what}: {state}"));
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSES.1);
    }
}

/// Whether it says nothing of what was asked about.
fn is_silence(error: &Error) -> bool {
    matches!(error.class, Class::Unreachable | Class::Ambiguous | Class::Throttled)
}
