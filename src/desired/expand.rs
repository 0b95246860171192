//! Modules into resources. Pure and total; the module `tenant` once per tenant, all others once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::check::{Found, check};
use super::expression::{Scope, budget};
use super::module::{Let, Module, ResourceTemplate, TENANT};
use super::origin::Origins;
use super::read;
use super::shape::Shape;
use super::template::Template;
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
    /// The resources that are right.
    pub resources: BTreeMap<Address, Resource>,
    /// The addresses of those that are wrong, with their kinds as far as known: those who refer to them are not to blame.
    pub invalid: BTreeMap<Address, Option<&'static Row>>,
    /// Modules of which some resources could not even be named; references into them are not checked.
    pub unsure: Vec<String>,
    /// Expressions evaluated and resources parsed: the work, for tests of its growth.
    pub work: usize,
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

    /// Expands a module other than `tenant`. `root` knows `stack`.
    pub fn module<'v>(&mut self, module: &'v Module, section: &'v Json, root: &Scope<'_, 'v>) {
        let mut scope = root.inner();
        bind_fields(&mut scope, section);
        if let Err(problem) = self.lets(module.lets.iter(), &mut scope) {
            return self.unsure(module.name.clone(), problem);
        }
        for template in &module.resources {
            self.resource(&module.name, template, &scope);
        }
    }

    /// Expands the module `tenant` for each of `tenants` (name and facts).
    pub fn tenants<'v>(
        &mut self,
        module: &'v Module,
        section: &'v Json,
        tenants: impl Iterator<Item = (&'v str, &'v Json)>,
        root: &Scope<'_, 'v>,
    ) {
        let mut shared = root.inner();
        bind_fields(&mut shared, section);
        if let Err(problem) = self.lets(module.lets.iter().filter(|one| !one.of_tenant), &mut shared) {
            return self.unsure(module.name.clone(), problem);
        }
        for (name, facts) in tenants {
            let mut scope = shared.inner();
            scope.bind(TENANT, facts);
            self.tenant = Some(name.to_owned());
            let prefix = format!("{TENANT}/{name}");
            if let Err(problem) = self.lets(module.lets.iter().filter(|one| one.of_tenant), &mut scope) {
                self.unsure(prefix, problem);
                continue;
            }
            for template in &module.resources {
                self.resource(&prefix, template, &scope);
            }
        }
        self.tenant = None;
    }

    fn unsure(&mut self, module: String, problem: Problem) {
        self.problem(problem);
        self.expanded.unsure.push(module);
    }

    fn lets<'l>(&mut self, lets: impl Iterator<Item = &'l Let>, scope: &mut Scope<'_, '_>) -> Result<(), Problem> {
        for one in lets {
            self.expanded.work += 1;
            bind_let(one, scope)?;
        }
        Ok(())
    }

    fn resource(&mut self, prefix: &str, template: &ResourceTemplate, scope: &Scope<'_, '_>) {
        let base = format!("{prefix}.{}", template.name);
        let Some(for_each) = &template.for_each else {
            return self.one(&base, &template.place, template, scope);
        };
        self.expanded.work += 1;
        let items = for_each.instantiate(scope).and_then(|node| items(&node, for_each.place()));
        match items {
            Ok(items) => {
                for (key, value) in items {
                    let mut inner = scope.inner();
                    inner.bind_owned("each", json!({ "key": key, "value": value }));
                    self.one(&format!("{base}/{key}"), for_each.place(), template, &inner);
                }
            }
            Err(problem) => self.unsure(base, problem),
        }
    }

    fn one(&mut self, address: &str, place: &Place, template: &ResourceTemplate, scope: &Scope<'_, '_>) {
        self.expanded.work += 1;
        let address = match Address::parse(address) {
            Ok(address) => address,
            Err(error) => return self.problem(Problem::at(place, error.to_string())),
        };
        if self.expanded.resources.contains_key(&address) || self.expanded.invalid.contains_key(&address) {
            return self.problem(Problem::at(place, format!("two resources have the address `{address}`")));
        }
        match self.build(&address, template, scope) {
            Ok(Some(resource)) => {
                self.expanded.resources.insert(address, resource);
            }
            Ok(None) => {}
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.problem(problem));
                self.expanded.invalid.insert(address, template.row);
            }
        }
    }

    fn build(&mut self, address: &Address, template: &ResourceTemplate, scope: &Scope<'_, '_>) -> Result<Option<Resource>, Vec<Problem>> {
        if !flag(template.when.as_ref(), true, scope)? {
            return Ok(None);
        }
        let Some(kind) = template.row else { return Err(Vec::new()) };
        let protect = flag(template.protect.as_ref(), kind.stateful, scope)?;
        let moved_from = moved(template.moved.as_ref(), scope)?;
        let node = template.spec.instantiate(scope).map_err(|problem| vec![problem])?;
        if budget::keep_tree(read::size(&node, budget::ALL as usize)).is_err() {
            let message = format!("all resources together take more than {} values", budget::ALL);
            return Err(vec![Problem::at(&template.place, message).help("let `for_each` go over less")]);
        }
        let mut problems = Vec::new();
        let shape = self.shapes.entry(kind.name).or_insert_with(|| Arc::new(Shape::compile(&kind.info().schema)));
        let found = check(shape, &node, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let (spec, wrong) = (kind.parse)(&node).map_err(|error| vec![in_resource(error.into(), &template.place)])?;
        if !wrong.is_empty() {
            return Err(wrong.into_iter().map(|(field, message)| wrong_field(&node, &template.place, &field, message)).collect());
        }
        let refs = found.into_iter().map(ref_use).collect();
        let (place, written) = (Arc::clone(&template.place), Arc::clone(&template.written));
        Ok(Some(Resource { address: address.clone(), kind, spec, refs, protect, moved_from, place, written }))
    }
}

