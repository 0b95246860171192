//! How many hosts the fleet has: grown before tenants find no room, shrunk when they have long had too much, an unhealthy host replaced.
//!
//! The policy is pure (`policy.rs`): what the swarm and the group are like, and the clock, come in; what to do goes out. `live.rs` reads and does it.
