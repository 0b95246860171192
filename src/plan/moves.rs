//! What `moved` says, held beside what is live. (No two were the same one, and none was one that is still wished: `desired` sees to that.)

use std::collections::BTreeMap;

use super::Wished;
use crate::kinds::AnyLive;
use crate::model::Address;

/// The moves that are followed, and what cannot be.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// New address to the one that the object bears.
    pub followed: BTreeMap<Address, Address>,
    /// Old addresses at which only something stands that was replaced under its new address, and that new one.
    pub replaced: BTreeMap<Address, Address>,
    /// What is not made, because it cannot be what it says to have been: reason and hint.
    pub unclear: BTreeMap<Address, (String, String)>,
    /// What stays as it is, because an unclear one says that it was this.
    pub meant: BTreeMap<Address, String>,
}

impl Moves {
    /// `declared` are the YAML's wishes, `live` what counts at each address by its mark.
    pub(super) fn resolve(declared: &BTreeMap<Address, Wished>, live: &BTreeMap<Address, &AnyLive>) -> Self {
        let mut moves = Self::default();
        for (to, wish) in declared {
            let before = wish.moved_from.iter().filter_map(|from| Some((from, *live.get(from)?)));
            let mut free = before.filter(|(from, _)| !declared.contains_key(*from) && !moves.followed.values().any(|taken| taken == *from));
            if let Some(now) = live.get(to) {
                // It was moved; what is on its way out under the old name is what it replaced.
                let left = free.filter(|(_, one)| one.marks.retiring && !now.marks.retiring).map(|(from, _)| (from.clone(), to.clone()));
                moves.replaced.extend(left.collect::<Vec<_>>());
                continue;
            }
            let mut other = None;
            match free.find(|(from, one)| {
                let fits = one.kind == wish.kind.name;
                other = other.or((!fits).then_some((*from, *one)));
                fits
            }) {
                Some((from, _)) => drop(moves.followed.insert(to.clone(), from.clone())),
                None => moves.refuse(to, wish, other),
            }
        }
        moves
    }

    /// An object keeps its kind.
    fn refuse(&mut self, to: &Address, wish: &Wished, other: Option<(&Address, &AnyLive)>) {
        let Some((from, one)) = other else { return };
        let reason = format!("it says that it was {from}, which is an {} and cannot become an {}", one.kind, wish.kind.name);
        let hint = format!("take {from} out of `moved`: then this one is made, and that one goes");
        self.unclear.insert(to.clone(), (reason, hint));
        self.meant.insert(from.clone(), format!("{to} says that it was this one"));
    }
}
