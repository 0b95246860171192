//! What types cannot say of a stack and its tenants: names, images, catalogue, memory, and the law.

use std::collections::{BTreeMap, HashMap};

use super::countries;
use super::documents::{Checked, check_label, twice};
use super::doubt::Doubts;
use super::quantity::Size;
use super::region;
use super::stack::{DatabaseStyle, Stack};
use super::tenant::{Database, RESERVED, Tenant, TenantSpec};
use crate::model::hours::Hours;
use crate::model::problem::{Place, Problem, Problems, suggest};

/// Checks a stack. `users` says how many tenants have a distribution.
pub fn stack(stack: &Stack, checked: &mut Checked<'_>, users: &HashMap<String, usize>, problems: &mut Problems) {
    if let Some((name, place)) = checked.name() {
        check_label("a stack", name, place, problems);
    }
    let place = checked.place(&["spec", "region"]);
    if !region::is_known(&stack.spec.region) && !region::is_likely(&stack.spec.region) {
        let help = suggest(&stack.spec.region, region::NAMES.iter().copied());
        let problem = Problem::at(&place, format!("there is no region `{:.40}`", stack.spec.region)).maybe_help(help);
        checked.refuse(&["spec", "region"], problem, problems);
    }
    for name in stack.spec.distributions.keys() {
        distribution(stack, name, checked, users.get(name).copied().unwrap_or(0), problems);
    }
    for (at, node) in checked.document.deepest(["spec", "residency", "allow"]).items().iter().enumerate() {
        if let Some(problem) = node.as_str().and_then(|code| country(code, &node.place)) {
            checked.refuse(&["spec", "residency", "allow", &at.to_string()], problem, problems);
        }
    }
    for verb in stack.spec.reconcile.auto.iter().filter(|verb| stack.spec.reconcile.hold.contains(verb)) {
        let word = format!("{verb:?}").to_lowercase();
        let place = checked.place(&["spec", "reconcile"]);
        checked.refuse(&["spec", "reconcile"], Problem::at(&place, format!("`{word}` is both in `auto` and in `hold`")), problems);
    }
    hours(stack.spec.idle.hours.as_ref(), &["spec", "idle", "hours"], checked, problems);
}

/// Working hours: that their times and their zone are some.
fn hours(hours: Option<&Hours>, path: &[&str], checked: &mut Checked<'_>, problems: &mut Problems) {
    for (field, why) in hours.map(Hours::wrong).unwrap_or_default() {
        let at = [path, &[field]].concat();
        checked.refuse(&at, Problem::at(&checked.place(&at), why), problems);
    }
}

fn distribution(stack: &Stack, name: &str, checked: &mut Checked<'_>, users: usize, problems: &mut Problems) {
    let distribution = &stack.spec.distributions[name];
    let whole = ["spec", "distributions", name];
    let entry = checked.document.deepest(["spec", "distributions"]).entry(name).map(|entry| entry.place.clone());
    check_label("a distribution", name, &entry.unwrap_or_else(|| checked.place(&whole)), problems);
    let concerns = |problem: Problem| match users {
        0 => problem,
        1 => problem.further("1 tenant has this distribution"),
        users => problem.further(format!("{users} tenants have this distribution")),
    };
    let of = |field: &'static str| [&whole[..], &[field]].concat();
    if let Some(problem) = image(&distribution.image, &checked.place(&of("image"))) {
        checked.refuse(&of("image"), concerns(problem), problems);
    }
    let memory_of = distribution.memory;
    if let Some(problem) = memory(memory_of.reserve, memory_of.limit, &checked.place(&of("memory"))) {
        checked.refuse(&of("memory"), concerns(problem), problems);
    }
    environment(&distribution.env, &of("env"), checked, problems);
    if matches!(distribution.user.split(':').next(), Some("0" | "root")) {
        let problem = Problem::at(&checked.place(&of("user")), "a distribution does not run as root");
        checked.refuse(&of("user"), concerns(problem.help("the image's own user, such as \"1001\"")), problems);
    }
}

