//! Keys, databases, files and buckets against the emulated AWS: each kind is made, read back, changed in every field that can
//! change, and deleted; what another stack owns is never seen.

#[path = "kinds_data/bucket.rs"]
mod bucket;
#[path = "kinds_data/db.rs"]
mod db;
#[path = "kinds_data/efs.rs"]
mod efs;
#[path = "kinds_data/key.rs"]
mod key;
#[path = "kinds_data/modules.rs"]
mod modules;
#[path = "kinds_data/support.rs"]
mod support;
