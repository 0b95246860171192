//! The kinds of a host's HAProxy, one file each, and the table that lists them.

use super::row::Row;

/// Every kind of this plane.
pub static KINDS: &[Row] = &[];
