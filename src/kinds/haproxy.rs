//! The kinds of a host's HAProxy, one file each, and the table that lists them.

pub mod config;

use super::row::{Row, row};

/// Every kind of this plane.
pub static KINDS: &[Row] = &[row::<config::Config>()];
