//! Where a wrong value came from. A kind looks at what a module's template made of the operator's values; its complaint belongs to the
//! field that the operator wrote, and names the template only second.

use std::collections::{BTreeMap, HashMap};

use super::documents;
use super::expression::Expression;
use super::module::{Module, ResourceTemplate, TENANT};
use super::sections::{Sections, written};
use crate::model::node::Node;
use crate::model::problem::{Place, Problem};

/// The operator's documents, behind the names that the modules' expressions use.
pub struct Origins<'a> {
    modules: &'a BTreeMap<String, Module>,
    sections: &'a Sections<'a>,
    tenants: HashMap<&'a str, &'a Node>,
}

impl<'a> Origins<'a> {
    /// `tenants` are the documents of the tenants.
    pub fn new(modules: &'a BTreeMap<String, Module>, sections: &'a Sections<'a>, tenants: &'a [Node]) -> Self {
        let by_name = |document: &'a Node| documents::name(document).map(|(name, _)| (name, document));
        Self { modules, sections, tenants: tenants.iter().filter_map(by_name).collect() }
    }

    /// The problem at what the operator wrote, when an expression stands at its place and takes what was written. What a default is to
    /// blame for stays with the module.
    pub fn trace(&self, problem: Problem, tenant: Option<&str>) -> Problem {
        let Some(place) = &problem.place else { return problem };
        let mut trail = Trail::default();
        for module in self.modules.values().filter(|module| module.place.file == place.file) {
            let view = View { origins: self, module, tenant };
            for one in &module.lets {
                view.follow(&one.value.expressions_at(place), None, &mut trail);
            }
            for resource in &module.resources {
                let templates = [&resource.for_each, &resource.when, &resource.protect, &resource.moved].into_iter().flatten();
                for template in templates.chain([&resource.spec]) {
                    view.follow(&template.expressions_at(place), Some(resource), &mut trail);
                }
            }
        }
        problem.traced_to(trail.places)
    }
}

/// What was found, and the names of `let` that were followed.
#[derive(Default)]
struct Trail<'a> {
    places: Vec<Place>,
    lets: Vec<&'a str>,
}

/// One module's view of the documents.
struct View<'a> {
    origins: &'a Origins<'a>,
    module: &'a Module,
    tenant: Option<&'a str>,
}

impl<'a> View<'a> {
    /// The places of all that these expressions take, as far as they were written.
    fn follow(&self, expressions: &[&Expression], resource: Option<&ResourceTemplate>, trail: &mut Trail<'a>) {
        for path in expressions.iter().flat_map(|expression| expression.uses()) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let place = match path.as_slice() {
                ["each", ..] => {
                    let each = resource.and_then(|resource| resource.for_each.as_ref());
                    self.follow(&all(each), None, trail);
                    None
                }
                [TENANT, rest @ ..] if self.module.name == TENANT => self.of_tenant(rest),
                ["stack", rest @ ..] => self.of_stack(rest),
                [name, ..] => match self.module.lets.iter().find(|one| one.name == *name) {
                    Some(one) if trail.lets.contains(&one.name.as_str()) => None,
                    Some(one) => {
                        trail.lets.push(&one.name);
                        self.follow(&all(Some(&one.value)), None, trail);
                        None
                    }
                    None => self.origins.sections.written(&[&["spec", &self.module.name], path.as_slice()].concat()),
                },
                [] => None,
            };
            if let Some(place) = place.filter(|place| !trail.places.contains(place)) {
                trail.places.push(place);
            }
        }
    }

    fn of_stack(&self, path: &[&str]) -> Option<Place> {
        let sections = self.origins.sections;
        match path {
            // These follow from others: nobody wrote them.
            [] | ["tenants" | "zones" | "record_bucket_tail", ..] => None,
            ["name", ..] => sections.written(&["metadata", "name"]),
            path => sections.written(&[&["spec"], path].concat()),
        }
    }

    fn of_tenant(&self, path: &[&str]) -> Option<Place> {
        let document = self.origins.tenants.get(self.tenant?)?;
        match path {
            [] => None,
            ["name", ..] => written(document, &["metadata", "name"]),
            path => written(document, &[&["spec"], path].concat()),
        }
    }
}

/// All expressions of a template.
fn all(template: Option<&super::template::Template>) -> Vec<&Expression> {
    let mut all = Vec::new();
    if let Some(template) = template {
        template.expressions(&mut |expression| all.push(expression));
    }
    all
}
