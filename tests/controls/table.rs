//! The controls, by area. `H`, where the catalogue has it in its HIPAA framework, is left out of the ids.

mod account;
mod data;
mod edge;
mod network;
mod rights;

use crate::estate::Estate;

/// A control.
pub struct Control {
    /// Its ids.
    pub ids: &'static str,
    /// Who fails it in an estate.
    pub fails: fn(&Estate) -> Vec<String>,
    /// What it has to notice: address, place in the spec, JSON.
    pub broken_by: (&'static str, &'static str, &'static str),
}

const fn row(ids: &'static str, fails: fn(&Estate) -> Vec<String>, broken_by: (&'static str, &'static str, &'static str)) -> Control {
    Control { ids, fails, broken_by }
}

/// Every control.
pub fn controls() -> impl Iterator<Item = &'static Control> {
    [network::CONTROLS, edge::CONTROLS, data::CONTROLS, account::CONTROLS, rights::CONTROLS].into_iter().flatten()
}
