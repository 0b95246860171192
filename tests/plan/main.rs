//! Planning is pure: these tests make worlds in memory and look at plans. No network, no clock.

mod beyond;
mod decisions;
mod hold;
mod leftover;
mod missing;
mod moved;
mod order;
mod policy;
mod properties;
mod safety;
mod stale;
mod world;
