//! Modules into resources. Pure and total; the module `tenant` once per tenant, all others once.
//!
//! A mistake does not end it: what is wrong or doubtful (`super::doubt`) is a flaw of its resource, and everything else about that
//! resource is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::check::{Checked, Found, check};
use super::doubt::Doubts;
use super::expression::{Scope, budget};
use super::mend::mend;
use super::module::{Let, Module, ResourceTemplate, TENANT};
use super::origin::Origins;
use super::read;
use super::shape::Shape;
use super::template::{Findings, Template};
use crate::kinds::{Row, info::Need};
use crate::model::node::{Node, Value};
use crate::model::problem::{Place, Problem, Problems};
use crate::model::{Address, hole::Hole};

/// A resource as the YAML wishes it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: &'static Row,
    /// Canonical JSON of the kind's struct: parsed, normalised, defaults filled in; references are holes.
    pub spec: Json,
    /// Its references, in the order of its fields.
    pub refs: Vec<RefUse>,
    /// Deleting and replacing it is refused.
    pub protect: bool,
    /// Addresses that it had before.
    pub moved_from: Vec<Address>,
    /// Where its name stands.
    pub place: Arc<Place>,
    written: Arc<Node>,
}

impl Resource {
    /// Where the value of a field was written, or its name where there is no value.
    pub fn value_place(&self, field: &str) -> &Place {
        self.written.get(field).map_or(&self.place, |node| &node.place)
    }

    /// Where a field was written (`ingress.0.port`), or the innermost part of it that was; else the resource's name.
    pub fn place_of(&self, field: &str) -> &Place {
        match field.split('.').next().and_then(|first| self.written.entry(first)) {
            Some(entry) => {
                let node = self.written.deepest(field.split('.'));
                if field.contains('.') && node.place != entry.value.place { &node.place } else { &entry.place }
            }
            None => &self.place,
        }
    }
}

/// A reference of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUse {
    /// The field: `ingress.0.source`.
    pub field: String,
    /// What it refers to.
    pub address: Address,
    /// The attribute it wants; none: the object itself.
    pub attribute: Option<String>,
    /// The kind that the field wants; none in texts and documents.
    pub kind: Option<String>,
    /// What it needs of its target.
    pub need: Need,
    /// Where it was written.
    pub place: Place,
}

/// What an expansion gives.
#[derive(Debug, Default)]
pub struct Expanded {
    /// The resources, as far as they are right.
    pub resources: BTreeMap<Address, Resource>,
    /// Of those that are not, the fields that are wrong or doubtful. These bear no references.
    pub flaws: BTreeMap<Address, BTreeSet<String>>,
    /// What may exist under these names is not known; references to it are not checked.
    pub unsure: BTreeSet<String>,
    /// There may be modules that could not be read.
    pub may_lack: bool,
    /// Expressions evaluated and resources parsed: the work, for tests of its growth.
    pub work: usize,
}

impl Expanded {
    /// Whether a field of a resource is not known to be right.
    pub fn is_flawed(&self, address: &Address, field: &str) -> bool {
        self.flaws.get(address).is_some_and(|flaws| flaws.contains(field))
    }
}

/// Expands modules one after the other.
pub struct Expander<'a> {
    shapes: BTreeMap<&'static str, Arc<Shape>>,
    /// What came of it.
    pub expanded: Expanded,
    origins: &'a Origins<'a>,
    problems: &'a mut Problems,
    /// The tenant that the module `tenant` is being expanded for.
    tenant: Option<String>,
}

impl<'a> Expander<'a> {
    /// Nothing expanded yet.
    pub fn new(origins: &'a Origins<'a>, problems: &'a mut Problems) -> Self {
        Self { shapes: BTreeMap::new(), expanded: Expanded::default(), origins, problems, tenant: None }
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(self.origins.trace(problem, self.tenant.as_deref()));
    }

    fn report(&mut self, problems: Problems) {
        problems.into_iter().for_each(|problem| self.problem(problem));
    }

