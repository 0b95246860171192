//! YAML text in, a graph of resources out; all problems at once, each with its place.
//!
//! `folder` reads files and is the only I/O. `read` makes spanned trees of text, `documents` sorts them, `shape` and
//! `check` hold them against schemas, `module` and `template` compile modules, `expand` makes resources of them, and `graph`
//! checks what refers to what. Pure and total: the same text gives the same graph, however it is split into files.
//!
//! **All problems at once.** No step stops at a mistake, for what the next one would find is wanted in the same run. Nor does a mistake
//! make another: what is wrong is reported once, where it was written, and *doubtful* from there on.
//! 1. A document that is no YAML is skipped to the next `---`. Its kind and name, as far as they were read, say what may be missing.
//! 2. `check` names the wrong paths of a document, `mend` makes a tree of the rest that fits: what is wrong is left out, so that its default
//!    counts; what is needed gets a value of its type. So a stack can always be read, and its tenants held against it.
//! 3. Expressions see which paths are doubtful (`doubt`). One that takes such a path is evaluated all the same, and its value is doubtful;
//!    an expression that cannot be compiled or evaluated gives nothing, which is doubtful.
//! 4. A resource with a doubtful or wrong field has a flaw there. All its other fields are checked, by its kind too.
//!    A reference to what may exist, or not, because of a doubtful `for_each` or `when` is not judged.
//! 5. What is found at a doubtful value is not reported. The same words at the same place are one problem.
//!
//! Work and memory stay bounded: a load has one budget for all its expressions, and when that is spent, which is a problem, no more is
//! expanded; of the problems themselves only the first are kept, and the others counted.

mod builtin;
pub mod check;
pub mod countries;
pub mod documents;
mod doubt;
pub mod expand;
pub mod expression;
pub mod folder;
mod graph;
mod head;
pub mod inputs;
mod mend;
pub mod module;
pub mod networks;
mod origin;
pub mod policy;
pub mod quantity;
pub mod read;
pub mod region;
mod renamed;
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

use documents::{Checked, Documents};
use expand::{Expanded, Expander};
use expression::Language;
use module::Module;
use origin::Origins;
use sections::Sections;
use semantics::{Applicant, Doubted};
use shape::Shape;

pub use builtin::texts as builtin_modules;
pub use expand::{RefUse, Resource};
pub use head::{Head, head};
pub use policy::Policy;
pub use read::SourceFile;
pub use stack::Stack;
pub use tenant::Tenant;

use crate::kinds;
use crate::model::node::{Node, Value};
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
    /// Where the stack's sections are written, by module, as far as they are.
    sections: BTreeMap<String, Place>,
    /// What is worth a word and no mistake.
    pub warnings: Vec<String>,
    /// Everything that is to exist.
    pub resources: BTreeMap<Address, Resource>,
    /// Expressions evaluated and resources parsed: what the expansion cost, in steps and not in time.
    pub work: usize,
}

impl Desired {
    /// Where the operator asks for what is at `address`: the tenant's name, or the stack's section for the module. Nothing when it comes
    /// of the module's defaults alone.
    #[must_use]
    pub fn asked(&self, address: &Address) -> Option<&Place> {
        match address.module().split_once('/') {
            Some((module::TENANT, name)) => self.tenants.iter().find(|tenant| tenant.name == name).map(|tenant| &tenant.place),
            _ => self.sections.get(address.module()),
        }
    }
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
        if problems.is_empty() { Ok(modules.by_name) } else { Err(with_lines(problems, &builtin, &files)) }
    })
}

/// The JSON Schema of a kind: `reeve schema KIND`.
///
/// # Errors
/// When there is no such kind.
pub fn kind_schema(name: &str) -> Result<serde_json::Value, Problem> {
    let help = || model::problem::suggest(name, kinds::rows().map(|row| row.name));
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
    let unread = !problems.is_empty();
    let mut documents = sort(files, problems);
    if unread {
        documents.cut.push(Node::new(Value::Null, Place { file: "".into(), line: 1, column: 1, len: 1 }));
    }
    let known = problems.places();
    let mut later = Problems::new();
    let desired = understand(modules, &documents, &mut later);
    problems.merge(later.only(|problem| problem.place.as_ref().is_none_or(|place| !known.contains(place))));
    desired
}

/// The modules of a stack.
#[derive(Debug, Default)]
pub struct Modules {
    /// Those that could be compiled, at least in part.
    by_name: BTreeMap<String, Module>,
    /// The names of the others.
    unusable: BTreeSet<String>,
    /// There may be others whose names are not known.
    may_lack: bool,
}

