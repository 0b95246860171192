//! A plan into steps: what is done to which object, and what has to be done before.
//!
//! Make new, move the users, drop old. References that may point in a circle are settled after both ends are made, and cut before
//! both ends are dropped, only where there is a circle.

mod cut;
mod early;
mod leftover;
mod paths;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::refer::{names, references};
use crate::kinds::info::Need;
use crate::kinds::{Row, lookup};
use crate::model::Address;
use crate::model::plan::{Action, Plan, Seen, Verb};
use crate::model::report::Do;

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The resource.
    pub address: Address,
    /// The kind whose functions do it (for the drop of a replaced object, the old one's).
    pub kind: &'static Row,
    /// The action that it belongs to.
    pub action: Verb,
    /// What is done.
    pub what: Do,
    /// For a drop: which leftover of the plan it is, when it is one.
    pub leftover: Option<usize>,
    /// For a cut, and for the drop after it: the fields that the cut empties.
    pub cuts: BTreeSet<String>,
    /// Steps that must be done before, as indices.
    pub needs: Vec<usize>,
    /// How many steps follow on the longest path: the higher the sooner.
    pub rank: usize,
}

/// Why a plan has no steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// They run in a circle through these addresses.
    #[error("the steps run in a circle: {}", .0.iter().map(Address::as_str).collect::<Vec<_>>().join(" -> "))]
    Circle(Vec<Address>),
    /// Another version of reeve made the plan.
    #[error("{address} is of the kind {kind}, which this version of reeve does not know")]
    UnknownKind {
        /// What cannot be done.
        address: Address,
        /// The kind.
        kind: String,
    },
    /// It is to be dropped, and the plan does not say what it is.
    #[error("{0} is to be dropped, and the plan has not seen it")]
    Unseen(Address),
}

/// The steps of `plan`.
///
/// # Errors
/// When a kind is unknown to this version, or the steps run in a circle.
pub fn steps(plan: &Plan) -> Result<Vec<Step>, Disorder> {
    let mut build = Build { plan, steps: Vec::new(), index: HashMap::new(), edges: BTreeSet::new(), actions: BTreeMap::new() };
    build.actions = plan.changes().map(|action| (&action.address, action)).collect();
    build.nodes()?;
    build.creation_edges();
    build.deletion_edges();
    build.cut_circles();
    build.drop_leftovers_last();
    build.lean_early();
    build.finish()
}

fn known(address: &Address, kind: &str) -> Result<&'static Row, Disorder> {
    lookup(kind).ok_or_else(|| Disorder::UnknownKind { address: address.clone(), kind: kind.to_owned() })
}

/// Whether an action replaces an object that has to go before its successor is made.
#[must_use]
pub fn goes_first(plan: &Plan, action: &Action) -> bool {
    let (new, old) = (lookup(&action.kind), plan.seen.get(&action.address));
    action.action == Verb::Replace && new.zip(old).is_some_and(|(new, old)| new.drops_first(&old.kind, &action.edits))
}

struct Build<'a> {
    plan: &'a Plan,
    steps: Vec<Step>,
    index: HashMap<(Address, Do), usize>,
    /// Before, after.
    edges: BTreeSet<(usize, usize)>,
    actions: BTreeMap<&'a Address, &'a Action>,
}

impl<'a> Build<'a> {
    fn add(&mut self, action: &Action, kind: &'static Row, what: Do) -> usize {
        let at = self.steps.len();
        self.steps.push(Step {
            address: action.address.clone(),
            kind,
            action: action.action,
            what,
            leftover: None,
            cuts: BTreeSet::new(),
            needs: Vec::new(),
            rank: 0,
        });
        self.index.insert((action.address.clone(), what), at);
        at
    }

    fn step(&self, address: &Address, what: Do) -> Option<usize> {
        self.index.get(&(address.clone(), what)).copied()
    }

    fn before(&mut self, first: Option<usize>, then: Option<usize>) {
        if let (Some(first), Some(then)) = (first, then)
            && first != then
        {
            self.edges.insert((first, then));
        }
    }

    fn nodes(&mut self) -> Result<(), Disorder> {
        let actions: Vec<&Action> = self.actions.values().copied().collect();
        for action in actions {
            let new = known(&action.address, &action.kind)?;
            let old = self.plan.seen.get(&action.address).map(|seen| known(&action.address, &seen.kind)).transpose()?;
            match (action.action, old) {
                (Verb::Create, _) => {
                    self.creation(action, new);
                }
                (Verb::Update | Verb::Adopt, _) => {
                    let update = self.add(action, new, Do::Update);
                    let ready = (!new.at_once).then(|| self.add(action, new, Do::Ready));
                    // What an update settles may itself need this one, which is there already: after a crash between the two.
                    if !self.is_unsettled(action, new) {
                        self.before(Some(update), ready);
                    }
                }
                (Verb::Replace, Some(old)) => {
                    let (create, last) = self.creation(action, new);
                    let delete = self.add(action, old, Do::Delete);
                    if goes_first(self.plan, action) {
                        self.edges.insert((delete, create));
                    } else {
                        let retire = self.add(action, old, Do::Retire);
                        self.edges.insert((retire, create));
                        self.edges.extend(last.into_iter().map(|step| (step, delete)));
                    }
                }
                (Verb::Delete, Some(old)) => {
                    self.add(action, old, Do::Delete);
                }
                (Verb::NoOp, _) => {}
                (Verb::Replace | Verb::Delete, None) => return Err(Disorder::Unseen(action.address.clone())),
            }
        }
        for (at, leftover) in self.plan.leftovers.iter().enumerate() {
            self.steps.push(Step {
                address: leftover.address.clone(),
                kind: known(&leftover.address, &leftover.seen.kind)?,
                action: Verb::Delete,
                what: Do::Delete,
                leftover: Some(at),
                cuts: BTreeSet::new(),
                needs: Vec::new(),
                rank: 0,
            });
        }
        Ok(())
    }

