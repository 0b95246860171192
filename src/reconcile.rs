//! The loop: desired and live are compared again and again, and what may be done without asking is done.
//!
//! Level-triggered: each pass plans from what is (`pass.rs`) and nothing but how long to leave alone what fails is remembered (`backoff.rs`). A pass begins after
//! `reconcile.every`, sooner when the YAML or Docker says that something changed, or when somebody asks (`turn.rs`, `trigger.rs`; `after.rs` takes in what came of it, `people.rs` tells it). A pass waits for nothing that takes long: what it began is looked after by `awaited.rs`. What of its plan is done at once, what is
//! held for people and what rests is decided by `decide.rs`, which is pure; what is done is a plan of its own, made without the rest. Whose end is held is served on (`kept.rs`). While all is as the last pass saw it, so is what came of it (`quiet.rs`).
//!
//! One of several instances does so, who holds the lead's lease (`lead.rs`); the lease of the stack is held only while something is applied, so that pipelines get their turn.

mod after;
mod awaited;
mod backoff;
mod decide;
mod events;
mod git;
mod kept;
mod lead;
mod loaded;
mod metrics;
mod pass;
mod people;
mod quiet;
mod readiness;
mod serve;
mod source;
mod status;
mod told;
mod trigger;
mod turn;

pub use backoff::Backoff;
pub use decide::Decision;
pub use git::{Fetched, Git};
pub use loaded::{Loaded, Wrong};
pub use metrics::Metrics;
pub use serve::serve;
pub use source::Source;
pub use status::{Ready, Status};
pub use trigger::{Trigger, Why};
pub use turn::{Ended, Settings, Shared, run};
