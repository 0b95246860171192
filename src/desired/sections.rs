//! The stack's document: its own fields, and a section for each module.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json};

use super::Modules;
use super::documents::{self, Checked};
use super::doubt::Doubts;
use super::expand::bind_let;
use super::expression::Scope;
use super::inputs::{self, Check};
use super::module::Module;
use super::schema;
use super::semantics;
use super::shape::Shape;
use super::stack::Stack;
use super::template::Findings;
use crate::model::node::{Node, Value};
use crate::model::problem::{Place, Problem, Problems, nearest};
use crate::model::record_bucket;

/// A stack with the values of its sections.
#[derive(Debug)]
pub struct Sections<'d> {
    /// The stack.
    pub stack: Stack,
    /// The section of each module, defaults filled in.
    pub values: BTreeMap<String, Json>,
    /// Its document.
    pub checked: Checked<'d>,
}

/// Reads the stack's document. `users` says how many tenants have a distribution.
pub fn read<'d>(document: &'d Node, modules: &Modules, users: &HashMap<String, usize>, problems: &mut Problems) -> Option<Sections<'d>> {
    let mut checked = Checked::plain(&shape(document, modules), document, problems);
    let name = documents::name(document).map(|(name, _)| name).unwrap_or_default().to_owned();
    let stack = Stack { name, spec: checked.spec(problems)? };
    semantics::stack(&stack, &mut checked, users, problems);
    let mut values = BTreeMap::new();
    for (name, module) in &modules.by_name {
        let empty = Node::new(Value::Map(Vec::new()), document.place.clone());
        let section = checked.mended.get("spec").and_then(|spec| spec.get(name)).unwrap_or(&empty);
        values.insert(name.clone(), inputs::value(&module.shape, section));
        checked.doubts.add_under(&["spec", name], &module.doubts);
    }
    Some(Sections { stack, values, checked })
}

/// The shape of a stack with these modules. Where a module could not be read, its section is not held against anything.
fn shape(document: &Node, modules: &Modules) -> Shape {
    let mut schema = schema::stack(&modules.by_name);
    if let Some(Json::Object(known)) = schema.pointer_mut("/properties/spec/properties") {
        for entry in document.get("spec").map(Node::entries).unwrap_or_default() {
            let foreign = || modules.may_lack && nearest(&entry.key, known.keys().map(String::as_str)).is_none();
            if modules.unusable.contains(&entry.key) || !known.contains_key(&entry.key) && foreign() {
                known.insert(entry.key.clone(), Json::Bool(true));
            }
        }
    }
    Shape::compile(&schema)
}

