//! Taking an existing object over.

use std::collections::BTreeSet;

use super::task::Noted;
use super::{Error, Held, Session};
use crate::model::plan::Verb;
use crate::model::{Address, Marks};
use crate::plan::Wished;
use crate::planes::Planes;
use crate::planes::aws::owner::Owned;
use crate::planes::owner::owner;

impl Session {
    /// Whether an existing object may become ours, at `address`. Changes nothing.
    ///
    /// # Errors
    /// [`Error::NotAdopted`] when it is owned, or the address is live already; `NotFound` when it is not there.
    pub async fn may_adopt(&self, address: &Address, wish: &Wished, id: &str) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::NotAdopted(why));
        let observed = self.look(&BTreeSet::new(), &BTreeSet::new()).await;
        if let Some(one) = observed.unreadable.iter().find(|one| one.kind == wish.kind.name) {
            return Err(Error::Unreadable(format!("{}: {}", one.kind, one.error)));
        }
        if let Some(one) = observed.live.iter().find(|one| one.marks.address.as_ref() == Some(address)) {
            return refuse(format!("{address} is live already: {}", one.id));
        }
        if let Some(one) = observed.live.iter().find(|one| one.kind == wish.kind.name && one.id == id && one.marks.address.is_some()) {
            let whose = one.marks.address.as_ref().map(ToString::to_string).unwrap_or_default();
            return refuse(format!("{id} is this stack's already, as {whose}; to rename it, say `moved: [{whose}]` at {address}"));
        }
        (wish.kind.ready)(&self.planes, id.to_owned()).await?;
        match owner(&self.planes, wish.kind.tags, id).await? {
            Owned::No => {}
            // Our own stack's mark without a readable address: that is a lost mark, and adopting mends it.
            Owned::By(stack) if stack == self.stack.name => {}
            Owned::By(stack) => return refuse(format!("{id} is owned by the stack {stack}")),
            Owned::Unknown => {
                return refuse(format!(
                    "{} bears no mark of its own, so it cannot be adopted: it is found through its parent",
                    wish.kind.name
                ));
            }
        }
        Ok(())
    }

    /// Marks an object as ours that [`Session::may_adopt`] let through.
    ///
    /// # Errors
    /// What the record or the plane answered.
    pub async fn adopt(&self, held: &Held, address: &Address, wish: &Wished, id: &str, command: &str) -> Result<(), Error> {
        let marks = Marks { stack: self.stack.name.clone(), address: Some(address.clone()), protect: wish.protect, ..Marks::default() };
        let noted = Noted { address, id: Some(id), verb: Verb::Adopt, step: "mark" };
        self.noted(held, noted, command, async |planes: &Planes| (wish.kind.mark)(planes, id.to_owned(), marks).await).await
    }
}
