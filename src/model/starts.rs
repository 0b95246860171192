//! How fast containers are started.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many containers start at the same time, from a stack's `idle`: a first start keeps a host busy for minutes, and an image that all tenants share would be
/// started anew for all of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Starts {
    /// So many, at least one.
    pub at_a_time: u32,
    /// Seconds after which one counts no more, ready or not.
    pub within: u64,
}

impl Default for Starts {
    /// What a stack has that says nothing.
    fn default() -> Self {
        Self { at_a_time: 4, within: 15 * 60 }
    }
}

impl Starts {
    /// Whether it is that of a stack that says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long one counts.
    #[must_use]
    pub const fn within(&self) -> Duration {
        Duration::from_secs(self.within)
    }
}
