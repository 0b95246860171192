//! The kinds of Docker Swarm, one file each, and the table that lists them.

pub mod network;
pub mod node;
pub mod secret;
pub mod service;

use super::row::{Row, row};

/// Every kind of this plane.
pub static KINDS: &[Row] = &[row::<network::Network>(), row::<node::Node>(), row::<secret::Secret>(), row::<service::Service>()];
