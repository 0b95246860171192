//! Every span, and its attributes. Those with a name in the [semantic conventions](https://opentelemetry.io/docs/specs/semconv/) have that; all others begin with `reeve.`.
//!
//! No attribute holds a value of the estate: addresses, kinds, numbers, and the words of errors, which hold no secret.

use std::fmt::Display;

use opentelemetry::Value;
use opentelemetry::trace::Status;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::model::Address;
use crate::model::plan::{Plan, Verb};

/// By this the exporter tells them from everything else. Not the name of this program, which the log goes by.
pub(super) const TARGET: &str = "trace";

/// One pass of the loop: a trace of its own.
#[must_use]
pub fn pass(stack: &str, reasons: &str) -> Span {
    info_span!(target: TARGET, parent: None, "reconcile", reeve.stack = stack, reeve.reasons = reasons)
}

/// One command that is run by hand or by a pipeline: a trace of its own.
#[must_use]
pub fn command(name: &str) -> Span {
    info_span!(target: TARGET, parent: None, "command", otel.name = name)
}

/// A look at the world.
#[must_use]
pub fn observe() -> Span {
    info_span!(target: TARGET, "observe")
}

/// The comparison with what is wished.
#[must_use]
pub fn plan() -> Span {
    info_span!(target: TARGET, "plan")
}

/// The walk of a plan.
#[must_use]
pub fn apply(plan: &str) -> Span {
    info_span!(target: TARGET, "apply", reeve.plan.id = plan)
}

/// One step of it, on one resource.
#[must_use]
pub fn change(address: &Address, kind: &str, action: &str) -> Span {
    let name = format_args!("{action} {kind}");
    info_span!(target: TARGET, "change", otel.name = %name, reeve.address = address.as_str(), reeve.kind = kind, reeve.action = action)
}

/// From a tenant's start until it answers, or is given up: a trace of its own.
#[must_use]
pub fn wake(tenant: &str) -> Span {
    info_span!(target: TARGET, parent: None, "wake", reeve.tenant = tenant)
}

/// A tenant's container was stopped, because nobody uses it. Only the moment of it is known.
pub fn put_to_rest(tenant: &str) {
    let _ = info_span!(target: TARGET, parent: None, "rest", reeve.tenant = tenant, reeve.outcome = "rests");
}

/// A tenant was about to be put to rest, and somebody came or something was in the way.
pub fn kept(tenant: &str) {
    let _ = info_span!(target: TARGET, parent: None, "rest", reeve.tenant = tenant, reeve.outcome = "stays");
}

/// Adds an attribute that is known only later.
pub fn set(span: &Span, name: &'static str, value: impl Into<Value>) {
    span.set_attribute(name, value);
}

/// Adds what a plan is: its id, the commit of the YAML, and how many resources it does what to.
pub fn planned(span: &Span, plan: &Plan) {
    if span.is_disabled() {
        return;
    }
    set(span, "reeve.plan.id", plan.digest.clone());
    if let Some(commit) = &plan.made.commit {
        // https://opentelemetry.io/docs/specs/semconv/registry/attributes/vcs/
        set(span, "vcs.ref.head.revision", commit.clone());
    }
    for (verb, name) in [
        (Verb::Create, "reeve.plan.create"),
        (Verb::Update, "reeve.plan.update"),
        (Verb::Replace, "reeve.plan.replace"),
        (Verb::Delete, "reeve.plan.delete"),
        (Verb::Adopt, "reeve.plan.adopt"),
        (Verb::NoOp, "reeve.plan.unchanged"),
    ] {
        set(span, name, count(plan.actions.iter().filter(|action| action.action == verb).count()));
    }
    set(span, "reeve.plan.refused", count(plan.refusals.len()));
    set(span, "reeve.plan.waiting", count(plan.waiting.len()));
    set(span, "reeve.plan.unreadable", count(plan.unreadable.len()));
}

/// It ended in an error of that sort, in these words.
pub fn failed(span: &Span, sort: &'static str, why: impl Display) {
    if !span.is_disabled() {
        // https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/
        set(span, "error.type", sort);
        span.set_status(Status::error(why.to_string()));
    }
}

/// A number, as attributes have it.
#[must_use]
pub fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
