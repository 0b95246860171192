//! Planning: pure. What is desired, what is observed and what was last applied, into a plan.
//!
//! The story: every live object is claimed by an address (`claim`), what was there and is not found is told from what is new (`missing`),
//! each wish is compared with its live object until nothing more becomes new (`compare`), verbs are decided, what must not happen is refused and what must wait waits (`guard`), what stays
//! keeps what it needs (`keep`), and the part that was asked for is kept (`scope`). `order` turns a plan into steps.

mod assume;
mod claim;
mod compare;
mod draft;
mod guard;
mod hold;
mod keep;
mod missing;
mod moves;
mod needs;
pub mod order;
mod protection;
mod refer;
mod rekeyed;
mod reprieve;
mod scope;
mod shrink;
mod stranger;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use claim::Conflict;
pub use compare::Forms;
pub use refer::references;

use crate::kinds::{AnyLive, Row, Tags};
use crate::model::edit::{Cause, Edit};
use crate::model::marks::Applied;
use crate::model::plan::{Action, By, FORMAT_VERSION, Leftover, Made, Plan, Scope, Seen, Verb, Wish};
use crate::model::{Access, Address, Starts};
use crate::observe::Observed;
use claim::Claims;
use draft::Draft;
use missing::Missing;

/// One resource as the YAML wishes it.
#[derive(Debug, Clone)]
pub struct Wished {
    /// Its kind.
    pub kind: &'static Row,
    /// Canonical JSON of the kind's struct, with holes.
    pub spec: Value,
    /// Deletion and replacement are refused.
    pub protect: bool,
    /// Addresses that it had before.
    pub moved_from: Vec<Address>,
}

/// Everything a plan is made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The stack's name.
    pub stack: &'a str,
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The domain.
    pub domain: &'a str,
    /// The folder of a local record.
    pub record: Option<String>,
    /// The way to the inner planes that the stack names.
    pub access: Access,
    /// How fast containers are started.
    pub starts: Starts,
    /// What should be.
    pub wishes: &'a BTreeMap<Address, Wished>,
    /// What is.
    pub observed: &'a Observed,
    /// What was last applied, of what bears no tag or has vanished. It labels, and holds back what would be an empty successor.
    pub history: &'a BTreeMap<Address, Applied>,
    /// What earlier applies called the objects without tags that they made, by kind and id. Labels only.
    pub made: &'a BTreeMap<(String, String), Address>,
    /// And those that they made for these addresses before.
    pub before: &'a BTreeMap<(String, String), Address>,
    /// What to look at.
    pub scope: Scope,
    /// Everything is to go.
    pub destroy: bool,
}

/// Plans.
///
/// # Errors
/// When two live objects claim one address: nothing can be planned until a person has looked.
pub fn plan(input: &Input<'_>) -> Result<Plan, Conflict> {
    // Of what nobody asked about nothing is known: it is neither made nor changed nor missed.
    let known = |wish: &Wished| !input.observed.beyond.contains(wish.kind.name);
    let wishes: BTreeMap<Address, Wished> = match input.destroy {
        true => BTreeMap::new(),
        false => input.wishes.iter().filter(|(_, wish)| known(wish)).map(|(address, wish)| (address.clone(), wish.clone())).collect(),
    };
    let wishes = &wishes;
    let mut claims = claim::claim(input.wishes, input.observed, input.made, input.before)?;
    let assumed = assume::assume(input.wishes, &claims, input.observed, input.history);
    claims.assume(&assumed);
    let leftovers = claims.leftovers.iter();
    let mut draft = Draft {
        leftovers: leftovers
            .map(|(address, live, reason)| Leftover { address: address.clone(), seen: seen(live, true), reason: (*reason).to_owned() })
            .collect(),
        ..Draft::default()
    };
    let missing = Missing::find(wishes, &claims, input);
    let compared = compare::compare(wishes, &claims, input.history, &input.scope, &missing, &mut draft);
    for (address, wish) in wishes {
        let action = match claims.live.get(address) {
            None => create(address, wish, input.history, &claims, &compared),
            Some(live) => {
                if is_anothers(live, input.stack) {
                    draft.refuse(
                        address,
                        format!("{} bears the mark of the stack {}", live.id, live.marks.stack),
                        "one stack only may set it: take it out of the other one, or out of this one",
                    );
                }
                take_over(wish, live, input.history.get(address), change(address, wish, live, &claims, &compared))
            }
        };
        draft.actions.insert(address.clone(), action);
    }
    for (address, live) in &claims.live {
        if !wishes.contains_key(address) && !crate::kinds::lookup(live.kind).is_some_and(|row| row.singleton) {
            draft.actions.insert(address.clone(), delete(address, live, input.destroy, claims.remembered.contains(address)));
        }
    }
    stranger::before_replacements(&mut draft, wishes, &claims, input);
    guard::guard(&mut draft, missing, wishes, input.wishes, &claims, input.observed, &input.scope);
    let complete = scope::narrow(&mut draft, wishes, input.wishes, &claims, &input.scope);
    Ok(assemble(input, wishes, &claims, draft, complete))
}

