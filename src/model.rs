//! Small validated types that every room shares. No I/O, no async, no clock.

pub mod access;
pub mod address;
pub mod census;
pub mod drill;
pub mod edit;
pub mod engine;
pub mod field;
pub mod firewall;
pub mod hole;
pub mod host;
pub mod hours;
pub mod marks;
pub mod name;
pub mod node;
pub mod plan;
pub mod problem;
pub mod record_bucket;
pub mod report;
pub mod runbook;
pub mod secret;
pub mod starts;
pub mod stranger;
pub mod tenant;
pub mod visible;
pub mod watcher;

pub use access::Access;
pub use address::Address;
pub use field::{Cidr, Document, Named, Ref, Text};
pub use marks::Marks;
pub use node::Node;
pub use problem::{Place, Problem, Problems};
pub use secret::Secret;
pub use starts::Starts;
pub use stranger::{Namesake, Stranger, Whose};
