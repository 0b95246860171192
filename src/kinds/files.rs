//! The kinds of the tenants' folders, one file each, and the table that lists them.

pub mod folder;

use super::row::{Row, row};

/// Every kind of this plane.
pub static KINDS: &[Row] = &[row::<folder::Folder>()];
