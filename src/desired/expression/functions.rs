//! The functions that modules have besides CEL's own. `modules/README.md` describes each.

use std::collections::HashMap;

use cel::common::types::{CelInt, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, INT_TYPE, LIST_TYPE, MAP_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError, extensions};
use sha2::{Digest, Sha256};

use super::{budget, value};
use crate::model::problem::Place;
use crate::model::{Address, Cidr, hole};

/// Puts the keys of a map in order; leaves a list as it is. Only the preparation of an expression calls it.
pub const ORDERED: &str = "@ordered";
/// Pays for a value and gives it back, as do the three below. Only the meter calls them.
pub const USE: &str = "@use";
/// Pays for as many items as the number says.
pub const COUNT: &str = "@count";
/// Pays for comparing each item with each.
pub const SQUARE: &str = "@square";
/// Pays for compiling a regular expression.
pub const PATTERN: &str = "@pattern";
/// CEL's `replace` and `join`, paid for before they are made.
pub const REPLACE: &str = "@replace";
/// See [`REPLACE`].
pub const JOIN: &str = "@join";

/// Functions whose messages are ours, so that they may be shown.
pub fn is_ours(name: &str) -> bool {
    ["ref", "cidrsubnet", "json", "zipmap", "join"].contains(&name)
}

type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// CEL with its extensions and ours.
pub fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    extensions::strings(&mut env)?;
    extensions::lists(&mut env)?;
    extensions::math(&mut env)?;
    env.add_overload("ref", "ref_address", vec![STRING_TYPE], reference)?;
    env.add_overload("ref", "ref_attribute", vec![STRING_TYPE, STRING_TYPE], reference)?;
    env.add_overload("cidrsubnet", "cidrsubnet", vec![STRING_TYPE, INT_TYPE, INT_TYPE], cidrsubnet)?;
    env.add_overload("json", "json_dyn", vec![DYN_TYPE], json)?;
    env.add_overload("sha256", "sha256_string", vec![STRING_TYPE], sha256)?;
    env.add_overload("merge", "merge_maps", vec![MAP_TYPE, MAP_TYPE], merge)?;
    env.add_overload("zipmap", "zipmap_lists", vec![LIST_TYPE, LIST_TYPE], zipmap)?;
    env.add_overload(ORDERED, "ordered_dyn", vec![DYN_TYPE, INT_TYPE], ordered)?;
    env.add_overload(USE, "use_dyn", vec![DYN_TYPE], |args| paid(args, |_, _| 0))?;
    env.add_overload(COUNT, "count_dyn", vec![DYN_TYPE], |args| paid(args, number_of_items))?;
    env.add_overload(SQUARE, "square_dyn", vec![DYN_TYPE], |args| paid(args, |_, size| size.saturating_mul(size)))?;
    env.add_overload(PATTERN, "pattern_dyn", vec![DYN_TYPE], |args| paid(args, weight_of_pattern))?;
    env.add_overload(REPLACE, "replace_all", vec![STRING_TYPE, STRING_TYPE, STRING_TYPE], replace)?;
    env.add_overload(REPLACE, "replace_some", vec![STRING_TYPE, STRING_TYPE, STRING_TYPE, INT_TYPE], replace)?;
    env.add_overload(JOIN, "join_bare", vec![LIST_TYPE], join)?;
    env.add_overload(JOIN, "join_with", vec![LIST_TYPE, STRING_TYPE], join)?;
    Ok(env)
}

fn text<'a>(function: &'static str, args: &'a Args<'_, '_>, at: usize) -> Result<&'a str, ExecutionError> {
    args.get(at).and_then(|arg| arg.downcast_ref::<CelString>()).map(CelString::inner).ok_or_else(|| failed(function, "text is wanted"))
}

fn int(function: &'static str, args: &Args<'_, '_>, at: usize) -> Result<i64, ExecutionError> {
    args.get(at)
        .and_then(|arg| arg.downcast_ref::<CelInt>())
        .map(|n| *n.inner())
        .ok_or_else(|| failed(function, "a whole number is wanted"))
}

fn failed(function: &str, message: impl ToString) -> ExecutionError {
    ExecutionError::FunctionError { function: function.to_owned(), message: message.to_string() }
}

fn reference<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let address = Address::parse(text("ref", &args, 0)?).map_err(|error| failed("ref", error))?;
    let attribute = if args.len() > 1 { Some(text("ref", &args, 1)?) } else { None };
    Ok(CowVal::owned(CelString::from(hole::text(&address, attribute))))
}

fn cidrsubnet<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    const NAME: &str = "cidrsubnet";
    let base = Cidr::parse(text(NAME, &args, 0)?).map_err(|_| failed(NAME, "the first argument is no address range"))?.net();
    let (bits, index) = (int(NAME, &args, 1)?, int(NAME, &args, 2)?);
    let prefix = i64::from(base.prefix_len()).saturating_add(bits);
    if bits < 0 || prefix > 32 {
        return Err(failed(NAME, format_args!("/{} is too small for {bits} more bits", base.prefix_len())));
    }
    if index < 0 || index >= 1 << bits {
        return Err(failed(NAME, format_args!("with {bits} more bits there are {} subnets, and no number {index}", 1u64 << bits)));
    }
    let start = u64::from(u32::from(base.network())) + ((index as u64) << (32 - prefix));
    let start = u32::try_from(start).map_err(|_| failed(NAME, "out of range"))?;
    Ok(CowVal::owned(CelString::from(format!("{}/{prefix}", std::net::Ipv4Addr::from(start)))))
}

