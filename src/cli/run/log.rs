//! The log of a service: one line for each thing that happens, to stderr, for people or for machines; and its traces.

use clap::ValueEnum;
use tracing::{Level, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::trace::Traces;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For a person.
    Human,
    /// One JSON object.
    Json,
}

/// Begins to log, and to hand over traces where somebody wants them. Only what this program says by itself: what its libraries tell of requests stays out.
pub fn begin(form: Form) -> Option<Traces> {
    let (traces, wrong) = match Traces::of_the_environment(true) {
        Ok(traces) => (traces, None),
        Err(why) => (None, Some(why)),
    };
    let (traces, layer) = traces.unzip();
    let ours = || Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::INFO);
    let to_stderr = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let log = match form {
        Form::Human => to_stderr.with_ansi(false).with_filter(ours()).boxed(),
        Form::Json => to_stderr.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(ours()).boxed(),
    };
    // A process begins to log once; a second beginning (tests that run the command in one process) changes nothing.
    let _ = tracing_subscriber::registry().with([log].into_iter().chain(layer).collect::<Vec<_>>()).try_init();
    if let Some(why) = wrong {
        warn!("no traces are handed over: {why}");
    }
    traces
}

/// Hands over what is left of the traces, for a few seconds at most.
pub async fn end(traces: Option<Traces>) {
    if let Some(traces) = traces
        && let Err(why) = traces.end().await
    {
        warn!("{why}");
    }
}
