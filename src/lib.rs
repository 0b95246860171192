//! reeve.