impl Sections<'_> {
    /// The stack as expressions see it.
    pub fn facts<'t>(&self, tenants: impl Iterator<Item = (&'t str, &'t Json)>) -> Json {
        let mut facts: Map<String, Json> = match serde_json::to_value(&self.stack) {
            Ok(Json::Object(facts)) => facts,
            _ => Map::new(),
        };
        let zones = super::region::zones(&self.stack.spec.region);
        facts.insert("zones".into(), zones.into());
        facts.insert("record_bucket_tail".into(), record_bucket::tail(&self.stack.spec.region, &self.stack.name).into());
        facts.insert("tenants".into(), Json::Object(tenants.map(|(name, tenant)| (name.to_owned(), tenant.clone())).collect()));
        facts.extend(self.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        Json::Object(facts)
    }

    /// What of it is doubtful, as expressions see it.
    pub fn doubts(&self, modules: &Modules) -> Doubts {
        let mut doubts = Doubts::default();
        doubts.add_under(&["stack"], &self.checked.doubts.under(&["spec"]));
        if self.checked.is_doubtful(&["metadata", "name"]) {
            doubts.add_at(&["stack", "name"]);
        }
        if self.checked.is_doubtful(&["spec", "region"]) {
            doubts.add_at(&["stack", "zones"]);
        }
        modules.unusable.iter().for_each(|name| doubts.add_at(&["stack", name]));
        doubts
    }

    /// What of a section is doubtful.
    pub fn doubts_of(&self, module: &str) -> Doubts {
        self.checked.doubts.under(&["spec", module])
    }

    /// Holds the sections against the checks of their modules. What does not pass is doubtful.
    pub fn check<'v>(&'v self, modules: &'v BTreeMap<String, Module>, root: &Scope<'_, 'v>, problems: &mut Problems) -> Doubts {
        let mut failed = Doubts::default();
        for (name, module) in modules {
            let section = &self.values[name];
            let mut scope = root.inner();
            for (field, value) in section.as_object().into_iter().flatten() {
                scope.bind(field, value);
            }
            scope.doubts.add_under(&[], &self.doubts_of(name));
            // Rules over several inputs make sense only where each is right by itself.
            let (of_inputs, of_module): (Vec<&Check>, Vec<&Check>) = module.checks.iter().partition(|check| check.of_input);
            let inputs_failed = self.hold_all(name, &of_inputs, &scope, problems);
            scope.doubts.add_under(&[], &inputs_failed);
            failed.add_under(&[name], &inputs_failed);
            if of_module.is_empty() {
                continue;
            }
            for one in module.lets.iter().filter(|one| !one.of_tenant) {
                bind_let(one, &mut scope, &mut Findings::default()); // what is wrong with it, the expansion says
            }
            failed.add_under(&[name], &self.hold_all(name, &of_module, &scope, problems));
        }
        failed
    }

    /// The fields whose checks fail.
    fn hold_all(&self, name: &str, checks: &[&Check], scope: &Scope<'_, '_>, problems: &mut Problems) -> Doubts {
        let mut failed = Doubts::default();
        for check in checks {
            if let Some(problem) = self.hold(name, check, scope) {
                problems.push(problem);
                match check.path.is_empty() {
                    true => check.rule.uses().iter().for_each(|path| failed.add(path.clone())),
                    false => failed.add(check.path.clone()),
                }
            }
        }
        failed
    }

    fn hold(&self, name: &str, check: &Check, scope: &Scope<'_, '_>) -> Option<Problem> {
        let value = check.path.iter().try_fold(&self.values[name], |value, step| value.get(step))?;
        if check.of_input && value.is_null() || check.rule.doubtful(scope) || scope.doubts.touch(&check.path) && !check.path.is_empty() {
            return None; // an optional field that was left out, or nothing to rely on
        }
        let mut scope = scope.inner();
        if check.of_input {
            scope.bind_owned("value", value.clone());
        }
        match check.rule.boolean(&scope) {
            Ok(true) => None,
            Ok(false) if check.path.is_empty() => {
                Some(Problem::at(&self.place(name, &[]), check.message.clone()).maybe_help(check.hint.clone()))
            }
            Ok(false) => {
                let message = format!("`{}` {}", check.path.join("."), check.message);
                Some(Problem::at(&self.place(name, &check.path), message).maybe_help(check.hint.clone()))
            }
            Err(problem) => {
                Some(problem.traced_to(self.written(&[&["spec", name], steps(&check.path).as_slice()].concat()).into_iter().collect()))
            }
        }
    }

    /// Where the operator wrote the value at `path` (`["spec", "database", "class"]`); nothing when it is a default.
    pub fn written(&self, path: &[&str]) -> Option<Place> {
        written(self.checked.document, path)
    }

    /// Where a field of a section was written, or the innermost that was.
    fn place(&self, section: &str, path: &[String]) -> Place {
        let document = self.checked.document;
        match document.deepest(["spec"]).entry(section) {
            Some(entry) => {
                let node = entry.value.deepest(path.iter().map(String::as_str));
                if std::ptr::eq(node, &entry.value) { entry.place.clone() } else { node.place.clone() }
            }
            None => documents::name(document).map_or_else(|| document.place.clone(), |(_, place)| place.clone()),
        }
    }
}

fn steps(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// Where the value at `path` was written. A step into what has no fields (a text, a list) leads to the whole of it.
pub fn written(document: &Node, path: &[&str]) -> Option<Place> {
    let mut node = document;
    for step in path {
        match (&node.value, node.get(step)) {
            (_, Some(inner)) => node = inner,
            (Value::Map(_), None) => return None,
            _ => break,
        }
    }
    Some(node.place.clone())
}
