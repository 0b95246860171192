//! The kinds of the network against the emulated AWS: made, read back, changed, read back, dropped.

#[path = "kinds_network/harness.rs"]
mod harness;

#[path = "kinds_network/edges.rs"]
mod edges;
#[path = "kinds_network/endpoints.rs"]
mod endpoints;
#[path = "kinds_network/groups.rs"]
mod groups;
#[path = "kinds_network/module.rs"]
mod module;
#[path = "kinds_network/tables.rs"]
mod tables;
