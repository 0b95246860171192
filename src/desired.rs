//! YAML text in, a graph of resources out; all problems at once, each with its place.
//!
//! `folder` reads files and is the only I/O. `read` makes spanned trees of text, `documents` sorts them, `shape` and
//! `check` hold them against schemas, `module` and `template` compile modules, `expand` makes resources of them, and `graph`
//! checks what refers to what. Pure and total: the same text gives the same graph, however it is split into files.

mod builtin;
pub mod check;
pub mod documents;
pub mod expand;
pub mod expression;
pub mod folder;
mod graph;
pub mod inputs;
pub mod module;
pub mod networks;
mod origin;
pub mod policy;
pub mod quantity;
pub mod read;
pub mod region;
mod scan;
pub mod schema;
mod sections;
mod semantics;
pub mod shape;
pub mod stack;
pub mod template;
pub mod tenant;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use documents::Documents;
use expand::{Expanded, Expander};
use expression::Language;
use module::Module;
use origin::Origins;
use sections::Sections;

pub use expand::{RefUse, Resource};
pub use policy::Policy;
pub use read::SourceFile;
pub use stack::Stack;
pub use tenant::Tenant;

use crate::kinds;
use crate::model::node::Node;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::{self, Address};

/// What a stack's folder says.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The stack.
    pub stack: Stack,
    /// Its tenants, by name.
    pub tenants: Vec<Tenant>,
    /// Its policies, by name.
    pub policies: Vec<Policy>,
    /// What is worth a word and no mistake.
    pub warnings: Vec<String>,
    /// Everything that is to exist.
    pub resources: BTreeMap<Address, Resource>,
    /// Expressions evaluated and resources parsed: what the expansion cost, in steps and not in time.
    pub work: usize,
}

/// Reads a stack's folder.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(dir: &Path) -> Result<Desired, Problems> {
    let (files, problems) = folder::files(dir);
    from_sources(&builtin::files(), &files, problems)
}

/// Reads a stack from texts.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_sources(files: &[SourceFile]) -> Result<Desired, Problems> {
    load_with(&builtin::files(), files)
}

/// Reads a stack from texts over other modules than the built-in ones.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_with(modules: &[SourceFile], files: &[SourceFile]) -> Result<Desired, Problems> {
    from_sources(modules, files, Problems::new())
}

/// The modules of a stack's folder over the built-in ones; the built-in ones alone without a folder.
///
/// # Errors
/// What is wrong with the modules.
pub fn modules(dir: Option<&Path>) -> Result<BTreeMap<String, Module>, Problems> {
    let (files, mut problems) = dir.map_or_else(|| (Vec::new(), Problems::new()), folder::files);
    let builtin = builtin::files();
    with_stack(|| {
        let documents = sort(&files, &mut problems);
        let language = Language::new()?;
        let modules = compile_modules(&language, &builtin, &documents, &mut problems);
        if problems.is_empty() { Ok(modules) } else { Err(with_lines(problems, &builtin, &files)) }
    })
}

/// The JSON Schema of the files of a stack's folder: `reeve schema`.
///
/// # Errors
/// What is wrong with the modules.
pub fn file_schema(dir: Option<&Path>) -> Result<serde_json::Value, Problems> {
    modules(dir).map(|modules| schema::files(&modules))
}

/// The JSON Schema of a kind: `reeve schema KIND`.
///
/// # Errors
/// When there is no such kind.
pub fn kind_schema(name: &str) -> Result<serde_json::Value, Problem> {
    let help = || model::problem::suggest(name, kinds::KINDS.iter().map(|row| row.name));
    schema::kind(name).ok_or_else(|| Problem::anywhere(format!("there is no kind `{name:.60}`")).maybe_help(help()))
}

/// Runs `work` where the recursion of the expression parser has room, whoever calls: threads of a pool have little stack.
fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let mut done = None;
    std::thread::scope(|scope| {
        let (work, done) = (&mut work, &mut done);
        let run = move || *done = work.take().map(|work| work());
        if let Ok(thread) = std::thread::Builder::new().stack_size(expression::STACK).spawn_scoped(scope, run)
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    });
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(), // no thread could be had: the caller's stack has to do
        (None, None) => unreachable!("the thread ended without a panic and without a result"),
    }
}

fn from_sources(modules: &[SourceFile], files: &[SourceFile], mut problems: Problems) -> Result<Desired, Problems> {
    let desired = with_stack(|| assemble(modules, files, &mut problems));
    match desired {
        Some(desired) if problems.is_empty() => Ok(desired),
        _ => Err(with_lines(problems, modules, files)),
    }
}

fn with_lines(problems: Problems, modules: &[SourceFile], files: &[SourceFile]) -> Problems {
    let texts = modules.iter().chain(files).map(|file| (file.path.as_str(), file.text.as_str()));
    problems.with_lines(&texts.collect())
}

fn assemble(modules: &[SourceFile], files: &[SourceFile], problems: &mut Problems) -> Option<Desired> {
    let documents = sort(files, problems);
    let unreadable = !problems.is_empty();
    let known = problems.places();
    let mut later = Problems::new();
    let desired = understand(modules, &documents, unreadable, &mut later);
    problems.extend_elsewhere(later, &known);
    desired
}

