//! What expressions may cost. CEL has no budget of its own, and an expression of a few bytes can go over a list of a million, or double a
//! text forty times: so whatever a value is used for is paid for first, and who has nothing left gets an error.
//!
//! A unit is an item, a step, or 16 bytes of text. It is counted and not timed, so that the same YAML always gives the same answer. CEL's
//! functions are plain `fn`, so what was spent lies with the thread; a load runs on one.

use std::cell::Cell;

use cel::ExecutionError;
use cel::common::ast::LiteralValue;
use cel::common::types::{CelMap, CelString};
use cel::common::value::Val;

/// Units of one evaluation, for a stack without tenants.
const EACH: u64 = 1_000_000;
/// Units of all evaluations of a load, for a stack without tenants.
const ALL: u64 = 10_000_000;
/// What each tenant adds to the units of one evaluation and to those of all: an expression may go over all tenants, as that of the routes
/// does, which takes 158 for each. All that a tenant is takes 1,437.
const OF_A_TENANT: (u64, u64) = (500, 5_000);
/// So many tenants add something.
const TENANTS: u64 = 20_000;
/// A result stays in memory, and costs so many times its size.
const KEPT: u64 = 4;
/// How deep values may nest.
const DEEPEST: usize = 100;
/// The name that an error of the budget bears.
pub const FUNCTION: &str = "@budget";

thread_local! {
    static ONE: Cell<u64> = const { Cell::new(0) };
    static TOTAL: Cell<u64> = const { Cell::new(0) };
    static OVERDRAWN: Cell<bool> = const { Cell::new(false) };
    static OF_TENANTS: Cell<u64> = const { Cell::new(0) };
}

/// A load begins.
pub fn begin_load() {
    TOTAL.set(0);
    ONE.set(0);
    OVERDRAWN.set(false);
    OF_TENANTS.set(0);
}

/// The load is of a stack with so many tenants.
pub fn allow_for_tenants(number: usize) {
    OF_TENANTS.set((number as u64).min(TENANTS));
}

/// Units of one evaluation.
fn each() -> u64 {
    EACH + OF_TENANTS.get() * OF_A_TENANT.0
}

/// Units of all evaluations of a load.
pub fn all() -> u64 {
    ALL + OF_TENANTS.get() * OF_A_TENANT.1
}

/// An evaluation begins.
pub fn begin() {
    ONE.set(0);
}

/// Why the evaluation may not go on; nothing while it may.
pub fn exhausted() -> Option<String> {
    if ONE.get() > each() {
        OVERDRAWN.set(true);
        Some(format!("takes more than {} steps", each()))
    } else if spent() {
        Some(format!("is one too many: all expressions together take more than {} steps", all()))
    } else {
        None
    }
}

/// Whether a load has nothing left: whatever else it evaluated would fail for that alone.
pub fn spent() -> bool {
    TOTAL.get() > all()
}

/// Whether some evaluation of the load took more than it may: what follows from it may do so too, and is not worth the time.
pub fn overdrawn() -> bool {
    OVERDRAWN.get()
}

/// Pays `units`, or answers the error for having no more. CEL drops some errors (`true || error`), so [`exhausted`] is asked at the end too.
pub fn pay(units: u64) -> Result<(), ExecutionError> {
    ONE.set(ONE.get().saturating_add(units));
    TOTAL.set(TOTAL.get().saturating_add(units));
    match exhausted() {
        None => Ok(()),
        Some(message) => Err(ExecutionError::FunctionError { function: FUNCTION.to_owned(), message }),
    }
}

/// Pays for using `val`, and answers its size.
pub fn pay_for(val: &dyn Val) -> Result<u64, ExecutionError> {
    pay(0)?; // who has nothing left does not even measure
    let size = size(val, each(), 0);
    pay(size).map(|()| size)
}

/// Pays for a result, which is kept.
pub fn keep(val: &dyn Val) -> Result<(), ExecutionError> {
    pay_for(val).and_then(|size| pay(size.saturating_mul(KEPT - 1)))
}

/// Pays for a tree that is kept.
pub fn keep_tree(size: usize) -> Result<(), ExecutionError> {
    begin();
    TOTAL.set(TOTAL.get().saturating_add(size as u64 * KEPT));
    pay(0)
}

/// What a text of so many bytes counts.
pub fn of_text(bytes: usize) -> u64 {
    1 + bytes as u64 / 16
}

/// What a literal counts.
pub fn of_literal(literal: &LiteralValue) -> u64 {
    if let LiteralValue::String(text) = literal { of_text(text.inner().len()) } else { 1 }
}

/// The items and texts of a value, counted little further than `most`. What nests too deep counts as too much.
fn size(val: &dyn Val, most: u64, depth: usize) -> u64 {
    if depth > DEEPEST {
        return each() + 1;
    }
    if let Some(text) = val.downcast_ref::<CelString>() {
        return of_text(text.inner().len());
    }
    let mut sum = 1;
    if let Some(map) = val.downcast_ref::<CelMap>() {
        for value in map.inner().values() {
            sum += 1 + size(value.as_ref(), most.saturating_sub(sum), depth + 1);
            if sum > most {
                break;
            }
        }
    } else if let Some(items) = val.as_iterable() {
        let mut items = items.iter();
        while let Some(item) = items.next() {
            sum += size(item, most.saturating_sub(sum), depth + 1);
            if sum > most {
                break;
            }
        }
    }
    sum
}
