//! The kinds of AWS, one file each, and the table that lists them all.

mod support;

// network
pub mod vpc;
// edge
// data
// compute
// security
// operations

use super::row::{Row, row};

/// Every kind. One line each.
pub static KINDS: &[Row] = &[
    // network
    row::<vpc::Vpc>(),
    // edge
    // data
    // compute
    // security
    // operations
];
