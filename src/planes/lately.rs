//! A plane that did not answer is not waited for again by everybody who stood in line for it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::error::{Error, Result};

/// The last failure. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Lately(Arc<Mutex<Option<(Instant, Error)>>>);

impl Lately {
    /// Tries, unless that has failed since somebody `asked`: a failure is the answer of all who stood in line while it came about, and of nobody
    /// who comes after it.
    ///
    /// # Errors
    /// What `attempt` answered, now or then.
    pub async fn tried<T>(&self, asked: Instant, attempt: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if let Some((at, error)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && *at >= asked
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
    use std::time::Duration;

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
        let ask = || async {
            let asked = Instant::now();
            cell.get_or_try_init(|| lately.tried(asked, attempt())).await
        };
        let answers = futures::future::join_all((0..5).map(|_| ask())).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(tries.load(Ordering::Relaxed), 1);
        assert!(ask().await.is_err());
        assert_eq!(tries.load(Ordering::Relaxed), 2, "who comes later tries again");
    }
}