fn understand(modules: &[SourceFile], documents: &Documents, problems: &mut Problems) -> Option<Desired> {
    let language = match Language::new() {
        Ok(language) => language,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    expression::budget::allow_for_tenants(documents.tenants.len());
    let modules = compile_modules(&language, modules, documents, problems);
    let policies = documents::policies(&language, &documents.policies, problems);
    let shape = Shape::compile(&schema::tenant());
    let applicants: Vec<Applicant<'_>> =
        (documents.tenants.iter()).filter_map(|document| Applicant::new(Checked::plain(&shape, document, problems), problems)).collect();
    let mut users: HashMap<String, usize> = HashMap::new();
    for name in applicants.iter().filter_map(Applicant::distribution) {
        *users.entry(name.to_owned()).or_default() += 1;
    }
    let sections = the_stack(documents, problems).and_then(|document| sections::read(document, &modules, &users, problems));
    let of_stack = sections.as_ref().map(|sections| (&sections.stack, &sections.checked));
    let tenants = semantics::tenants(of_stack, applicants, problems);
    let sections = sections?;
    let unnamed = tenants.len() < documents.tenants.len() || documents.may_lack("Tenant");
    let written = documents.stacks.first().and_then(|stack| stack.get("spec")).map_or(&[][..], Node::entries);
    let written = written.iter().map(|entry| (entry.key.clone(), entry.place.clone())).collect();
    let expanded = expand(&language, &modules, sections, &documents.tenants, &tenants, unnamed, problems);
    let (stack, Expanded { resources, work, .. }) = expanded;
    let tenants = tenants.into_iter().map(|(tenant, _)| tenant).collect();
    Some(Desired { warnings: semantics::warnings(&stack), stack, sections: written, tenants, policies, resources, work })
}

/// All documents of all files, in the order of their places.
fn sort(files: &[SourceFile], problems: &mut Problems) -> Documents {
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (mut documents, mut nodes) = (Documents::default(), 0);
    for file in files {
        let contents = read::documents(file, &mut nodes, problems);
        documents.cut.extend(contents.cut);
        for document in contents.documents {
            documents.add(document, problems);
        }
    }
    documents
}

fn the_stack<'d>(documents: &'d Documents, problems: &mut Problems) -> Option<&'d Node> {
    let first = documents.stacks.first();
    if first.is_none() && !documents.may_lack("Stack") {
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
fn compile_modules(language: &Language, builtin: &[SourceFile], documents: &Documents, problems: &mut Problems) -> Modules {
    let shape = Shape::compile(&module::document_schema());
    let mut nodes = 0;
    let builtin = builtin.iter().flat_map(|file| read::documents(file, &mut nodes, problems).documents).collect::<Vec<_>>();
    let cut = documents.cut.iter().filter(|cut| cut.get("kind").and_then(Node::as_str) == Some("Module"));
    let own = |documents: &mut dyn Iterator<Item = &Node>| documents.filter_map(documents::name).map(|(name, _)| name.to_owned()).collect();
    let mut modules = Modules { unusable: own(&mut cut.clone()), may_lack: documents.may_lack("Module"), ..Modules::default() };
    let own_names: BTreeSet<String> = own(&mut documents.modules.iter().chain(cut));
    let kept = builtin.iter().filter(|document| documents::name(document).is_none_or(|(name, _)| !own_names.contains(name)));
    for document in kept.chain(&documents.modules) {
        let checked = Checked::of(&shape, document, problems);
        let Some((name, place)) = checked.name() else {
            modules.may_lack = true;
            continue;
        };
        let module = Module::compile(language, &checked, problems);
        if schema::is_own_field(name) {
            let message = format!("a module cannot have the name `{name}`, which is a field of the stack");
            problems.push(Problem::at(place, message));
        } else if let Some(other) = modules.by_name.get(name) {
            problems.push(documents::twice("module", name, place, &other.place));
        } else {
            modules.by_name.insert(name.to_owned(), module);
        }
    }
    modules
}

/// The stack with all that its modules make. `unnamed`: there are tenants that have no name of their own.
fn expand(
    language: &Language,
    modules: &Modules,
    mut sections: Sections<'_>,
    documents: &[Node],
    tenants: &[Doubted],
    unnamed: bool,
    problems: &mut Problems,
) -> (Stack, Expanded) {
    let facts: Vec<serde_json::Value> = tenants.iter().map(|(tenant, _)| tenant.facts(&sections.stack)).collect();
    let named = || tenants.iter().zip(&facts).map(|((tenant, doubts), facts)| (tenant.name.as_str(), facts, doubts));
    let stack = sections.facts(named().map(|(name, facts, _)| (name, facts)));
    let mut root = language.scope();
    root.bind("stack", &stack);
    root.doubts = sections.doubts(modules);
    let failed = sections.check(&modules.by_name, &root, problems);
    sections.checked.doubts.add_under(&["spec"], &failed);
    root.doubts = sections.doubts(modules);
    if unnamed || tenants.iter().any(|(_, doubts)| !doubts.is_empty()) {
        root.doubts.add_at(&["stack", "tenants"]);
    }
    let origins = Origins::new(&modules.by_name, &sections, documents);
    let mut expander = Expander::new(&origins, problems);
    for (name, module) in &modules.by_name {
        let (section, doubts) = (&sections.values[name], sections.doubts_of(name));
        if name == module::TENANT {
            expander.tenants(module, section, &doubts, named(), &root);
        } else {
            expander.module(module, section, &doubts, &root);
        }
    }
    let mut expanded = expander.expanded;
    expanded.may_lack = modules.may_lack;
    expanded.unsure.extend(modules.unusable.iter().cloned());
    if unnamed {
        expanded.unsure.insert(module::TENANT.to_owned());
    }
    renamed::follow(&sections.stack.spec.moved, &mut expanded, sections.checked.document, problems);
    let mut between = Problems::new();
    graph::check(&expanded, &mut between);
    networks::check(&expanded, &mut between);
    problems.merge(between.map(|problem| origins.trace(problem, None)));
    (sections.stack.clone(), expanded)
}
