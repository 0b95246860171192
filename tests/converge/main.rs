//! The whole engine against an emulated AWS: what is applied is found unchanged, what differs is named and mended, what is not ours is
//! never touched, and nothing is left behind.

#[path = "../support/mod.rs"]
mod support;

mod adopt;
mod circle;
mod destroy;
mod drift;
mod excused;
mod fields;
mod foreign;
mod halfway;
mod meanwhile;
mod moved;
mod network;
mod replace;
mod spare;
mod stranger;
mod vanished;
