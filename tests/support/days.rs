//! Days of use: tenants that are used at their hours, a fleet that follows the policy, Swarm that places by its own rule, hosts that take minutes to boot.
//! Deterministic: the same seed is the same week. Time goes by the turns of the leader, half a minute each.
#![allow(dead_code)] // each program uses a part of it

#[path = "days/fleet.rs"]
pub mod fleet;
#[path = "days/use.rs"]
pub mod usage;

pub use fleet::{Outcome, Rules, run};
pub use usage::{Tenant, clinics, offices, recorded};

/// Seconds of a turn.
pub const TURN: i64 = 30;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
pub const GIB: u64 = 1 << 30;

/// Numbers that look random and are the same each time (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to below `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % high.abs_diff(low)).expect("a small number")
    }

    /// One of a hundred, so often.
    pub fn percent(&mut self, chance: i64) -> bool {
        self.between(0, 100) < chance
    }
}
