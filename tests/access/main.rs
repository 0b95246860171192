//! The inner planes from outside the fleet: a laptop or a pipeline, and the ways that a stack's `access` names. The whole estate with a real engine and database
//! inside; a real sshd; of Session Manager the emulated AWS's half, and a stand-in for the plugin that carries the bytes for real. Needs root and `make setup`.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/fleet.rs"]
mod fleet_ground;

#[path = "../support/program.rs"]
mod program;

mod outside;
mod session;
mod ssh;
mod sshd;