fn create(
    address: &Address,
    wish: &Wished,
    history: &BTreeMap<Address, Applied>,
    claims: &Claims<'_>,
    compared: &compare::Compared,
) -> Action {
    let info = wish.kind.info();
    let rendered = compared.forms.get(address);
    let form = rendered.unwrap_or(&wish.spec);
    // It was applied before, and nothing of ours dropped it: so it has vanished behind our back.
    // (What is always there goes with its parent, and nobody writes that down.)
    let known = history.get(address).filter(|applied| !wish.kind.singleton && matches!(applied, Applied::Fields(_)));
    let same = |name: &str, value: &Value| match (known, rendered) {
        (None, _) => false,
        (Some(applied), Some(_)) => applied.says(name, Some(value)) == Some(true),
        (Some(applied), None) => follows_or_same(applied, name, value),
    };
    let mut unchanged: BTreeSet<&str> = info.set_fields(form).filter(|(name, value)| same(name, value)).map(|(name, _)| name).collect();
    let rekeyed = rekeyed::rekeyed(address, wish, claims, history);
    if !rekeyed.is_empty() {
        unchanged.clear();
    }
    let vanished = known.is_some() && rekeyed.is_empty();
    let cause: BTreeSet<Cause> = match (vanished, info.set_fields(form).all(|(name, _)| unchanged.contains(name))) {
        (true, true) => [Cause::Drift].into(),
        (true, false) => [Cause::Change, Cause::Drift].into(),
        (false, _) => [Cause::Change].into(),
    };
    let edits = info.set_fields(&wish.spec).map(|(field, value)| {
        let edit = Edit::change(field, Value::Null, value.clone());
        if unchanged.contains(field) { Edit { cause: Cause::Drift, ..edit } } else { Edit { drifted: vanished, ..edit } }
    });
    let edits = edits.collect();
    let reason = match (rekeyed.is_empty(), vanished) {
        (false, _) => format!("its {} changed, by which it is known: it is made anew", rekeyed.join(" and ")),
        (true, true) => "it was there and has vanished".to_owned(),
        (true, false) => "it is new".to_owned(),
    };
    Action { address: address.clone(), kind: wish.kind.name.to_owned(), action: Verb::Create, cause, reason, edits, id: None }
}

/// A text that cannot be rendered yet says nothing about whether it was changed.
fn follows_or_same(applied: &Applied, name: &str, value: &Value) -> bool {
    applied.says(name, Some(value)) == Some(true) || crate::model::hole::any(&value.to_string().replace("\\\"", "\""))
}

fn change(address: &Address, wish: &Wished, live: &AnyLive, claims: &Claims<'_>, compared: &compare::Compared) -> Action {
    let mut edits = compared.edits.get(address).cloned().unwrap_or_default();
    let mut cause: BTreeSet<Cause> = compared.causes.get(address).cloned().unwrap_or_default();
    let mut verb = if edits.iter().any(|edit| edit.replace) { Verb::Replace } else { Verb::Update };
    let mut reason = match edits.iter().filter(|edit| edit.replace).map(|edit| edit.field.as_str()).collect::<Vec<_>>() {
        fields if fields.is_empty() => String::new(),
        fields => format!("{} cannot change in place", fields.join(", ")),
    };
    if wish.kind.name != live.kind {
        verb = Verb::Replace;
        cause.insert(Cause::Change);
        reason = format!("its kind was {}", live.kind);
        edits = vec![Edit { replace: true, ..Edit::change("kind", live.kind.into(), wish.kind.name.into()) }];
    }
    if live.marks.address.is_some() {
        if let Some(from) = claims.moved.get(address) {
            cause.insert(Cause::Change);
            reason = format!("moved from {from}");
            edits.push(Edit::change("address", from.to_string().into(), address.to_string().into()));
        }
        if live.marks.protect != wish.protect {
            cause.insert(Cause::Change);
            edits.push(Edit::change("protect", live.marks.protect.into(), wish.protect.into()));
        }
        if live.marks.retiring && verb != Verb::Replace {
            // A replacement was begun and is no longer wished: it is not on its way out any more.
            cause.insert(Cause::Change);
            edits.push(Edit::change("retiring", true.into(), false.into()));
        }
        if live.marks.applied == Applied::Unfinished && edits.is_empty() {
            cause.insert(Cause::Change);
            reason = "an earlier apply was interrupted here".into();
        }
    }
    if edits.is_empty() && reason.is_empty() {
        verb = Verb::NoOp;
    }
    Action { address: address.clone(), kind: wish.kind.name.to_owned(), action: verb, cause, reason, edits, id: Some(live.id.clone()) }
}

/// A setting that is always there bears the mark of another stack.
fn is_anothers(live: &AnyLive, stack: &str) -> bool {
    live.marks.address.is_none() && !live.marks.stack.is_empty() && live.marks.stack != stack
}

