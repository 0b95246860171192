//! `reeve` runs a cloud estate and its tenants: declarative YAML, a plan/apply engine, no state file.
//!
//! The rooms of the house, each using only those above it; `ARCHITECTURE.md` has the picture.

pub mod model;

pub mod planes;

pub mod kinds;

pub mod desired;

pub mod observe;

pub mod plan;

pub mod record;

pub mod trace;

pub mod apply;

pub mod host;

pub mod sandbox;

pub mod tenant;

pub mod drill;

pub mod session;

pub mod edge;

pub mod scaling;

pub mod notify;

pub mod reconcile;

pub mod view;

pub mod cli;
