//! Tenants on a real fleet: the whole estate applied with a real Docker Engine, MariaDB and HAProxy inside. Needs root and `make setup`.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/fleet.rs"]
mod fleet_ground;

#[path = "../support/scale.rs"]
mod scale_ground;

#[path = "../support/swarm.rs"]
mod swarm;

mod bad_days;
mod canary;
#[path = "../support/client.rs"]
mod client;

mod dedicated;
#[path = "../support/host.rs"]
mod host;
mod isolation;
mod kept;
mod labels;
mod life;
mod measured;
mod one_writer;
mod paced;
#[path = "../support/program.rs"]
mod program;
mod rotation;
mod runbooks;
mod scale;
mod slow;