    /// Create; settle, where something is still missing by then; ready. Answers the first and the last ones. Being ready does not wait
    /// for being settled: what a settle step waits for may itself need this one ready.
    fn creation(&mut self, action: &Action, kind: &'static Row) -> (usize, Vec<usize>) {
        let create = self.add(action, kind, Do::Create);
        let mut more = Vec::new();
        if !kind.at_once {
            more.push(self.add(action, kind, Do::Ready));
        }
        if self.is_unsettled(action, kind) {
            more.push(self.add(action, kind, Do::Settle));
        }
        self.edges.extend(more.iter().map(|step| (create, *step)));
        (create, if more.is_empty() { vec![create] } else { more })
    }

    /// Whether a settle field refers to something that this plan makes. What many calls make is there before the last of them, so what
    /// refers to itself settles on the way.
    fn is_unsettled(&self, action: &Action, kind: &'static Row) -> bool {
        let Some(wish) = self.plan.wishes.get(&action.address) else { return false };
        let info = kind.info();
        let mut unsettled = false;
        references(info, &wish.spec, |field, hole| {
            let settle = info.fields.get(field).is_some_and(|f| f.need == Need::Settle);
            let itself = kind.many_calls
                && hole.address == action.address
                && !hole.attribute.as_deref().is_some_and(|name| kind.late.contains(&name));
            unsettled |= settle && !itself && self.is_made(&hole.address);
        });
        unsettled
    }

    fn is_made(&self, address: &Address) -> bool {
        self.actions.get(address).is_some_and(|action| matches!(action.action, Verb::Create | Verb::Replace))
    }

    fn creation_edges(&mut self) {
        for (address, wish) in &self.plan.wishes {
            let Some(kind) = lookup(&wish.kind) else { continue };
            let info = kind.info();
            let mut uses = Vec::new();
            let is_made = self.step(address, Do::Create).is_some();
            references(info, &wish.spec, |field, hole| {
                let need = info.fields.get(field).map_or(Need::Made, |f| f.need);
                // What stands already has waited for it.
                if is_made || !info.orders(field) {
                    uses.push((need, hole));
                }
            });
            for (need, hole) in uses {
                let late = hole.attribute.as_deref().is_some_and(|name| self.is_late(&hole.address, name));
                let target = match need {
                    Need::Made | Need::Settle if !late => self.step(&hole.address, Do::Create),
                    _ => self.ready(&hole.address).or_else(|| self.ready_of_seen(address, &hole.address)),
                };
                let user = match need {
                    Need::Settle => self.step(address, Do::Settle).or_else(|| self.step(address, Do::Update)),
                    _ => self.step(address, Do::Create).or_else(|| self.step(address, Do::Update)),
                };
                self.before(target, user);
                // The old one goes when its users have moved. (One that goes first cannot wait for them.)
                let moved = if kind.moves_slowly { self.step(address, Do::Ready).or(user) } else { user };
                if self.is_replaced(&hole.address) && !self.drops_first(&hole.address) {
                    self.before(moved, self.step(&hole.address, Do::Delete));
                }
            }
        }
    }

    /// Whether an attribute of a target is known only when the target is ready, and is not known yet.
    fn is_late(&self, target: &Address, name: &str) -> bool {
        match self.plan.seen.get(target).filter(|_| !self.actions.contains_key(target)) {
            Some(seen) => !seen.attributes.contains_key(name) && lookup(&seen.kind).is_some_and(|row| row.late.contains(&name)),
            None => self.target_kind(target).is_some_and(|row| row.late.contains(&name)),
        }
    }

    /// The step after which a target is ready.
    fn ready(&self, target: &Address) -> Option<usize> {
        let made = || self.step(target, Do::Create).or_else(|| self.step(target, Do::Update));
        self.step(target, Do::Ready).or_else(|| if self.target_kind(target)?.at_once { made() } else { None })
    }

    /// A target that is live and stays as it is may still be on its way (an earlier apply was interrupted): it is waited for all the same.
    fn ready_of_seen(&mut self, user: &Address, target: &Address) -> Option<usize> {
        self.actions.get(user)?;
        self.ready_of_live(target)
    }

