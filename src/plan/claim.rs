//! Which address each live object answers to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::Wished;
use crate::kinds::{AnyLive, lookup};
use crate::model::{Address, hole};
use crate::observe::Observed;

/// Two live objects claim one address, and nothing tells which one counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two live objects say that they are {address}: {first} and {second}")]
pub struct Conflict {
    /// The address.
    pub address: Address,
    /// Kind and id of one.
    pub first: String,
    /// Kind and id of the other.
    pub second: String,
}

/// The live objects by address, and the other way round.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    /// The one that counts, by address (the new address, where it was moved).
    pub live: BTreeMap<Address, &'a AnyLive>,
    /// Look-ups, by address.
    pub lookups: BTreeMap<Address, &'a AnyLive>,
    /// Replaced ones and twins, with the reason why they are to go.
    pub leftovers: Vec<(Address, &'a AnyLive, &'static str)>,
    /// New address to the one that the live object bears.
    pub moved: BTreeMap<Address, Address>,
    /// Objects without marks that nobody wishes any more and that an earlier apply made.
    pub remembered: BTreeSet<Address>,
    /// Kind, then id, to address.
    index: HashMap<&'a str, HashMap<&'a str, Address>>,
}

impl Claims<'_> {
    /// The address of the live object of that kind and id.
    pub fn address(&self, kind: &str, id: &str) -> Option<&Address> {
        self.index.get(kind)?.get(id)
    }

    /// Where the one that counts in place of a leftover of `address` is by now: it may have moved to another address meanwhile.
    pub fn successor<'s>(&'s self, address: &'s Address) -> &'s Address {
        let moved = || self.moved.iter().find(|(_, from)| *from == address);
        if self.live.contains_key(address) { address } else { moved().map_or(address, |(to, _)| to) }
    }

    /// `shape` with live ids turned into holes wherever a reference may stand.
    pub fn addressed(&self, live: &AnyLive) -> Value {
        self.addressed_without(live, &BTreeSet::new())
    }

    /// The same; references to `these` stay ids.
    pub fn addressed_without(&self, live: &AnyLive, these: &BTreeSet<Address>) -> Value {
        let mut shape = live.shape.clone();
        let Some(row) = lookup(live.kind) else { return shape };
        let mut any = false;
        row.info().rewrite(&mut shape, &mut |leaf, id| {
            if let Some(address) = leaf.kind.and_then(|kind| self.address(kind, id)).filter(|address| !these.contains(*address)) {
                *id = hole::text(address, None);
                any = true;
            }
        });
        // Sets were in the order of ids; they have to be in the order of addresses.
        if any { (row.canonical)(&shape).unwrap_or(shape) } else { shape }
    }
}

/// Claims. `wishes` are those that count now, `declared` those of the YAML (also when everything is to be destroyed), `made` what earlier
/// applies called the objects without marks that they made.
pub fn claim<'a>(
    wishes: &BTreeMap<Address, Wished>,
    declared: &BTreeMap<Address, Wished>,
    observed: &'a Observed,
    made: &BTreeMap<(String, String), Address>,
) -> Result<Claims<'a>, Conflict> {
    let mut claims = Claims::default();
    for one in &observed.lookups {
        if let Some(address) = &one.marks.address {
            claims.index.entry(one.kind).or_default().insert(&one.id, address.clone());
            claims.lookups.insert(address.clone(), one);
        }
    }
    let (marked, bare): (Vec<_>, Vec<_>) = observed.live.iter().partition(|one| one.marks.address.is_some());
    let mut by_address: BTreeMap<&Address, Vec<&AnyLive>> = BTreeMap::new();
    for one in marked {
        if let Some(address) = &one.marks.address {
            by_address.entry(address).or_default().push(one);
        }
    }
    let used = if by_address.values().any(|group| group.len() > 1) { used(&observed.live) } else { HashMap::new() };
    for (address, group) in by_address {
        let (one, rest) = which(address, group, &used)?;
        claims.leftovers.extend(rest);
        claims.insert(address.clone(), one);
    }
    claims.follow_moves(wishes);
    claims.claim_bare(declared, &bare, made);
    Ok(claims)
}

type Leftover<'a> = (Address, &'a AnyLive, &'static str);

/// How often live objects refer to each, by kind and id.
fn used(live: &[AnyLive]) -> HashMap<(&'static str, String), usize> {
    let mut used = HashMap::new();
    for one in live {
        let Some(row) = lookup(one.kind) else { continue };
        row.info().visit(&one.shape, &mut |leaf, id| {
            if let Some(kind) = leaf.kind.and_then(lookup) {
                *used.entry((kind.name, id.to_owned())).or_default() += 1;
            }
        });
    }
    used
}

