//! The kinds of the database server, one file each, and the table that lists them.

use super::row::{Row, row};

mod makers;
pub mod schema;
pub mod settings;
pub mod user;

/// Every kind of this plane.
pub static KINDS: &[Row] = &[row::<schema::Schema>(), row::<user::User>(), row::<settings::Settings>()];

const fn yes() -> bool {
    true
}
