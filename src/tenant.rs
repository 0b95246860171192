//! One tenant at a time: what it is doing, and what is done with its data.
//!
//! A backup is one file: a manifest, the schema as SQL, the folder's files, compressed and encrypted ([`archive`]). It is read and checked as a whole
//! before anything is touched. What a restore writes, it writes as the tenant's own user: whatever stands in an archive can reach no other
//! tenant.

pub mod archive;
pub mod backup;
pub mod key;
mod load;
pub mod newest;
pub mod overview;
pub mod place;
mod program;
pub mod progress;
pub mod restore;
pub mod stage;
mod unpack;
mod watch;
