//! The stack's document: its own fields, and a section for each module.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::check::check;
use super::documents::{self, refuse_expressions};
use super::expand::bind_let;
use super::expression::Scope;
use super::inputs::{self, Check};
use super::module::Module;
use super::schema;
use super::semantics;
use super::shape::Shape;
use super::stack::{Stack, StackSpec};
use crate::model::node::{Node, Value, from_node};
use crate::model::problem::{Place, Problem};

/// A stack with the values of its sections.
#[derive(Debug)]
pub struct Sections {
    /// The stack.
    pub stack: Stack,
    /// The section of each module, defaults filled in.
    pub values: BTreeMap<String, Json>,
    /// Some of it is wrong, so that expanding it would only repeat that.
    pub broken: bool,
    document: Node,
}

/// Reads the stack's document. Nothing when its own fields cannot be read.
pub fn read(document: &Node, modules: &BTreeMap<String, Module>, problems: &mut Vec<Problem>) -> Option<Sections> {
    let before = problems.len();
    refuse_expressions(document, problems);
    let shape = Shape::compile(&schema::stack(modules));
    check(&shape, document, problems);
    let spec = document.get("spec")?;
    let (name, _) = documents::name(document)?;
    let broken = problems.len() > before;
    // A mistake in a section must not hide those in tenants: read what is right.
    let spec: StackSpec = match from_node(spec) {
        Ok(spec) => spec,
        Err(error) => {
            if !broken {
                problems.push(error.into());
            }
            return None;
        }
    };
    let stack = Stack { name: name.to_owned(), spec };
    semantics::stack(&stack, document, problems);
    let mut values = BTreeMap::new();
    for (name, module) in modules {
        let empty = Node::new(Value::Map(Vec::new()), document.place.clone());
        let section = document.get("spec").and_then(|spec| spec.get(name)).unwrap_or(&empty);
        values.insert(name.clone(), inputs::value(&module.shape, section));
    }
    let broken = problems.len() > before;
    Some(Sections { stack, values, broken, document: document.clone() })
}

impl Sections {
    /// The stack as expressions see it.
    pub fn facts<'t>(&self, tenants: impl Iterator<Item = (&'t str, &'t Json)>) -> Json {
        let mut facts: Map<String, Json> = match serde_json::to_value(&self.stack) {
            Ok(Json::Object(facts)) => facts,
            _ => Map::new(),
        };
        let zones = super::region::zones(&self.stack.spec.region);
        facts.insert("zones".into(), zones.into());
        facts.insert("tenants".into(), Json::Object(tenants.map(|(name, tenant)| (name.to_owned(), tenant.clone())).collect()));
        facts.extend(self.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        Json::Object(facts)
    }

    /// Holds the sections against the checks of their modules.
    pub fn check<'v>(&'v self, modules: &'v BTreeMap<String, Module>, root: &Scope<'_, 'v>, problems: &mut Vec<Problem>) {
        for (name, module) in modules {
            let section = &self.values[name];
            let mut scope = root.inner();
            for (field, value) in section.as_object().into_iter().flatten() {
                scope.bind(field, value);
            }
            let before = problems.len();
            let (of_inputs, of_module): (Vec<&Check>, Vec<&Check>) = module.checks.iter().partition(|check| check.of_input);
            for check in of_inputs {
                problems.extend(self.hold(name, check, section, &scope));
            }
            // Rules over several inputs make sense only where each is right by itself.
            if problems.len() > before || of_module.is_empty() {
                continue;
            }
            match module.lets.iter().filter(|one| !one.of_tenant).try_for_each(|one| bind_let(one, &mut scope)) {
                Ok(()) => of_module.into_iter().for_each(|check| problems.extend(self.hold(name, check, section, &scope))),
                Err(problem) => problems.push(problem),
            }
        }
    }

    fn hold<'v>(&self, name: &str, check: &Check, section: &'v Json, scope: &Scope<'_, 'v>) -> Option<Problem> {
        let value = check.path.iter().try_fold(section, |value, step| value.get(step))?;
        if check.of_input && value.is_null() {
            return None; // an optional field that was left out
        }
        let mut scope = scope.inner();
        if check.of_input {
            scope.bind("value", value);
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
            Err(problem) => Some(problem),
        }
    }

    /// Where the operator wrote the value at `path` (`["spec", "database", "class"]`); nothing when it is a default.
    pub fn written(&self, path: &[&str]) -> Option<Place> {
        written(&self.document, path)
    }

    /// Where a field of a section was written, or the innermost that was.
    fn place(&self, section: &str, path: &[String]) -> Place {
        let spec = self.document.deepest(["spec"]);
        match spec.entry(section) {
            Some(entry) => {
                let node = entry.value.deepest(path.iter().map(String::as_str));
                if std::ptr::eq(node, &entry.value) { entry.place.clone() } else { node.place.clone() }
            }
            None => documents::name(&self.document).map_or_else(|| self.document.place.clone(), |(_, place)| place.clone()),
        }
    }
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