    /// Expands a module other than `tenant`. `root` knows `stack`; `doubts` are those of the section.
    pub fn module<'v>(&mut self, module: &'v Module, section: &'v Json, doubts: &Doubts, root: &Scope<'_, 'v>) {
        let mut scope = root.inner();
        bind_section(&mut scope, section, doubts);
        self.lets(module.lets.iter(), &mut scope);
        for template in &module.resources {
            self.resource(&module.name, template, &scope);
        }
    }

    /// Expands the module `tenant` for each of `tenants`: name, facts, and what of them is doubtful.
    pub fn tenants<'v>(
        &mut self,
        module: &'v Module,
        section: &'v Json,
        doubts: &Doubts,
        tenants: impl Iterator<Item = (&'v str, &'v Json, &'v Doubts)>,
        root: &Scope<'_, 'v>,
    ) {
        let mut shared = root.inner();
        bind_section(&mut shared, section, doubts);
        self.lets(module.lets.iter().filter(|one| !one.of_tenant), &mut shared);
        for (name, facts, doubts) in tenants {
            let mut scope = shared.inner();
            scope.bind(TENANT, facts);
            scope.doubts.add_under(&[TENANT], doubts);
            self.tenant = Some(name.to_owned());
            self.lets(module.lets.iter().filter(|one| one.of_tenant), &mut scope);
            for template in &module.resources {
                self.resource(&format!("{TENANT}/{name}"), template, &scope);
            }
        }
        self.tenant = None;
    }

    fn lets<'l>(&mut self, lets: impl Iterator<Item = &'l Let>, scope: &mut Scope<'_, '_>) {
        for one in lets {
            self.expanded.work += 1;
            let mut findings = Findings::default();
            bind_let(one, scope, &mut findings);
            self.report(findings.problems);
        }
    }

    fn unsure(&mut self, name: String) {
        self.expanded.unsure.insert(name);
    }

    fn resource(&mut self, prefix: &str, template: &ResourceTemplate, scope: &Scope<'_, '_>) {
        let base = format!("{prefix}.{}", template.name);
        let Some(for_each) = &template.for_each else {
            return self.one(&base, &template.place, template, scope);
        };
        self.expanded.work += 1;
        let mut findings = Findings::default();
        let node = for_each.instantiate(scope, &mut findings);
        let is_sure = findings.is_sure();
        self.report(findings.problems);
        if !is_sure {
            self.unsure(base.clone());
        }
        match items(&node, for_each.place()) {
            Ok(items) => {
                for (key, value) in items {
                    let mut inner = scope.inner();
                    inner.bind_owned("each", json!({ "key": key, "value": value }));
                    if !is_sure {
                        inner.doubts.add_at(&["each"]);
                    }
                    self.one(&format!("{base}/{key}"), for_each.place(), template, &inner);
                }
            }
            Err(problem) if is_sure => {
                self.problem(problem);
                self.unsure(base);
            }
            Err(_) => {}
        }
    }

    fn one(&mut self, name: &str, place: &Place, template: &ResourceTemplate, scope: &Scope<'_, '_>) {
        if budget::spent() {
            return self.unsure(name.to_owned());
        }
        self.expanded.work += 1;
        let address = match Address::parse(name) {
            Ok(address) => address,
            Err(error) => return self.problem(Problem::at(place, error.to_string())),
        };
        if self.expanded.resources.contains_key(&address) {
            return self.problem(Problem::at(place, format!("two resources have the address `{address}`")));
        }
        let Some(kind) = template.row else { return self.unsure(name.to_owned()) };
        let mut findings = Findings::default();
        let when = flag(template.when.as_ref(), true, scope, &mut findings);
        if !findings.is_sure() {
            self.report(findings.problems);
            self.unsure(name.to_owned()); // whether it exists at all
        }
        if when {
            let (resource, flaws, problems) = self.build(address, kind, template, scope);
            self.report(problems);
            if !flaws.is_empty() {
                self.expanded.flaws.insert(resource.address.clone(), flaws);
            }
            self.expanded.resources.insert(resource.address.clone(), resource);
        }
    }

    /// A resource as far as it is right, which of its fields are not, and what is wrong with it.
    fn build(
        &mut self,
        address: Address,
        kind: &'static Row,
        template: &ResourceTemplate,
        scope: &Scope<'_, '_>,
    ) -> (Resource, BTreeSet<String>, Problems) {
        let mut findings = Findings::default();
        let protect = flag(template.protect.as_ref(), kind.stateful, scope, &mut findings);
        let moved_from = moved(template.moved.as_ref(), scope, &mut findings);
        let node = template.spec.instantiate(scope, &mut findings);
        if budget::keep_tree(read::size(&node, budget::all() as usize)).is_err() {
            let message = format!("all resources together take more than {} values", budget::all());
            findings.problems.push(Problem::at(&template.place, message).help("let `for_each` go over less"));
        }
        let shape = self.shapes.entry(kind.name).or_insert_with(|| Arc::new(Shape::compile(&kind.info().schema)));
        let mut found = Problems::new();
        let Checked { found: refs, wrong } = check(shape, &node, &mut found);
        let Findings { mut problems, doubts } = findings;
        // What is found at a doubtful value is found elsewhere already.
        problems.merge(found.only(|problem| problem.place.as_ref().is_none_or(|place| !doubts.contains(place))));
        let flaws = flaws(&node, &doubts, &wrong);
        let parsed = match flaws.is_empty() {
            true => (kind.parse)(&node),
            false => (kind.parse)(&mend(shape, &node, &wrong)),
        };
        let spec = match parsed {
            Ok((spec, said)) => {
                let said = said.into_iter().filter(|(field, message)| !is_of(&flaws, field, message));
                problems.extend(said.map(|(field, message)| wrong_field(&node, &template.place, &field, message)));
                spec
            }
            Err(error) => {
                if flaws.is_empty() {
                    problems.push(in_resource(error.into(), &template.place));
                }
                Json::Null
            }
        };
        let refs = refs.into_iter().map(ref_use).filter(|used| !flaws.contains(first(&used.field))).collect();
        let (place, written) = (Arc::clone(&template.place), Arc::clone(&template.written));
        (Resource { address, kind, spec, refs, protect, moved_from, place, written }, flaws, problems)
    }
}