/// Of several with one address, the one that counts: the one most in use (much of EC2 does not tell when it was made, and what AWS gives
/// every VPC refers to each of the two), else the oldest.
fn which<'a>(
    address: &Address,
    mut group: Vec<&'a AnyLive>,
    used: &HashMap<(&'static str, String), usize>,
) -> Result<(&'a AnyLive, Vec<Leftover<'a>>), Conflict> {
    let users = |one: &AnyLive| used.get(&(one.kind, one.id.clone())).copied().unwrap_or_default();
    group.sort_by_cached_key(|one| (one.marks.retiring, std::cmp::Reverse(users(one)), one.made_at.clone(), one.id.clone()));
    let first = group[0];
    let mut rest = Vec::new();
    for other in &group[1..] {
        let reason = if other.marks.retiring {
            "it was replaced"
        } else if !other.marks.attempt.is_empty()
            && other.marks.attempt == first.marks.attempt
            && other.kind == first.kind
            && !other.marks.protect
        {
            "it was made twice by one attempt"
        } else {
            let name = |one: &AnyLive| format!("{} {}", one.kind, one.id);
            return Err(Conflict { address: address.clone(), first: name(first), second: name(other) });
        };
        rest.push((address.clone(), *other, reason));
    }
    Ok((first, rest))
}

impl<'a> Claims<'a> {
    fn insert(&mut self, address: Address, one: &'a AnyLive) {
        self.index.entry(one.kind).or_default().insert(&one.id, address.clone());
        self.live.insert(address, one);
    }

    /// A wish that is not live takes over the live object at an address that it had before and that nobody else wishes.
    fn follow_moves(&mut self, wishes: &BTreeMap<Address, Wished>) {
        for (address, wish) in wishes {
            if self.live.contains_key(address) {
                continue;
            }
            let Some(from) = wish.moved_from.iter().find(|from| self.live.contains_key(from) && !wishes.contains_key(from)).cloned() else {
                continue;
            };
            // Another kind at the old address is no move of this one.
            if self.live.get(&from).is_some_and(|one| one.kind != wish.kind.name) {
                continue;
            }
            if let Some(one) = self.live.remove(&from) {
                self.insert(address.clone(), one);
                self.moved.insert(address.clone(), from);
            }
        }
    }

    /// Objects without marks: singletons by their kind, children by parent and key. (No parent is without marks itself.)
    fn claim_bare(&mut self, declared: &BTreeMap<Address, Wished>, bare: &[&'a AnyLive], made: &BTreeMap<(String, String), Address>) {
        let kinds: BTreeSet<&str> = bare.iter().map(|one| one.kind).collect();
        let mut by_key: HashMap<(&str, String), &Address> = HashMap::new();
        for (address, wish) in declared.iter().filter(|(_, wish)| kinds.contains(wish.kind.name)) {
            by_key.insert((wish.kind.name, self.key(wish.kind.name, &wish.spec)), address);
        }
        for one in bare {
            let Some(row) = lookup(one.kind) else { continue };
            let shape = self.addressed(one);
            match by_key.get(&(one.kind, self.key(one.kind, &shape))) {
                Some(address) if !self.live.contains_key(*address) => self.insert((*address).clone(), one),
                _ if row.singleton => {}
                _ => {
                    if let Some(stray) = stray(row.key, &shape, one) {
                        let before = made.get(&(one.kind.to_owned(), one.id.clone()));
                        // The address that it had, unless something else answers to that by now.
                        let free = before.filter(|address| !declared.contains_key(*address) && !self.live.contains_key(*address));
                        let address = free.cloned().unwrap_or(stray);
                        if before.is_some() {
                            self.remembered.insert(address.clone());
                        }
                        self.insert(address, one);
                    }
                }
            }
        }
    }

    /// The key fields of a spec as one text, texts rendered as far as they are known.
    fn key(&self, kind: &str, spec: &Value) -> String {
        let Some(row) = lookup(kind) else { return String::new() };
        let mut key = String::new();
        for field in row.key {
            let value = spec.get(*field).cloned().unwrap_or_default();
            let text = match &value {
                Value::String(text) if hole::whole(text).is_some_and(|hole| hole.attribute.is_none()) => text.clone(),
                Value::String(text) => hole::render(text, |hole| self.attribute(hole)).unwrap_or_else(|_| text.clone()),
                other => other.to_string(),
            };
            key.push_str(&text);
            key.push('\n');
        }
        key
    }

    /// What a hole stands for, when its target is live.
    pub fn attribute(&self, hole: &hole::Hole) -> Option<String> {
        let live = self.live.get(&hole.address).or_else(|| self.lookups.get(&hole.address))?;
        match hole.attribute.as_deref() {
            None | Some("id") => Some(live.id.clone()),
            Some(name) => live.attributes.get(name).cloned(),
        }
    }
}

/// An address for a child under a parent of ours that nobody wishes; `None` when its parent is not ours.
fn stray(key: &[&str], shape: &Value, one: &AnyLive) -> Option<Address> {
    let parent = hole::whole(shape.get(*key.first()?)?.as_str()?)?.address;
    let noun = one.kind.split_once('.').map_or(one.kind, |(_, noun)| noun);
    let id: String = one.id.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
    Address::parse(&format!("{parent}/{noun}.{}", id.trim_matches('-'))).ok()
}
