//! Leading the edge: the lease of who wakes tenants and puts them to rest, which is not that of who applies.

use super::{Error, Held, Session};
use crate::planes::Planes;
use crate::record::Lock;

impl Session {
    /// Takes the lease of the edge. Whoever applies is not asked: a tenant is woken also while something else is changed.
    ///
    /// # Errors
    /// [`crate::record::RecordError::Led`] while another host leads.
    pub async fn hold_edge(&self, command: &str) -> Result<Held, Error> {
        self.hold_on(Lock::Edge, command).await
    }

    /// The planes, each change asking first whether `held` covers it.
    #[must_use]
    pub fn under(&self, held: &Held) -> Planes {
        self.gated(held)
    }
}