/// What no environment may say: demo data, debugging, what reeve fills itself, modules from the running system.
fn environment(env: &BTreeMap<String, String>, path: &[&str], checked: &mut Checked<'_>, problems: &mut Problems) {
    for (name, value) in env {
        let Some((why, help)) = refused(name, value) else { continue };
        let path = [path, &[name]].concat();
        let problem = Problem::at(&checked.place(&path), format!("`{name}` {why}")).help(help);
        checked.refuse(&path, problem, problems);
    }
}

fn refused(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let on = !matches!(value.to_lowercase().as_str(), "" | "false" | "0" | "no");
    match name {
        "OMRS_ADD_DEMO_DATA" if on => Some(("puts demo data among patients", "take it out: a tenant is in production from its first day")),
        "OMRS_DEV_DEBUG_PORT" | "JPDA_ADDRESS" | "JPDA_OPTS" => Some(("opens a debugger", "take it out: a debugger reads everything")),
        "OMRS_MODULE_WEB_ADMIN" if on => Some(("lets modules be uploaded into the running system", "put modules into the image")),
        "OMRS_ADMIN_USER_PASSWORD" => Some(("is generated for each tenant", "take it out: it would stand in plans")),
        "REEVE_HOLD" => Some(("is reeve's own", "take it out")),
        _ if name.starts_with("OMRS_DB") || name.starts_with("OMRS_EXTRA_CONNECTION_") => {
            Some(("is filled in for each tenant", "take it out: reeve makes the database and its user"))
        }
        _ if value.contains("jdwp") => Some(("opens a debugger", "take jdwp out: a debugger reads everything")),
        _ => None,
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

fn memory(reserve: Size, limit: Size, place: &Place) -> Option<Problem> {
    (limit < reserve).then(|| Problem::at(place, format!("the limit of {limit} is below the reserve of {reserve}")))
}

fn country(code: &str, place: &Place) -> Option<Problem> {
    if countries::is_one(code) {
        return None;
    }
    let problem = Problem::at(place, format!("there is no country `{code:.20}` in ISO 3166"));
    Some(problem.help(countries::suggest(code).unwrap_or_else(|| "two capital letters, such as US, HT or KE".to_owned())))
}

/// A tenant's document, as far as it is right.
#[derive(Debug)]
pub struct Applicant<'d> {
    checked: Checked<'d>,
    spec: TenantSpec,
}

impl<'d> Applicant<'d> {
    /// Reads a document that was held against the schema of tenants.
    pub fn new(checked: Checked<'d>, problems: &mut Problems) -> Option<Self> {
        checked.spec(problems).map(|spec| Self { checked, spec })
    }

    /// The distribution that it wants.
    pub fn distribution(&self) -> Option<&str> {
        (!self.checked.is_doubtful(&["spec", "distribution"])).then_some(&self.spec.distribution)
    }
}

/// A tenant and which of its fields, as expressions see them, are doubtful.
pub type Doubted = (Tenant, Doubts);

/// Checks the tenants, against the stack where there is one that can be read. Those that have a name, and have it alone.
pub fn tenants(stack: Option<(&Stack, &Checked<'_>)>, applicants: Vec<Applicant<'_>>, problems: &mut Problems) -> Vec<Doubted> {
    let mut first: HashMap<&str, &Place> = HashMap::with_capacity(applicants.len());
    let mut kept = Vec::with_capacity(applicants.len());
    for Applicant { mut checked, spec } in applicants {
        let mut doubts = Doubts::default();
        if !countries::is_one(&spec.country)
            && let Some(problem) = country(&spec.country, &checked.place(&["spec", "country"]))
        {
            checked.refuse(&["spec", "country"], problem, problems);
        }
        if let Some((stack, of_stack)) = stack {
            against_stack(&spec, &mut checked, stack, of_stack, problems);
            environment(&spec.env, &["spec", "env"], &mut checked, problems);
            inherited(&spec, &checked, of_stack, &mut doubts);
        }
        hours(spec.hours.as_ref(), &["spec", "hours"], &mut checked, problems);
        let Some((name, place)) = checked.name() else { continue };
        check_label("a tenant", name, place, problems);
        if RESERVED.contains(&name) {
            let problem = Problem::at(place, format!("the name `{name}` is kept for the estate itself"));
            problems.push(problem.help(format!("reserved are {}", RESERVED.join(", "))));
        }
        if let Some(other) = first.get(name) {
            problems.push(twice("tenant", name, place, other));
            continue;
        }
        first.insert(name, place);
        doubts.add_under(&[], &checked.doubts.under(&["spec"]));
        if super::schema::is_label(name) {
            kept.push((Tenant { name: name.to_owned(), spec, place: place.clone() }, doubts));
        }
    }
    kept.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    kept
}

/// What a tenant has from the stack is as doubtful as there.
fn inherited(spec: &TenantSpec, checked: &Checked<'_>, of_stack: &Checked<'_>, doubts: &mut Doubts) {
    if of_stack.is_doubtful(&["spec", "domain"]) {
        doubts.add_at(&["host"]);
    }
    let unknown = checked.is_doubtful(&["spec", "distribution"]);
    for field in ["memory", "cpus", "env"] {
        if unknown || of_stack.is_doubtful(&["spec", "distributions", &spec.distribution, field]) {
            doubts.add_at(&[field]);
        }
    }
}

fn against_stack(spec: &TenantSpec, checked: &mut Checked<'_>, stack: &Stack, of_stack: &Checked<'_>, problems: &mut Problems) {
    let catalogue = ["spec", "distributions"];
    match stack.spec.distributions.get(&spec.distribution) {
        None if of_stack.doubts.has_at(&catalogue) || of_stack.is_doubtful(&[&catalogue[..], &[&spec.distribution]].concat()) => {}
        None => {
            let help = suggest(&spec.distribution, stack.spec.distributions.keys().map(String::as_str));
            let problem =
                Problem::at(&checked.place(&["spec", "distribution"]), format!("there is no distribution `{:.60}`", spec.distribution));
            checked.refuse(&["spec", "distribution"], problem.maybe_help(help), problems);
        }
        Some(distribution) => {
            if spec.database == Database::Dedicated && distribution.database == DatabaseStyle::None {
                let message = format!("`{}` keeps no database, so there is nothing that a server of its own would hold", spec.distribution);
                let problem = Problem::at(&checked.place(&["spec", "database"]), message);
                checked.refuse(&["spec", "database"], problem.help("leave it out"), problems);
            }
            // What it does not say itself is the distribution's, which is looked at once and not for each tenant.
            let (own, usual) = (spec.memory, distribution.memory);
            let says = [own.reserve, own.limit].iter().flatten().count();
            let is_usual_doubtful = of_stack.is_doubtful(&[&catalogue[..], &[&spec.distribution, "memory"]].concat());
            if says == 2 || says == 1 && !is_usual_doubtful {
                let (reserve, limit) = (own.reserve.unwrap_or(usual.reserve), own.limit.unwrap_or(usual.limit));
                if let Some(problem) = memory(reserve, limit, &checked.place(&["spec", "memory"])) {
                    checked.refuse(&["spec", "memory"], problem, problems);
                }
            }
        }
    }
    let allowed = &stack.spec.residency.allow;
    if !allowed.contains(&spec.country) && !of_stack.is_doubtful(&["spec", "residency"]) {
        let list = if allowed.is_empty() { "it names none".to_owned() } else { format!("it names {}", allowed.join(", ")) };
        let problem = Problem::at(
            &checked.place(&["spec", "country"]),
            format!("data of `{}` may not be held in this stack: `residency.allow` does not name it", spec.country),
        );
        checked.refuse(&["spec", "country"], problem.help(format!("{list}; add a country only when counsel agrees")), problems);
    }
}
