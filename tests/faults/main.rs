//! What AWS does to its callers, and what people do to a running apply: after each of these the same command converges, and nothing
//! exists twice.
//!
//! `REEVE_FAULTS_POINTS` says how many crash points each of the crash tests tries; 0 tries every one.

mod binary;
mod crash;
mod inventory;
mod late;
mod lease;
mod left_open;
mod random;
mod reads;
mod second;
mod sorts;
mod support;
mod twins;
mod walk;