/// The fields in which something is doubtful or wrong.
fn flaws(node: &Node, doubts: &BTreeSet<Place>, wrong: &Doubts) -> BTreeSet<String> {
    fn any(node: &Node, doubts: &BTreeSet<Place>) -> bool {
        doubts.contains(&node.place)
            || node.items().iter().any(|item| any(item, doubts))
            || node.entries().iter().any(|entry| any(&entry.value, doubts))
    }
    let doubtful = node.entries().iter().filter(|entry| !doubts.is_empty() && any(&entry.value, doubts)).map(|entry| entry.key.clone());
    doubtful.chain(wrong.firsts()).collect()
}

/// Whether what a kind says of a field may come from a flaw. Kinds name the other fields of a rule.
fn is_of(flaws: &BTreeSet<String>, field: &str, message: &str) -> bool {
    flaws.iter().any(|flaw| first(field) == flaw || message.contains(&format!("`{flaw}")))
}

fn first(field: &str) -> &str {
    field.split('.').next().unwrap_or_default()
}

/// A problem without a place belongs to the resource.
fn in_resource(mut problem: Problem, place: &Place) -> Problem {
    problem.place.get_or_insert_with(|| place.clone());
    problem
}

fn wrong_field(node: &Node, template: &Place, field: &str, message: String) -> Problem {
    match node.get(first(field)) {
        Some(_) => Problem::at(&node.deepest(field.split('.')).place, format!("`{field}`: {message}")),
        None if field.is_empty() => Problem::at(template, message),
        None => Problem::at(template, format!("`{field}`: {message}")),
    }
}

fn ref_use(found: Found) -> RefUse {
    let Found { path, hole: Hole { address, attribute, .. }, kind, need, place } = found;
    RefUse { field: path, address, attribute, kind, need, place }
}

fn bind_section<'v>(scope: &mut Scope<'_, 'v>, section: &'v Json, doubts: &Doubts) {
    for (name, value) in section.as_object().into_iter().flatten() {
        scope.bind(name, value);
    }
    scope.doubts.add_under(&[], doubts);
}

/// Computes a `let` and adds its name.
pub(super) fn bind_let(one: &Let, scope: &mut Scope<'_, '_>, findings: &mut Findings) {
    let value = one.value.instantiate(scope, findings);
    scope.bind_owned(&one.name, value.to_json());
    if !findings.is_sure() {
        scope.doubts.add_at(&[&one.name]);
    }
}

/// The value of `when` or `protect`.
fn flag(template: Option<&Template>, default: bool, scope: &Scope<'_, '_>, findings: &mut Findings) -> bool {
    let Some(template) = template else { return default };
    match template.instantiate(scope, findings).value {
        Value::Bool(b) => b,
        Value::Null => default,
        _ => {
            let problem = Problem::at(template.place(), "this has to be true or false").help("write ${...} around an expression");
            findings.wrong(problem, template.place());
            default
        }
    }
}

fn moved(template: Option<&Template>, scope: &Scope<'_, '_>, findings: &mut Findings) -> Vec<Address> {
    let Some(template) = template else { return Vec::new() };
    let node = template.instantiate(scope, findings);
    let mut addresses = Vec::new();
    for item in node.items() {
        match Address::parse(item.as_str().unwrap_or_default()) {
            Ok(address) => addresses.push(address),
            Err(error) => findings.wrong(Problem::at(&item.place, error.to_string()), &item.place),
        }
    }
    addresses
}

/// What `for_each` goes over: keys with values, in the order of the keys.
fn items(node: &Node, place: &Place) -> Result<Vec<(String, Json)>, Problem> {
    let mut items: Vec<(String, Json)> = match &node.value {
        Value::Seq(all) => {
            let texts = all.iter().map(|item| item.as_str().map(|text| (text.to_owned(), Json::from(text))));
            texts.collect::<Option<_>>().ok_or_else(|| {
                Problem::at(place, "`for_each` goes over a list of texts or over a map")
                    .help("keys name the resources, so that a change in the middle moves nothing")
            })?
        }
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
        _ => return Err(Problem::at(place, format!("`for_each` goes over a list of texts or over a map, not over {}", node.noun()))),
    };
    for (key, _) in &items {
        if key.is_empty() || !key.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
            return Err(Problem::at(place, format!("`{key:.60}` cannot be the key of a resource"))
                .help("a-z, 0-9, `.`, `_` and `-` are allowed in addresses"));
        }
    }
    items.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(two) = items.windows(2).find(|two| two[0].0 == two[1].0) {
        return Err(Problem::at(place, format!("`for_each` has the key `{:.60}` twice", two[0].0)));
    }
    Ok(items)
}
