//! One tenant at a time: what it is doing, and what is done with its data.

pub mod overview;
