//! A plane that did not answer a moment ago is not waited for again by everybody who stood in line for it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Error, Result};

/// How long a failure is the answer for others too. They stand in line while it comes about, and ask at once when it has.
const MOMENT: Duration = Duration::from_secs(1);

/// The last failure. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Lately(Arc<Mutex<Option<(Instant, Error)>>>);

impl Lately {
    /// Tries, unless that failed a moment ago.
    ///
    /// # Errors
    /// What `attempt` answered, now or then.
    pub async fn tried<T>(&self, attempt: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if let Some((at, error)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < MOMENT
        {
            return Err(error.clone());
        }
        let answer = attempt.await;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer.as_ref().err().map(|error| (Instant::now(), error.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::planes::Class;

    #[tokio::test]
    async fn one_failure_answers_all_who_waited_for_it() {
        let (lately, cell, tries) = (Lately::default(), tokio::sync::OnceCell::<u8>::new(), AtomicU8::new(0));
        let attempt = || async {
            tries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(Error::new(Class::Unreachable, "call", "silent"))
        };
        let ask = || cell.get_or_try_init(|| lately.tried(attempt()));
        let answers = futures::future::join_all((0..5).map(|_| ask())).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(tries.load(Ordering::Relaxed), 1);
        tokio::time::sleep(MOMENT).await;
        assert!(ask().await.is_err());
        assert_eq!(tries.load(Ordering::Relaxed), 2, "later it is tried again");
    }
}
