//! The loop: the real `reeve run`, one or several of it, against an emulated AWS, with drift, failures, pipelines, kills and wrong YAML.

mod busy;
mod docker;
mod git;
mod ground;
mod leaders;
mod monitoring;
mod notices;
mod passes;
mod receiver;
mod traces;

#[path = "../cli/support.rs"]
#[allow(dead_code)]
mod support;
