//! How many hosts the fleet has: grown before tenants find no room, shrunk when they have long had too much, a dead or sick host replaced.
//!
//! The policy is pure (`policy.rs`, and beside it what each of its parts decides): what the swarm and the group are like, and the time, come in; steps and what
//! people are to be told go out. `live.rs` reads the world and takes the steps; who leads calls [`turn`] every half a minute or so.
//!
//! Memory is what a host is full by: what its tasks reserve, as Swarm counts. Of nothing that was not read whole anything is taken away.

pub mod findings;
mod heal;
mod less;
pub mod live;
pub mod memory;
mod more;
pub mod policy;
pub mod room;
pub mod settings;
pub mod world;

pub use findings::Finding;
pub use live::{Said, turn};
pub use memory::Memory;
pub use policy::{Decision, Step, decide};
pub use settings::Settings;
pub use world::World;
