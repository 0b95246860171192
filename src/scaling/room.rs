//! Whether what needs memory finds it. A tenant of 2 GiB needs one host with 2 GiB free: a sum does not help it.

/// What is free on each host that takes tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room(Vec<u64>);

impl Room {
    /// With so much free on each host.
    #[must_use]
    pub fn new(free: impl IntoIterator<Item = u64>) -> Self {
        Self(free.into_iter().collect())
    }

    /// One more host.
    pub fn add(&mut self, free: u64) {
        self.0.push(free);
    }

    /// Puts something where the least is left over; false where there is no room for it.
    pub fn place(&mut self, size: u64) -> bool {
        let best = self.0.iter_mut().filter(|free| **free >= size).min_by_key(|free| **free);
        best.is_some_and(|free| {
            *free -= size;
            true
        })
    }

    /// Puts in all that fits, the largest first; which of them do not fit, by their places.
    pub fn place_all(&mut self, sizes: &[u64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(sizes[*at]), *at));
        order.retain(|at| !self.place(sizes[*at]));
        order.sort_unstable();
        order
    }

    /// How many of that size fit.
    #[must_use]
    pub fn fits(&self, size: u64) -> u64 {
        self.0.iter().map(|free| free.checked_div(size).unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
    }

    /// Whether, wherever `moved` bytes in pieces of at most `size` are put, each finds a place and `spare` more of that size still do.
    ///
    /// As long as less than `spare` fit, fewer than `spare + hosts - 1` times `size` are free: on each host less than one piece is lost beside the
    /// whole ones. So with that much left in sum, there is no way to put things that leaves too little. Who goes by this never has to
    /// take a host back because Swarm placed otherwise than was thought.
    #[must_use]
    pub fn suffices(&self, moved: u64, size: u64, spare: u64) -> bool {
        let hosts = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        let free = self.0.iter().copied().fold(0, u64::saturating_add);
        hosts > 0 && free >= moved.saturating_add(size.saturating_mul((spare + hosts).saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn two_halves_are_no_room_for_a_whole() {
        let mut room = Room::new([GIB, GIB]);
        assert_eq!(room.place_all(&[2 * GIB, GIB]), [0]);
        assert_eq!(room.fits(GIB), 1);
        room.add(2 * GIB);
        assert!(room.place(2 * GIB) && !room.place(2 * GIB));
    }

    proptest! {
        #[test]
        fn what_suffices_does_so_wherever_things_are_put(
            free in proptest::collection::vec(0u64..64, 1..8),
            pieces in proptest::collection::vec((1u64..=8, any::<prop::sample::Index>()), 0..16),
            spare in 1u64..4,
        ) {
            let size = 8;
            let moved = pieces.iter().map(|(piece, _)| piece).sum();
            let mut room = Room::new(free);
            prop_assume!(room.suffices(moved, size, spare));
            for (piece, at) in pieces {
                // Any host that has room.
                let mut able: Vec<&mut u64> = room.0.iter_mut().filter(|free| **free >= piece).collect();
                prop_assert!(!able.is_empty());
                let at = at.index(able.len());
                *able[at] -= piece;
            }
            prop_assert!(room.fits(size) >= spare);
        }
    }
}
