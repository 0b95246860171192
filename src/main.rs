//! reeve.
fn main() {}
