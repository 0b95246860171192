//! Traces: what a pass, a change, a wake took and what came of it, as [OpenTelemetry](https://opentelemetry.io/docs/specs/otel/trace/) has it.
//!
//! `spans.rs` has every span there is, with its attributes: nobody else makes one. They go through the crate `tracing`, under a target of their own, so that the log never
//! shows them and nothing of the log gets into a trace. `wanted.rs` says, from the standard environment variables, whether anybody wants them; `export.rs` hands them over. Where
//! nobody does, no span is ever made: what is left is a look at one number.

mod export;
mod spans;
mod wanted;

pub use export::{Layer, Traces};
pub use spans::{apply, change, command, count, failed, kept, observe, pass, plan, planned, put_to_rest, set, wake};