fn json<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let nowhere = Place { file: "".into(), line: 0, column: 0, len: 0 };
    let [arg] = args.as_slice() else { return Err(failed("json", "one value is wanted")) };
    let node = value::node(arg.as_ref(), &nowhere).map_err(|why| failed("json", format_args!("the value {why}")))?;
    let canonical = serde_json_canonicalizer::to_string(&node.to_json()).map_err(|_| failed("json", "a number is out of range"))?;
    Ok(CowVal::owned(CelString::from(canonical)))
}

fn sha256<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let digest = Sha256::digest(text("sha256", &args, 0)?);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(CowVal::owned(CelString::from(hex)))
}

fn merge<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let mut both: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for arg in args {
        match arg.downcast_ref::<CelMap>() {
            Some(map) => both.extend(map.clone().into_inner()),
            None => return Err(failed("merge", "two maps are wanted")),
        }
    }
    Ok(CowVal::owned(CelMap::from(both)))
}

fn zipmap<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [keys, values] = args.as_slice() else { return Err(failed("zipmap", "two lists are wanted")) };
    let (keys, values) = (list(keys.as_ref())?, list(values.as_ref())?);
    if keys.len() != values.len() {
        return Err(failed("zipmap", format_args!("there are {} keys but {} values", keys.len(), values.len())));
    }
    let mut map: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for (key, value) in keys.into_iter().zip(values) {
        let Some(key) = key.downcast_ref::<CelString>().cloned() else { return Err(failed("zipmap", "keys have to be text")) };
        if map.insert(CelMapKey::String(key), value).is_some() {
            return Err(failed("zipmap", "a key is here twice"));
        }
    }
    Ok(CowVal::owned(CelMap::from(map)))
}

fn list<'v>(val: &(dyn Val + 'v)) -> Result<Vec<Box<dyn Val + 'v>>, ExecutionError> {
    let mut items = val.as_iterable().ok_or_else(|| failed("zipmap", "a list is wanted"))?.iter();
    let mut all = Vec::new();
    while let Some(item) = items.next() {
        all.push(item.clone_as_boxed());
    }
    Ok(all)
}

/// Pays for the size of the argument and for what `more` says of it and its size.
fn paid<'b, 'v>(mut args: Args<'b, 'v>, more: fn(&dyn Val, u64) -> u64) -> Answer<'b, 'v> {
    let Some(arg) = args.pop() else { return Err(failed(USE, "nothing to pay for")) };
    let size = budget::pay_for(arg.as_ref())?;
    budget::pay(more(arg.as_ref(), size))?;
    Ok(arg)
}

fn number_of_items(val: &dyn Val, _: u64) -> u64 {
    val.downcast_ref::<CelInt>().map_or(0, |n| u64::try_from(*n.inner()).unwrap_or(0))
}

/// A counted repetition (`a{1000}`) is compiled into as many copies.
fn weight_of_pattern(val: &dyn Val, _: u64) -> u64 {
    val.downcast_ref::<CelString>().map_or(0, |text| text.inner().len() as u64 + if text.inner().contains('{') { 5_000 } else { 50 })
}

fn replace<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, old, new) = (text("replace", &args, 0)?, text("replace", &args, 1)?, text("replace", &args, 2)?);
    let found = (whole.len() / old.len().max(1)) as u64 + 1;
    let most = if args.len() > 3 { usize::try_from(int("replace", &args, 3)?).unwrap_or(usize::MAX) } else { usize::MAX };
    budget::pay(found.min(most as u64).saturating_mul(budget::of_text(new.len())))?;
    Ok(CowVal::owned(CelString::from(whole.replacen(old, new, most))))
}

fn join<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let separator = if args.len() > 1 { text("join", &args, 1)? } else { "" };
    let mut items = args.first().and_then(|list| list.as_iterable()).ok_or_else(|| failed("join", "a list is wanted"))?.iter();
    let mut joined = String::new();
    let mut first = true;
    while let Some(item) = items.next() {
        let item = item.downcast_ref::<CelString>().ok_or_else(|| failed("join", "every item has to be text"))?;
        if !std::mem::take(&mut first) {
            budget::pay(budget::of_text(separator.len()))?;
            joined.push_str(separator);
        }
        joined.push_str(item.inner());
    }
    Ok(CowVal::owned(CelString::from(joined)))
}

fn length(val: &dyn Val) -> u64 {
    let Some(items) = val.as_iterable() else { return 0 };
    let (mut items, mut number) = (items.iter(), 0);
    while items.next().is_some() {
        number += 1;
    }
    number
}

/// Pays for a round with each item, and for the items.
fn ordered<'b, 'v>(mut args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let weight = int(ORDERED, &args, 1)?;
    args.truncate(1);
    let Some(range) = args.pop() else { return Err(failed(ORDERED, "nothing to go over")) };
    budget::pay_for(range.as_ref())?;
    let rounds = range.downcast_ref::<CelMap>().map_or_else(|| length(range.as_ref()), |map| map.inner().len() as u64);
    budget::pay(rounds.saturating_mul(u64::try_from(weight).unwrap_or(u64::MAX)))?;
    let Some(map) = range.downcast_ref::<CelMap>() else { return Ok(range) };
    let mut keys: Vec<CelMapKey<'v>> = map.inner().keys().cloned().collect();
    keys.sort();
    let keys = keys.into_iter().map(|key| -> Box<dyn Val + 'v> {
        match key {
            CelMapKey::Bool(b) => Box::new(b),
            CelMapKey::Int(n) => Box::new(n),
            CelMapKey::UInt(n) => Box::new(n),
            CelMapKey::String(text) => Box::new(text),
        }
    });
    Ok(CowVal::owned(CelList::from(keys.collect::<Vec<_>>())))
}
