//! The kinds of the database server, each from its creation to its end, on a real MariaDB with TLS whose administrator may what RDS lets its own do.

#[path = "../support/mariadb.rs"]
mod mariadb;

mod access;
mod counts;
mod drift;
mod life;
mod schema;
mod secrets;
mod settings;
mod strangers;
mod user;
