//! What the last look saw, for whoever leads by it: who cannot see the swarm must not lead.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Whoever has not seen the swarm for so long lets another lead.
pub const BLIND: Duration = Duration::from_secs(30);

/// What the last look saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// When the swarm was last read, and what is wanted could be written; `None`: never yet.
    pub at: Option<Instant>,
    /// Who waits to be started, in order.
    pub queued: Vec<String>,
    /// Whose last start failed, and why, as the labels say; `None`: no look was finished yet.
    pub failed: Option<BTreeMap<String, String>>,
    /// What the last look could not do.
    pub trouble: Option<String>,
}

impl Looked {
    /// Whether this host sees the swarm well enough to lead.
    #[must_use]
    pub fn sees(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < BLIND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_looked_or_not_for_long_does_not_see() {
        let looked = |ago: Option<Duration>| Looked { at: ago.and_then(|ago| Instant::now().checked_sub(ago)), ..Looked::default() };
        assert!(!Looked::default().sees());
        assert!(looked(Some(Duration::ZERO)).sees());
        assert!(looked(Some(BLIND - Duration::from_secs(5))).sees(), "what fails for a moment is no reason");
        assert!(!looked(Some(BLIND)).sees());
    }
}
