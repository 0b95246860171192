//! The command line as others call it: the real binary, its exit codes, its streams, its errors, and that no secret leaves it.

mod canary;
mod codes;
mod counts;
mod errors;
mod golden;
mod offline;
mod streams;
mod support;

#[path = "../plan/world.rs"]
#[allow(dead_code)]
mod world;
