//! How many steps work at a time. A step that only waits (for the cloud, or for the users of what it is to drop) works not: its place
//! is another's until it goes on.

use tokio::sync::{Notify, Semaphore};

/// The places.
#[derive(Debug)]
pub struct Slots {
    free: Semaphore,
    freed: Notify,
}

impl Slots {
    /// So many places, at least one.
    pub fn new(number: usize) -> Self {
        Self { free: Semaphore::new(number.max(1)), freed: Notify::new() }
    }

    /// Takes a place, when one is free.
    pub fn take(&self) -> bool {
        self.free.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_ok()
    }

    /// Gives a place back. Those who go on after a wait come first.
    pub fn give(&self) {
        self.free.add_permits(1);
        self.freed.notify_one();
    }

    /// Ends when a place may have become free.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Waits without a place, and has one again when this ends.
    pub async fn waiting<T>(&self, wait: impl Future<Output = T>) -> T {
        self.give();
        let done = wait.await;
        if let Ok(place) = self.free.acquire().await {
            place.forget();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_waits_leaves_the_place_to_others_and_comes_first_afterwards() {
        let slots = Arc::new(Slots::new(1));
        assert!(slots.take() && !slots.take());
        let waits = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.waiting(tokio::time::sleep(Duration::from_millis(20))).await }
        });
        slots.freed().await;
        assert!(slots.take(), "the place of who waits");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!waits.is_finished(), "it has no place to go on");
        slots.give();
        assert!(!slots.take(), "it went to who waited");
        waits.await.unwrap();
        assert!(!slots.take(), "who goes on works");
        slots.give();
        assert!(slots.take());
    }
}
