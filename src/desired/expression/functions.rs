//! The functions that modules have besides CEL's own. `modules/README.md` describes each.

use std::collections::HashMap;

use cel::common::types::{CelInt, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, INT_TYPE, LIST_TYPE, MAP_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError, extensions};
use sha2::{Digest, Sha256};

use super::value;
use crate::model::problem::Place;
use crate::model::{Address, Cidr, hole};

/// Puts the keys of a map in order; leaves a list as it is. Only the preparation of an expression calls it.
pub const ORDERED: &str = "@ordered";

/// Functions whose messages are ours, so that they may be shown.
pub fn is_ours(name: &str) -> bool {
    ["ref", "cidrsubnet", "json", "zipmap"].contains(&name)
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
    env.add_overload(ORDERED, "ordered_dyn", vec![DYN_TYPE], ordered)?;
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

fn ordered<'b, 'v>(mut args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(range) = args.pop() else { return Err(failed(ORDERED, "nothing to go over")) };
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
