//! The edge on a real fleet: who wakes whom, who is put to rest, and that nobody is answered wrongly meanwhile. Needs root and `make setup`.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/fleet.rs"]
mod fleet_ground;

#[path = "../support/browser.rs"]
mod browser;

#[path = "../support/client.rs"]
mod client;

#[path = "../support/host.rs"]
mod host;

#[path = "../support/program.rs"]
mod program;

mod ground;
mod host_run;
mod killed;
mod rest;
mod said;
mod seen;
mod together;
mod units;
mod wake;
