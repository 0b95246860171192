//! What is in the way of a creation: an object of the name that the new one would get, which is not ours, or is ours at another address.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::claim::Claims;
use super::draft::Draft;
use super::refer::names;
use super::{Input, Wished};
use crate::kinds::row::AnyNew;
use crate::kinds::{AnyLive, Naming};
use crate::model::edit::Cause;
use crate::model::plan::Verb;
use crate::model::runbook::LOST_MARK;
use crate::model::{Address, Marks, Stranger, Whose, hole};

/// The names that are taken, by kind.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    strangers: HashMap<(&'a str, &'a str), &'a Stranger>,
    /// What is ours keeps the name that it was made with, also where its address was moved.
    ours: HashMap<(&'a str, &'a str), &'a Address>,
    stack: &'a str,
}

/// Who has a name.
enum Holder<'a> {
    Stranger(&'a Stranger),
    Ours(&'a Address),
}

impl<'a> Taken<'a> {
    /// What the listings showed.
    pub(super) fn of(input: &Input<'a>, claims: &'a Claims<'a>) -> Self {
        let names = |live: &'a AnyLive| [Some(live.id.as_str()), live.attributes.get("name").map(String::as_str)].into_iter().flatten();
        let ours = claims.live.iter().flat_map(|(address, live)| names(live).map(move |name| ((live.kind, name), address))).collect();
        let strangers = input.observed.strangers.iter().map(|one| ((one.kind, one.name.as_str()), one)).collect();
        Self { strangers, ours, stack: input.stack }
    }

    /// Why `wish` is not made, and what to do about that: it would fail, or, where AWS takes the call for a repeat, lay hands on what is
    /// somebody else's.
    pub(super) fn refusal(&self, address: &Address, wish: &Wished, claims: &Claims<'_>) -> Option<(String, String)> {
        self.meets(address, wish, claims, "").map(|holder| words(address, &holder))
    }

    fn meets(&self, address: &Address, wish: &Wished, claims: &Claims<'_>, salt: &str) -> Option<Holder<'a>> {
        let new = AnyNew {
            address: address.clone(),
            want: rendered(wish, claims),
            marks: Marks::default(),
            token: String::new(),
            naming: Naming { stack: self.stack.to_owned(), salt: salt.to_owned() },
        };
        // One that is not known yet, because it comes from something that is not there, is nobody's.
        let name = (wish.kind.name_of)(new).filter(|name| !hole::any(name))?;
        let key = (wish.kind.name, name.as_str());
        let ours = self.ours.get(&key).filter(|at| **at != address).map(|at| Holder::Ours(at));
        self.strangers.get(&key).map(|stranger| Holder::Stranger(stranger)).or(ours)
    }
}

/// Refuses replacements into a name that is taken: where the old one has to go first, it would be gone by the time the new one fails.
pub(super) fn before_replacements(draft: &mut Draft, wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>, input: &Input<'_>) {
    let mut replaced = draft.actions.values().filter(|action| action.action == Verb::Replace).peekable();
    if replaced.peek().is_none() {
        return;
    }
    let taken = Taken::of(input, claims);
    let met: Vec<(Address, Holder<'_>)> = replaced
        .filter_map(|action| {
            let wish = wishes.get(&action.address)?;
            // Beside the old one it gets a name that is nobody's; only one that the YAML gives it may be taken.
            let live = claims.live.get(&action.address)?;
            let salt = if wish.kind.drops_first(live.kind, &action.edits) { "" } else { "beside" };
            Some((action.address.clone(), taken.meets(&action.address, wish, claims, salt)?))
        })
        .collect();
    for (address, holder) in met {
        let (reason, hint) = words(&address, &holder);
        draft.refuse(&address, reason, hint);
        draft.leave(&address);
        for follower in followers(draft, wishes, &address) {
            draft.wait_for(&follower, format!("it follows {address}, which is refused"));
        }
    }
}

fn rendered(wish: &Wished, claims: &Claims<'_>) -> Value {
    let mut spec = wish.spec.clone();
    wish.kind.info().rewrite(&mut spec, &mut |_, text| {
        if let Ok(known) = hole::render(text, |hole| claims.attribute(hole)) {
            *text = known;
        }
    });
    spec
}

fn followers(draft: &Draft, wishes: &BTreeMap<Address, Wished>, address: &Address) -> Vec<Address> {
    let follows = |user: &Address| draft.actions.get(user).is_some_and(|action| action.cause.contains(&Cause::Follows));
    wishes.iter().filter(|(user, wish)| follows(user) && names(wish.kind, &wish.spec, address)).map(|(user, _)| user.clone()).collect()
}

/// Reason and hint.
fn words(address: &Address, holder: &Holder<'_>) -> (String, String) {
    let stranger = match holder {
        Holder::Stranger(stranger) => stranger,
        Holder::Ours(other) => {
            return (
                format!("its name is taken: {other}, which was renamed, keeps the name that it was made with"),
                format!("choose another name; do not take {other}'s object away, it is in use"),
            );
        }
    };
    let Stranger { name, id, .. } = stranger;
    let called = if id.contains(name.as_str()) || id.contains('/') { name.clone() } else { format!("{name} ({id})") };
    match &stranger.whose {
        Whose::Nobody => (
            format!("{called} is there already and bears no mark of ours: it is not made a second time"),
            format!(
                "if it is ours (made by hand, or its mark was lost): reeve adopt DIR {address} {id}; if it is somebody else's, take it away or choose another name (see {LOST_MARK})"
            ),
        ),
        Whose::Stack(owner) => (
            format!("{called} is there already, and is the stack {owner}'s"),
            "one stack only may have it: take it out of the other one, or choose another name here".to_owned(),
        ),
        Whose::OutOfReach(why) => {
            (format!("{called} is there already, and cannot become ours: {why}"), "take it away, or choose another name".to_owned())
        }
    }
}
