//! YAML text in, a graph of resources out; all problems at once, each with its place.

pub mod check;
pub mod expression;
pub mod quantity;
pub mod read;
pub mod shape;
pub mod template;
