//! `reeve destroy`, and what it says of all that stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Args;

use super::super::plan::available;
use super::super::stack::Loaded;
use super::super::terminal::Terminal;
use super::super::{Dir, Exit, ScopeArgs, hint};
use super::{How, folder};
use crate::kinds::lookup;
use crate::model::plan::{By, Plan, Scope, Verb};
use crate::model::record_bucket;
use crate::record::Location;
use crate::view::remains::{Remains, human};

/// Drop everything of the stack but what is protected and what that needs; says what stays, and the command that takes that too.
#[derive(Debug, Args)]
pub struct Destroy {
    #[command(flatten)]
    pub(in crate::cli) dir: Dir,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    how: How,
}

impl Destroy {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        terminal.want_stats(self.how.stats);
        available(self.how.format)?;
        folder(self.dir.dir, self.scope.scope()?, &self.how, true, terminal).await
    }
}

/// Says what stays though everything is to go.
pub(super) fn say_what_stays(plan: &Plan, loaded: &Loaded, dir: &Path, terminal: &Terminal) {
    let remains = Remains { all: hint::command("destroy", dir, &with_leave(plan)), ..remains(plan, loaded) };
    terminal.say(&human(plan, &remains, terminal.err));
}

/// How many tenants are named each; more are one word.
const TENANTS: usize = 3;

/// The plan's scope with leave to take all that was refused, module by module.
fn with_leave(plan: &Plan) -> Scope {
    let is_tenant = |module: &str| module.starts_with("tenant/");
    let refused = plan.refusals.iter().filter(|one| one.by == By::Protection);
    let modules: BTreeSet<&str> = refused.map(|one| one.address.module()).collect();
    let many = modules.iter().filter(|module| is_tenant(module)).count() > TENANTS;
    let words = modules.into_iter().map(|module| if many && is_tenant(module) { "tenant" } else { module }.to_owned());
    let mut scope = plan.scope.clone();
    scope.allow_delete.extend(words);
    scope
}

fn remains(plan: &Plan, loaded: &Loaded) -> Remains {
    let mut behind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for action in plan.actions.iter().filter(|action| action.action == Verb::Delete) {
        if let Some(row) = lookup(&action.kind).filter(|row| !row.leaves.is_empty()) {
            behind.entry(row.leaves).or_default().push(action.address.to_string());
        }
    }
    // A setting of something of ours goes with that; only the account's stay.
    let shared = |kind: &str| lookup(kind).is_some_and(|row| row.singleton && row.info().refers_to.is_empty());
    let settings = plan.seen.iter().filter(|(_, seen)| shared(&seen.kind)).map(|(address, _)| address.to_string());
    let zone = plan.seen.iter().filter(|(address, _)| address.as_str() == "lookup.zone");
    Remains {
        all: String::new(),
        record: match &loaded.stack.record {
            Location::S3 => format!("the bucket {}", record_bucket::name(&plan.account, &plan.region, &plan.stack)),
            Location::Local(path) => format!("the folder {}", path.display()),
        },
        settings: settings.collect(),
        looked_up: zone.map(|(_, seen)| format!("the zone {} ({})", plan.domain, seen.id)).collect(),
        behind: behind.into_iter().map(|(words, addresses)| (words.to_owned(), addresses)).collect(),
    }
}
