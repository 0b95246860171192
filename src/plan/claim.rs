//! Which address each live object answers to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::Wished;
use super::moves::Moves;
use super::refer::parent;
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
    /// What nobody looked at, as those tell that use it, by address.
    pub assumed: BTreeMap<Address, &'a AnyLive>,
    /// Replaced ones, what stands under them, and twins, with the reason why they are to go. Each under the address of the one that counts.
    pub leftovers: Vec<Leftover<'a>>,
    /// New address to the one that the live object bears.
    pub moved: BTreeMap<Address, Address>,
    /// What says that it was something which it cannot be: reason and hint.
    pub unclear: BTreeMap<Address, (String, String)>,
    /// What an unclear one may have been, in words.
    pub meant: BTreeMap<Address, String>,
    /// Objects without marks that nobody wishes any more and that an earlier apply made.
    pub remembered: BTreeSet<Address>,
    /// Of those, what was made for an address that is still wished, and does not answer to it: its key is another one.
    pub rekeyed: BTreeMap<Address, Address>,
    /// Children without marks that answer to no address: what they stand under is not ours, or could not be read.
    pub unclaimed: Vec<&'a AnyLive>,
    /// Kind, then id, to address.
    index: HashMap<&'a str, HashMap<&'a str, Address>>,
}

impl Claims<'_> {
    /// The address of the live object of that kind and id.
    pub fn address(&self, kind: &str, id: &str) -> Option<&Address> {
        self.index.get(kind)?.get(id)
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

/// Claims. `declared` are the wishes of the YAML (also when everything is to be destroyed), `made` what earlier applies called the objects
/// without marks that they made, `before` those that had these addresses earlier.
pub fn claim<'a>(
    declared: &BTreeMap<Address, Wished>,
    observed: &'a Observed,
    made: &BTreeMap<(String, String), Address>,
    before: &BTreeMap<(String, String), Address>,
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
    let moves = Moves::resolve(declared, &claims.live);
    claims.follow(moves);
    claims.claim_bare(declared, &bare, made, before);
    Ok(claims)
}

/// Why a replaced one goes.
const REPLACED: &str = "it was replaced";

/// Why what bears no mark goes with it.
const UNDER_REPLACED: &str = "it stands under what was replaced";

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
            REPLACED
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

    /// Takes over what was moved. What it left over, and what was replaced meanwhile, goes where it is by now.
    fn follow(&mut self, moves: Moves) {
        let now: BTreeMap<&Address, &Address> = moves.followed.iter().map(|(to, from)| (from, to)).collect();
        for (address, ..) in &mut self.leftovers {
            if let Some(to) = now.get(address) {
                *address = (*to).clone();
            }
        }
        for (from, to) in &moves.replaced {
            if let Some(one) = self.live.remove(from) {
                self.unindex(one);
                self.leftovers.push((to.clone(), one, REPLACED));
            }
        }
        let moving: Vec<_> = moves.followed.into_iter().filter_map(|(to, from)| Some((self.live.remove(&from)?, to, from))).collect();
        for (one, to, from) in moving {
            self.insert(to.clone(), one);
            self.moved.insert(to, from);
        }
        self.unclear = moves.unclear;
        self.meant = moves.meant;
    }

    /// Takes in what nobody looked at.
    pub fn assume(&mut self, assumed: &'a [AnyLive]) {
        for one in assumed {
            if let Some(address) = &one.marks.address {
                // Of some only attributes are known.
                if !one.id.is_empty() {
                    self.index.entry(one.kind).or_default().insert(&one.id, address.clone());
                }
                self.assumed.insert(address.clone(), one);
            }
        }
    }

    fn unindex(&mut self, one: &AnyLive) {
        if let Some(ids) = self.index.get_mut(one.kind) {
            ids.remove(one.id.as_str());
        }
    }

    /// Objects without marks: singletons by their kind, children by parent and key. (No parent is without marks itself.)
    fn claim_bare(
        &mut self,
        declared: &BTreeMap<Address, Wished>,
        bare: &[&'a AnyLive],
        made: &BTreeMap<(String, String), Address>,
        before: &BTreeMap<(String, String), Address>,
    ) {
        let kinds: BTreeSet<&str> = bare.iter().map(|one| one.kind).collect();
        let mut by_key: HashMap<(&str, String), &Address> = HashMap::new();
        for (address, wish) in declared.iter().filter(|(_, wish)| kinds.contains(wish.kind.name)) {
            by_key.insert((wish.kind.name, self.key(wish.kind.name, &wish.spec)), address);
        }
        let replaced: HashMap<(&str, String), Address> =
            self.leftovers.iter().map(|(address, one, _)| ((one.kind, one.id.clone()), address.clone())).collect();
        for one in bare {
            let Some(row) = lookup(one.kind) else { continue };
            let mut shape = self.addressed(one);
            let over = parent(row, &one.shape).and_then(|parent| replaced.get(&parent));
            if let Some(over) = over.filter(|_| !row.singleton) {
                // It stands under what was replaced, and goes with that.
                shape[row.key[0]] = hole::text(over, None).into();
                let wished = by_key.get(&(one.kind, self.key(one.kind, &shape))).map(|address| (*address).clone());
                self.leftovers.extend(wished.or_else(|| stray(row.key, &shape, one)).map(|address| (address, *one, UNDER_REPLACED)));
                continue;
            }
            match by_key.get(&(one.kind, self.key(one.kind, &shape))) {
                Some(address) if !self.live.contains_key(*address) => self.insert((*address).clone(), one),
                _ if row.singleton => {}
                _ => {
                    let Some(stray) = stray(row.key, &shape, one) else {
                        self.unclaimed.push(one);
                        continue;
                    };
                    let name = (one.kind.to_owned(), one.id.clone());
                    let was = made.get(&name);
                    // The address that it had, unless something else answers to that by now.
                    let free = was.filter(|address| !declared.contains_key(*address) && !self.live.contains_key(*address));
                    let address = free.cloned().unwrap_or(stray);
                    if was.is_some() || before.contains_key(&name) {
                        self.remembered.insert(address.clone());
                    }
                    if let Some(was) = was.filter(|was| declared.contains_key(*was)) {
                        self.rekeyed.insert(address.clone(), was.clone());
                    }
                    self.insert(address, one);
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
        let known = [&self.live, &self.lookups, &self.assumed].into_iter();
        let live = known.filter_map(|all| all.get(&hole.address)).next()?;
        match hole.attribute.as_deref() {
            None | Some("id") => Some(live.id.clone()).filter(|id| !id.is_empty()),
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
