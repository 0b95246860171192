//! What several kinds need and one pass reads once.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Class, Error, Result};

/// One value, read by whoever comes first.
type Cell = tokio::sync::OnceCell<Arc<dyn Any + Send + Sync>>;

/// What a pass has read already.
#[derive(Default)]
pub struct Once(Mutex<BTreeMap<&'static str, Arc<Cell>>>);

impl Once {
    /// Reads `what` once; later callers get the same value. A failed read is not remembered.
    ///
    /// # Errors
    /// What `read` answered.
    pub async fn read<T, F>(&self, what: &'static str, read: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let cell = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default().clone();
        let value = cell.get_or_try_init(|| async { Ok::<_, Error>(Arc::new(read().await?) as Arc<dyn Any + Send + Sync>) }).await?.clone();
        value.downcast::<T>().map_err(|_| Error::new(Class::Invalid, what, "read as two types under one name"))
    }
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Once")
    }
}