    fn ready_of_live(&mut self, target: &Address) -> Option<usize> {
        let seen = self.plan.seen.get(target).filter(|_| !target.is_lookup())?;
        let kind = lookup(&seen.kind).filter(|kind| !kind.at_once)?;
        let at = self.steps.len();
        let (address, action) = (target.clone(), Verb::NoOp);
        let cuts = BTreeSet::new();
        self.steps.push(Step { address, kind, action, what: Do::Ready, leftover: None, cuts, needs: Vec::new(), rank: 0 });
        self.index.insert((target.clone(), Do::Ready), at);
        Some(at)
    }

    fn target_kind(&self, address: &Address) -> Option<&'static Row> {
        self.plan.wishes.get(address).and_then(|wish| lookup(&wish.kind))
    }

    fn drops_first(&self, address: &Address) -> bool {
        self.actions.get(address).is_some_and(|action| goes_first(self.plan, action))
    }

    fn is_replaced(&self, address: &Address) -> bool {
        self.actions.get(address).is_some_and(|action| action.action == Verb::Replace)
    }

    /// Every live object whose drop is a step, by kind and id.
    fn dropped(&self) -> HashMap<(&'a str, &'a str), usize> {
        let mut dropped = HashMap::new();
        for (at, step) in self.steps.iter().enumerate().filter(|(_, step)| step.what == Do::Delete) {
            if let Some(seen) = self.object(step) {
                dropped.insert((seen.kind.as_str(), seen.id.as_str()), at);
            }
        }
        dropped
    }

    fn object(&self, step: &Step) -> Option<&'a Seen> {
        match step.leftover {
            Some(at) => self.plan.leftovers.get(at).map(|leftover| &leftover.seen),
            None => self.plan.seen.get(&step.address),
        }
    }

    /// Who uses a live object by its id lets go of it first.
    fn deletion_edges(&mut self) {
        let dropped = self.dropped();
        let mut edges = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let lets_go = match step.what {
                Do::Delete => true,
                // One that goes first is not waited for by those who are moved to its successor.
                Do::Update => true,
                _ => false,
            };
            let Some(seen) = self.object(step).filter(|_| lets_go) else { continue };
            for (kind, id) in live_references(seen) {
                let Some(&drop) = dropped.get(&(kind.as_str(), id.as_str())) else { continue };
                let first = self.steps[drop].leftover.is_none() && self.drops_first(&self.steps[drop].address);
                // One that goes first waits only for users that go for good or go first themselves: the others wait for its successor.
                let goes = step.what == Do::Delete && (step.action != Verb::Replace || self.drops_first(&step.address));
                let moves_away = first && !self.wishes_for(&step.address, &self.steps[drop].address);
                if goes || !first || moves_away {
                    edges.push((at, drop));
                }
            }
        }
        for (first, then) in edges {
            self.before(Some(first), Some(then));
        }
    }

    /// Whether the wish at `user` refers to `target`.
    fn wishes_for(&self, user: &Address, target: &Address) -> bool {
        let Some((wish, kind)) = self.plan.wishes.get(user).and_then(|wish| Some((wish, lookup(&wish.kind)?))) else { return false };
        names(kind, &wish.spec, target)
    }

    fn graph(&self) -> DiGraph<(), ()> {
        let mut graph = DiGraph::with_capacity(self.steps.len(), self.edges.len());
        for _ in &self.steps {
            graph.add_node(());
        }
        for (first, then) in &self.edges {
            graph.add_edge(NodeIndex::new(*first), NodeIndex::new(*then), ());
        }
        graph
    }

    fn circles(&self) -> Vec<Vec<usize>> {
        tarjan_scc(&self.graph())
            .into_iter()
            .filter(|scc| scc.len() > 1)
            .map(|scc| scc.into_iter().map(NodeIndex::index).collect())
            .collect()
    }

    fn finish(mut self) -> Result<Vec<Step>, Disorder> {
        let graph = self.graph();
        let order = match petgraph::algo::toposort(&graph, None) {
            Ok(order) => order,
            Err(_) => {
                let circle = self.circles().into_iter().next().unwrap_or_default();
                return Err(Disorder::Circle(circle.into_iter().map(|at| self.steps[at].address.clone()).collect()));
            }
        };
        for node in order.into_iter().rev() {
            let rank = graph.neighbors(node).map(|next| self.steps[next.index()].rank + 1).max().unwrap_or_default();
            self.steps[node.index()].rank = rank;
        }
        for (first, then) in &self.edges {
            self.steps[*then].needs.push(*first);
        }
        Ok(self.steps)
    }
}

/// The objects that a live one names in its reference fields, by kind and id.
fn live_references(seen: &Seen) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let (Some(row), Some(shape)) = (lookup(&seen.kind), &seen.shape) {
        row.info().visit(shape, &mut |leaf, id| found.extend(leaf.kind.map(|kind| (kind.to_owned(), id.to_owned()))));
    }
    found
}
