//! Restore drills: against an emulated AWS alone, and on a fleet whose database is restored for real.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/fleet.rs"]
mod fleet_ground;

#[path = "../support/host.rs"]
mod host;

mod aws;
mod fleet;
mod unheard;
