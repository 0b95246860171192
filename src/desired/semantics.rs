//! What types cannot say of a stack and its tenants: names, images, catalogue, memory, and the law.

use std::collections::HashMap;

use super::documents::{check_label, twice};
use super::region;
use super::stack::Stack;
use super::tenant::{RESERVED, Tenant};
use crate::model::node::Node;
use crate::model::problem::{Place, Problem, suggest};

/// Checks a stack. `document` tells the places.
pub fn stack(stack: &Stack, document: &Node, problems: &mut Vec<Problem>) {
    let place = |path: &[&str]| document.deepest(path.iter().copied()).place.clone();
    check_label("a stack", &stack.name, &place(&["metadata", "name"]), problems);
    if !region::is_known(&stack.spec.region) && !region::is_likely(&stack.spec.region) {
        let help = suggest(&stack.spec.region, region::NAMES.iter().copied());
        problems.push(Problem::at(&place(&["spec", "region"]), format!("there is no region `{:.40}`", stack.spec.region)).maybe_help(help));
    }
    for (name, distribution) in &stack.spec.distributions {
        let at = |field: &[&str]| place(&[&["spec", "distributions", name], field].concat());
        let entry = document.deepest(["spec", "distributions"]).entry(name).map_or_else(|| at(&[]), |entry| entry.place.clone());
        check_label("a distribution", name, &entry, problems);
        problems.extend(image(&distribution.image, &at(&["image"])));
        problems.extend(memory(distribution.memory.reserve, distribution.memory.limit, &at(&["memory"])));
        if matches!(distribution.user.split(':').next(), Some("0" | "root")) {
            problems
                .push(Problem::at(&at(&["user"]), "a distribution does not run as root").help("the image's own user, such as \"1001\""));
        }
    }
    for verb in stack.spec.reconcile.auto.iter().filter(|verb| stack.spec.reconcile.hold.contains(verb)) {
        let word = format!("{verb:?}").to_lowercase();
        problems.push(Problem::at(&place(&["spec", "reconcile"]), format!("`{word}` is both in `auto` and in `hold`")));
    }
}

/// What is worth a word and no mistake.
pub fn warnings(stack: &Stack) -> Vec<String> {
    let region = &stack.spec.region;
    let unknown = || {
        let near = crate::model::problem::nearest(region, region::NAMES.iter().copied());
        let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        format!("the region `{region}` is not among those known in {}{near}: its zones are not checked", region::AS_OF)
    };
    (!region::is_known(region)).then(unknown).into_iter().collect()
}

/// An image has to be pinned: what runs is what was reviewed.
fn image(image: &str, place: &Place) -> Option<Problem> {
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    match digest {
        Some(digest) if digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => None,
        Some(_) => Some(Problem::at(place, "the digest of the image is not 64 hexadecimal digits").help("copy it whole from the registry")),
        None => Some(
            Problem::at(place, "the image is not pinned by digest, so it could change under us")
                .help("name@sha256:..., as `docker buildx imagetools inspect` prints it"),
        ),
    }
}

fn memory(reserve: super::quantity::Size, limit: super::quantity::Size, place: &Place) -> Option<Problem> {
    (limit < reserve).then(|| Problem::at(place, format!("the limit of {limit} is below the reserve of {reserve}")))
}

/// Checks the tenants, against the stack where there is one that can be read, and leaves out those of a name that is taken.
pub fn tenants(stack: Option<&Stack>, tenants: Vec<Tenant>, documents: &HashMap<Place, &Node>, problems: &mut Vec<Problem>) -> Vec<Tenant> {
    let mut first: HashMap<String, Place> = HashMap::with_capacity(tenants.len());
    let mut kept = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        check_label("a tenant", &tenant.name, &tenant.place, problems);
        if RESERVED.contains(&tenant.name.as_str()) {
            let problem = Problem::at(&tenant.place, format!("the name `{}` is kept for the estate itself", tenant.name));
            problems.push(problem.help(format!("reserved are {}", RESERVED.join(", "))));
        }
        if let Some(place) = first.get(&tenant.name) {
            problems.push(twice("tenant", &tenant.name, &tenant.place, place));
            continue;
        }
        first.insert(tenant.name.clone(), tenant.place.clone());
        if let Some(stack) = stack {
            let at = |field: &str| {
                documents.get(&tenant.place).map_or_else(|| tenant.place.clone(), |node| node.deepest(["spec", field]).place.clone())
            };
            against_stack(&tenant, stack, at, problems);
        }
        kept.push(tenant);
    }
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept
}

fn against_stack(tenant: &Tenant, stack: &Stack, at: impl Fn(&str) -> Place, problems: &mut Vec<Problem>) {
    let spec = &tenant.spec;
    if !stack.spec.distributions.contains_key(&spec.distribution) {
        let help = suggest(&spec.distribution, stack.spec.distributions.keys().map(String::as_str));
        problems.push(Problem::at(&at("distribution"), format!("there is no distribution `{:.60}`", spec.distribution)).maybe_help(help));
    } else {
        let memory_of = tenant.memory(stack);
        problems.extend(memory(memory_of.reserve, memory_of.limit, &at("memory")));
    }
    let allowed = &stack.spec.residency.allow;
    if !allowed.contains(&spec.country) {
        let list = if allowed.is_empty() { "it names none".to_owned() } else { format!("it names {}", allowed.join(", ")) };
        let problem = Problem::at(
            &at("country"),
            format!("data of `{}` may not be held in this stack: `residency.allow` does not name it", spec.country),
        );
        problems.push(problem.help(format!("{list}; add a country only when counsel agrees")));
    }
}