/// A setting that is always there and that no apply of ours has set yet is adopted: marked, where it can be, and set.
fn take_over(wish: &Wished, live: &AnyLive, applied: Option<&Applied>, action: Action) -> Action {
    let unmarked = wish.kind.singleton && live.marks.address.is_none();
    let ours = if wish.kind.tags == Tags::None { action.action == Verb::NoOp || applied.is_some() } else { !unmarked };
    if !unmarked || ours || !matches!(action.action, Verb::NoOp | Verb::Update) {
        return action;
    }
    let reason = "it is always there, and is not ours yet".to_owned();
    let cause = if action.cause.is_empty() { [Cause::Change].into() } else { action.cause };
    Action { action: Verb::Adopt, reason, cause, ..action }
}

/// `remembered`: an earlier apply made it, though it bears no mark that says so.
fn delete(address: &Address, live: &AnyLive, destroy: bool, remembered: bool) -> Action {
    let stray = live.marks.address.is_none() && !remembered;
    let (cause, reason) = match (destroy, stray) {
        (true, _) => (Cause::Change, "the stack is to be destroyed"),
        (false, true) => (Cause::Drift, "it stands under an object of ours and nobody wishes it"),
        (false, false) => (Cause::Change, "it is no longer in the YAML"),
    };
    Action {
        address: address.clone(),
        kind: live.kind.to_owned(),
        action: Verb::Delete,
        cause: [cause].into(),
        reason: reason.to_owned(),
        edits: Vec::new(),
        id: Some(live.id.clone()),
    }
}

fn assemble(input: &Input<'_>, wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>, draft: Draft, complete: bool) -> Plan {
    let acted: BTreeSet<&Address> = draft.actions.values().filter(|a| a.action != Verb::NoOp).map(|a| &a.address).collect();
    let looked_at = claims.live.iter().chain(&claims.lookups).map(|(address, live)| (address.clone(), seen(live, acted.contains(address))));
    // Nobody saw these: they are as those say that use them, and have nothing of their own that could move.
    let assumed = claims.assumed.iter().map(|(address, live)| (address.clone(), Seen { fingerprint: String::new(), ..seen(live, false) }));
    let seen = looked_at.chain(assumed).collect();
    // Who uses what took the place of a leftover is waited for before that one goes, also where it has moved already.
    let succeeded: BTreeSet<&Address> = draft.leftovers.iter().map(|left| &left.address).collect();
    let told = |address: &Address, wish: &Wished| {
        let mut uses = false;
        if !succeeded.is_empty() {
            references(wish.kind.info(), &wish.spec, |_, hole| uses |= succeeded.contains(&hole.address));
        }
        uses || acted.contains(address)
    };
    let (first, then): (Vec<_>, Vec<_>) = draft.refusals.into_iter().partition(|(address, _)| draft.missing.contains(address));
    let mut waiting = draft.waiting;
    for (address, reason) in draft.kept {
        waiting.entry(address).or_insert(reason);
    }
    Plan {
        format_version: FORMAT_VERSION,
        stack: input.stack.to_owned(),
        account: input.account.to_owned(),
        region: input.region.to_owned(),
        domain: input.domain.to_owned(),
        record: input.record.clone(),
        digest: String::new(),
        made: Made::default(),
        complete,
        destroy: input.destroy,
        drift: false,
        wishes: wishes
            .iter()
            .filter(|(address, wish)| told(address, wish))
            .map(|(address, wish)| {
                (address.clone(), Wish { kind: wish.kind.name.to_owned(), spec: wish.spec.clone(), protect: wish.protect })
            })
            .collect(),
        actions: draft.actions.into_values().collect(),
        waiting: waiting.into_iter().map(|(address, reason)| crate::model::plan::Waiting { address, reason }).collect(),
        refusals: first
            .into_iter()
            .chain(then)
            .map(|(address, (reason, hint))| crate::model::plan::Refusal { address, reason, hint, by: By::Protection })
            .collect(),
        unreadable: input.observed.unreadable.clone(),
        unobserved: input.observed.unobserved.clone(),
        notes: input.observed.notes.clone(),
        access: input.access.clone(),
        starts: input.starts,
        scope: input.scope.clone(),
        seen,
        leftovers: draft.leftovers,
    }
}

/// What a plan keeps of a live object.
#[must_use]
pub fn seen(live: &AnyLive, with_shape: bool) -> Seen {
    let shape = with_shape.then(|| live.shape.clone());
    Seen {
        kind: live.kind.to_owned(),
        id: live.id.clone(),
        attributes: live.attributes.clone(),
        fingerprint: fingerprint(live),
        shape,
        marks: live.marks.clone(),
    }
}

/// The first half of a SHA-256 over kind, id, Shape, the address that it answers to and its protection: what must not have moved between plan and apply.
#[must_use]
pub fn fingerprint(live: &AnyLive) -> String {
    let mut hash = Sha256::new();
    hash.update(live.kind);
    hash.update([0]);
    hash.update(&live.id);
    hash.update([0]);
    hash.update(live.shape.to_string());
    hash.update([0]);
    // What bears no mark of ours may come to bear another stack's.
    hash.update(live.marks.address.as_ref().map_or(live.marks.stack.as_str(), Address::as_str));
    hash.update([0, u8::from(live.marks.protect), u8::from(live.marks.retiring)]);
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
