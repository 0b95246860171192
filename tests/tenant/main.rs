//! What is done with one tenant's data: real MariaDB, real folders, the others running. The commands also with a real Docker Engine, which needs root
//! and `make setup`.

#[path = "../support/fleet.rs"]
mod fleet;
#[path = "../support/mariadb.rs"]
mod mariadb;
#[path = "../support/mod.rs"]
mod support;

mod commands;
mod ended;
mod ground;
mod life;
mod parts;
mod tampered;
