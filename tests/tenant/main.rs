//! What is done with one tenant's data: real MariaDB, real folders, the others running.

#[path = "../support/mariadb.rs"]
mod mariadb;

mod ground;
mod life;
mod tampered;
