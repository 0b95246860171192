//! The kinds of hosts, rights, logs and alarms against the emulated AWS: made, read back, changed, read back, dropped.

#[path = "kinds_network/harness.rs"]
#[allow(dead_code)] // what only the network's tests use
mod harness;

#[path = "kinds_compute/hosts.rs"]
mod hosts;
#[path = "kinds_compute/rights.rs"]
mod rights;
#[path = "kinds_compute/secrets.rs"]
mod secrets;
#[path = "kinds_compute/watching.rs"]
mod watching;
