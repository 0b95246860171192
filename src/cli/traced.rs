//! The trace of a command that looks at the world or changes it, where somebody wants traces. The service has its own (`run/log.rs`).

use tracing::Span;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::terminal::Terminal;
use super::{Exit, code};
use crate::trace::{self, Traces};

/// A command that is being traced, or is not.
#[derive(Debug)]
pub struct Traced {
    traces: Option<Traces>,
    /// What the command runs in.
    pub span: Span,
}

impl Traced {
    /// Begins a trace for the command of that name, where there is a name and somebody wants it.
    pub fn begin(name: Option<&str>, terminal: &Terminal) -> Self {
        let none = Self { traces: None, span: Span::none() };
        let Some(name) = name else { return none };
        match Traces::of_the_environment(false) {
            Ok(Some((traces, layer))) => {
                let _ = tracing_subscriber::registry().with(layer).try_init();
                Self { traces: Some(traces), span: trace::command(name) }
            }
            Ok(None) => none,
            Err(why) => {
                terminal.say(&format!("warning: no trace is handed over: {why}"));
                none
            }
        }
    }

    /// Says what came of it, and hands it over, for a few seconds at most.
    pub async fn end(self, outcome: &Exit, terminal: &Terminal) {
        let Some(traces) = self.traces else { return };
        let exit = match outcome {
            Ok(code) => *code,
            Err(failure) => failure.code,
        };
        trace::set(&self.span, "process.exit.code", i64::from(exit));
        match outcome {
            Err(failure) => trace::failed(&self.span, "failure", &failure.message),
            Ok(code::ERROR) => trace::failed(&self.span, "error", "something could not be read"),
            Ok(code::PARTIAL) => trace::failed(&self.span, "partial", "applied in part"),
            Ok(_) => {}
        }
        drop(self.span);
        if let Err(why) = traces.end().await {
            terminal.say(&format!("warning: {why}"));
        }
    }
}