fn understand(modules: &[SourceFile], documents: &Documents, unreadable: bool, problems: &mut Problems) -> Option<Desired> {
    let language = match Language::new() {
        Ok(language) => language,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let modules = compile_modules(&language, modules, documents, problems);
    let broken = !problems.is_empty();
    let mut found = Vec::new();
    let policies = documents::policies(&language, &documents.policies, &mut found);
    let document = the_stack(documents, unreadable, &mut found);
    let sections = document.and_then(|document| sections::read(document, &modules, &mut found));
    let tenants = documents::tenants(&documents.tenants, &mut found);
    let by_name: HashMap<Place, &Node> =
        documents.tenants.iter().filter_map(|document| documents::name(document).map(|(_, place)| (place.clone(), document))).collect();
    let mut tenants = semantics::tenants(sections.as_ref().map(|sections| &sections.stack), tenants, &by_name, &mut found);
    tenants.retain(|tenant| schema::is_label(&tenant.name));
    problems.extend(found);
    let sections = sections?;
    // With a broken module or section the rest of the expansion would only repeat what is known.
    if broken || sections.broken {
        return None;
    }
    let origins = Origins::new(&modules, &sections, &documents.tenants);
    let Expanded { resources, work, .. } = expand(&language, &modules, &sections, &tenants, &origins, problems);
    let warnings = semantics::warnings(&sections.stack);
    Some(Desired { stack: sections.stack, warnings, tenants, policies, resources, work })
}

/// All documents of all files, in the order of their places.
fn sort(files: &[SourceFile], problems: &mut Problems) -> Documents {
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (mut documents, mut nodes, mut found) = (Documents::default(), 0, Vec::new());
    for file in files {
        for document in read::documents(file, &mut nodes, problems) {
            documents.add(document, &mut found);
        }
    }
    problems.extend(found);
    documents
}

fn the_stack<'d>(documents: &'d Documents, unreadable: bool, problems: &mut Vec<Problem>) -> Option<&'d Node> {
    let first = documents.stacks.first();
    if first.is_none() && !unreadable {
        let help = "write a document with `kind: Stack`, a name, a region, a domain and one distribution";
        problems.push(Problem::anywhere("there is no stack in this folder").help(help));
    }
    for other in documents.stacks.iter().skip(1) {
        let place = other.entry("kind").map_or(&other.place, |entry| &entry.value.place);
        let help = first.map(|first| format!("the first is at {}", first.place));
        problems.push(Problem::at(place, "a folder has exactly one stack, and this is another").maybe_help(help));
    }
    first
}

/// The built-in modules and those of the folder, which win.
fn compile_modules(
    language: &Language,
    builtin: &[SourceFile],
    documents: &Documents,
    problems: &mut Problems,
) -> BTreeMap<String, Module> {
    let shape = shape::Shape::compile(&module::document_schema());
    let mut nodes = 0;
    let builtin = builtin.iter().flat_map(|file| read::documents(file, &mut nodes, problems)).collect::<Vec<_>>();
    let own_names: Vec<&str> = documents.modules.iter().filter_map(|document| documents::name(document).map(|(name, _)| name)).collect();
    let kept = builtin.iter().filter(|document| documents::name(document).is_none_or(|(name, _)| !own_names.contains(&name)));
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    for document in kept.chain(&documents.modules) {
        let mut found = Vec::new();
        check::check(&shape, document, &mut found);
        if found.is_empty() {
            let module = Module::compile(language, document, &mut found);
            if schema::is_own_field(&module.name) {
                found.push(Problem::at(
                    &module.place,
                    format!("a module cannot have the name `{}`, which is a field of the stack", module.name),
                ));
            }
            if let Some(other) = modules.get(&module.name) {
                found.push(documents::twice("module", &module.name, &module.place, &other.place));
            } else {
                modules.insert(module.name.clone(), module);
            }
        }
        problems.extend(found);
    }
    modules
}

fn expand(
    language: &Language,
    modules: &BTreeMap<String, Module>,
    sections: &Sections,
    tenants: &[Tenant],
    origins: &Origins<'_>,
    problems: &mut Problems,
) -> Expanded {
    let facts: Vec<serde_json::Value> = tenants.iter().map(|tenant| tenant.facts(&sections.stack)).collect();
    let named = || tenants.iter().map(|tenant| tenant.name.as_str()).zip(&facts);
    let stack = sections.facts(named());
    let mut root = language.scope();
    root.bind("stack", &stack);
    let mut found = Vec::new();
    sections.check(modules, &root, &mut found);
    let refused = !found.is_empty();
    problems.extend(found);
    if refused {
        return Expanded::default(); // what these inputs expand to would be wrong in the same way
    }
    let mut expander = Expander::new(origins, problems);
    for (name, module) in modules {
        let section = &sections.values[name];
        if name == module::TENANT {
            expander.tenants(module, section, named(), &root);
        } else {
            expander.module(module, section, &root);
        }
    }
    let expanded = expander.expanded;
    let mut between = Problems::new();
    graph::check(&expanded, &mut between);
    networks::check(&expanded.resources, &mut between);
    problems.extend_elsewhere(between.map(|problem| origins.trace(problem, None)), &BTreeSet::new());
    expanded
}