/// A problem without a place belongs to the resource.
fn in_resource(mut problem: Problem, place: &Place) -> Problem {
    problem.place.get_or_insert_with(|| place.clone());
    problem
}

fn wrong_field(node: &Node, template: &Place, field: &str, message: String) -> Problem {
    let first = field.split('.').next().unwrap_or_default();
    match node.get(first) {
        Some(_) => Problem::at(&node.deepest(field.split('.')).place, format!("`{field}`: {message}")),
        None if field.is_empty() => Problem::at(template, message),
        None => Problem::at(template, format!("`{field}`: {message}")),
    }
}

fn ref_use(found: Found) -> RefUse {
    let Found { path, hole: Hole { address, attribute, .. }, kind, need, place } = found;
    RefUse { field: path, address, attribute, kind, need, place }
}

fn bind_fields<'v>(scope: &mut Scope<'_, 'v>, section: &'v Json) {
    for (name, value) in section.as_object().into_iter().flatten() {
        scope.bind(name, value);
    }
}

/// Computes a `let` and adds its name.
pub(super) fn bind_let(one: &Let, scope: &mut Scope<'_, '_>) -> Result<(), Problem> {
    let value = one.value.instantiate(scope)?;
    scope.bind_owned(&one.name, value.to_json());
    Ok(())
}

/// The value of `when` or `protect`.
fn flag(template: Option<&Template>, default: bool, scope: &Scope<'_, '_>) -> Result<bool, Vec<Problem>> {
    let Some(template) = template else { return Ok(default) };
    match template.instantiate(scope).map_err(|problem| vec![problem])?.value {
        Value::Bool(b) => Ok(b),
        Value::Null => Ok(default),
        _ => Err(vec![Problem::at(template.place(), "this has to be true or false").help("write ${...} around an expression")]),
    }
}

fn moved(template: Option<&Template>, scope: &Scope<'_, '_>) -> Result<Vec<Address>, Vec<Problem>> {
    let Some(template) = template else { return Ok(Vec::new()) };
    let node = template.instantiate(scope).map_err(|problem| vec![problem])?;
    let addresses = node.items().iter().map(|item| {
        let text = item.as_str().unwrap_or_default();
        Address::parse(text).map_err(|error| vec![Problem::at(&item.place, error.to_string())])
    });
    addresses.collect()
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
