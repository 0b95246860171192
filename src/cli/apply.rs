//! `reeve apply`, `reeve destroy` and `reeve adopt`: the commands that change the world.

mod adopt;
mod destroy;
mod locked;
mod walk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

pub use adopt::Adopt;
pub use destroy::Destroy;

use destroy::say_what_stays;
pub use locked::Locked;

use super::plan::{available, exit, make, show};
use super::stack::{Loaded, connect, load, saved_plan, session};
use super::terminal::Terminal;
use super::{Exit, Failure, Format, ScopeArgs, code, hint};
use crate::model::plan::{Plan, Scope};
use crate::record::{Location, RecordError};
use crate::session::{Command, Session, Stack};
use crate::view::plan::{Detail, human};
use crate::view::words::Words;

/// Steps at a time, unless `--parallelism` says otherwise.
const PARALLELISM: u16 = 16;

/// Plan, ask, apply; or apply a saved plan exactly.
#[derive(Debug, Args)]
pub struct Apply {
    /// The stack's folder, or a saved plan.
    #[arg(value_name = "DIR|PLAN_FILE")]
    what: PathBuf,
    #[command(flatten)]
    scope: ScopeArgs,
    /// For a saved plan whose folder is elsewhere: the stack's folder (needed for `record: local:PATH`).
    #[arg(long, value_name = "DIR")]
    stack: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// How an apply goes.
#[derive(Debug, Args)]
struct How {
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
    /// Steps at a time.
    #[arg(long, default_value_t = PARALLELISM, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
    /// How to show the plan: to a person on stderr, in another format on stdout.
    #[arg(long, default_value = "human")]
    format: Format,
    /// Print what it cost as the last line of stderr.
    #[arg(long)]
    stats: bool,
}

impl How {
    fn can_be_approved(&self, terminal: &Terminal) -> bool {
        self.auto_approve || terminal.can_ask()
    }

    /// `command` with what was said of the pace.
    fn paced(&self, command: &str) -> String {
        if self.parallelism == PARALLELISM { command.to_owned() } else { format!("{command} --parallelism {}", self.parallelism) }
    }
}

impl Apply {
    /// The stack's folder as it was written, when one was.
    pub fn folder(&self) -> Option<&PathBuf> {
        self.stack.as_ref().or_else(|| self.what.is_dir().then_some(&self.what))
    }

    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        terminal.want_stats(self.how.stats);
        available(self.how.format)?;
        if self.what.is_dir() {
            return folder(self.what, self.scope.scope()?, &self.how, false, terminal).await;
        }
        if self.scope.scope()? != Scope::default() {
            return Err(Failure::usage("a saved plan carries its own targets and allowances"));
        }
        self.saved(terminal).await
    }

    async fn saved(self, terminal: &mut Terminal) -> Exit {
        let plan = saved_plan(&self.what)?;
        if plan.drift {
            let message = format!("{} says only what has drifted: it is no plan", self.what.display());
            return Err(Failure::usage(message).advice("make one: `reeve plan DIR --out FILE`; applied, it mends the drift too"));
        }
        terminal.count_actions(&plan);
        allowed(&plan)?;
        let session = self.session_of(&plan, terminal).await?;
        if plan.is_empty() {
            present(&plan, self.how.format, terminal)?;
            return Ok(nothing(&plan));
        }
        if !self.how.can_be_approved(terminal) {
            present(&plan, self.how.format, terminal)?;
            return Err(unapproved().advice(SAME));
        }
        let command = Command { line: terminal.line.clone(), commit: plan.made.commit.clone(), once: true };
        let mut locked = Locked::take(&session, terminal).await?;
        let outcome = async {
            let agreed = locked.interruptible(async |held| {
                if let Some(before) = held.record.was_applied(&plan.digest).await? {
                    return Err(RecordError::AlreadyApplied(Box::new(before)).into());
                }
                session.check(&plan).await?;
                present(&plan, self.how.format, terminal)?;
                approve(&self.how, &session, &plan, terminal).await
            });
            agreed.await?;
            let again = format!("reeve plan DIR{} --out FILE, then {}", hint::flags(&plan.scope), self.how.paced("reeve apply FILE"));
            walk::walk(&session, &plan, &mut locked, &command, usize::from(self.how.parallelism), &again, terminal).await
        }
        .await;
        locked.release(terminal).await;
        outcome
    }

    async fn session_of(&self, plan: &Plan, terminal: &Terminal) -> Result<Session, Failure> {
        let (record, domain) = match &self.stack {
            Some(dir) => {
                let Stack { name, record, domain, .. } = load(dir)?.stack;
                if name != plan.stack {
                    return Err(Failure::usage(format!(
                        "the plan is for the stack {}, and {} is the stack {name}",
                        plan.stack,
                        dir.display()
                    )));
                }
                (record, domain)
            }
            None => match &plan.record {
                Some(path) => (recorded_here(plan, path)?, String::new()),
                None => (Location::S3, String::new()),
            },
        };
        let domain = if domain.is_empty() { plan.domain.clone() } else { domain };
        let stack = Stack {
            name: plan.stack.clone(),
            domain,
            region: plan.region.clone(),
            account: Some(plan.account.clone()),
            record,
            access: plan.access.clone(),
            starts: plan.starts,
        };
        session(stack, terminal).await
    }
}

/// Applies what concerns `target` without asking: for commands that were agreed to already.
pub async fn change_of_one(dir: PathBuf, target: &str, terminal: &mut Terminal) -> Exit {
    let scope = Scope { target: [target.to_owned()].into(), ..Scope::default() };
    let how = How { auto_approve: true, parallelism: PARALLELISM, format: Format::Human, stats: false };
    folder(dir, scope, &how, false, terminal).await
}

/// Drops what lies under `target` without asking, protected or not, as if the YAML did not wish it: for commands that were agreed to already.
pub async fn drop_all_of(dir: PathBuf, target: &str, terminal: &mut Terminal) -> Exit {
    let one = BTreeSet::from([target.to_owned()]);
    let scope = Scope { target: one.clone(), allow_delete: one, ..Scope::default() };
    let how = How { auto_approve: true, parallelism: PARALLELISM, format: Format::Human, stats: false };
    let mut loaded = load(&dir)?;
    loaded.wishes.retain(|address, _| !address.as_str().starts_with(&format!("{target}.")));
    loaded_folder(loaded, dir, scope, &how, false, terminal).await
}

/// Locks, plans, asks, applies.
async fn folder(dir: PathBuf, scope: Scope, how: &How, destroy: bool, terminal: &mut Terminal) -> Exit {
    let loaded = load(&dir)?;
    loaded_folder(loaded, dir, scope, how, destroy, terminal).await
}

/// The same for a folder that was read.
async fn loaded_folder(loaded: Loaded, dir: PathBuf, scope: Scope, how: &How, destroy: bool, terminal: &mut Terminal) -> Exit {
    let session = connect(&loaded, terminal).await?;
    if !how.can_be_approved(terminal) {
        // Not even the record is made then, nor anybody kept waiting.
        let plan = make(&session, &loaded, scope, destroy, terminal).await?;
        present(&plan, how.format, terminal)?;
        if destroy {
            say_what_stays(&plan, &loaded, &dir, terminal);
        }
        if plan.is_empty() {
            return Ok(nothing(&plan));
        }
        allowed(&plan)?;
        let review = hint::command("plan", &dir, &plan.scope);
        let saved = format!("{SAME}; or review `{review} --out FILE`, then `{}`", how.paced("reeve apply FILE --auto-approve"));
        return Err(unapproved().advice(if destroy { SAME.to_owned() } else { saved }));
    }
    let command = Command { line: terminal.line.clone(), commit: loaded.commit.clone(), once: false };
    let mut locked = Locked::take(&session, terminal).await?;
    let outcome = async {
        let agreed = locked.interruptible(async |held| {
            let plan = make(&session, &loaded, scope, destroy, terminal).await?;
            present(&plan, how.format, terminal)?;
            if destroy {
                say_what_stays(&plan, &loaded, &dir, terminal);
            }
            if plan.is_empty() {
                session.close_what_is_open(&plan, held, &command).await?;
                return Ok(Err(nothing(&plan)));
            }
            allowed(&plan)?;
            approve(how, &session, &plan, terminal).await?;
            Ok(Ok(plan))
        });
        let plan = match agreed.await? {
            Ok(plan) => plan,
            Err(code) => return Ok(code),
        };
        let again = how.paced(&hint::command(if destroy { "destroy" } else { "apply" }, &dir, &plan.scope));
        walk::walk(&session, &plan, &mut locked, &command, usize::from(how.parallelism), &again, terminal).await
    }
    .await;
    locked.release(terminal).await;
    outcome
}

/// What an apply ends with that has nothing to do: what waits is not done.
fn nothing(plan: &Plan) -> u8 {
    match exit(plan) {
        code::CHANGES => code::PARTIAL,
        code => code,
    }
}

/// Shows what is about to be done.
fn present(plan: &Plan, format: Format, terminal: &Terminal) -> Result<(), Failure> {
    let words = Words::plan(plan);
    if format == Format::Human {
        terminal.say(&human(plan, terminal.err, &words, Detail::Telling));
        return Ok(());
    }
    show(plan, format, &words, terminal)
}

/// The folder that a plan names its record by, which is that of the machine where it was made. Another machine must not begin a second
/// record: with it would come a second lock. Only a stack that has nothing yet may have no record yet.
fn recorded_here(plan: &Plan, path: &str) -> Result<Location, Failure> {
    let is_first = plan.seen.iter().all(|(address, seen)| address.is_lookup() || seen.marks.address.is_none());
    let folder = Path::new(path);
    if folder.exists() || is_first && folder.parent().is_some_and(Path::exists) {
        return Ok(Location::Local(folder.to_owned()));
    }
    Err(Failure::usage(format!("the record that the plan was made with is not here: there is no folder {path}"))
        .advice("apply it where it was made; or, if the record has moved, give --stack DIR, whose `record:` is then taken"))
}

/// Refuses a plan that breaks a policy, whole.
fn allowed(plan: &Plan) -> Result<(), Failure> {
    if plan.is_forbidden() {
        return Err(Failure::new(code::REFUSED, "a policy of the stack refuses this plan: nothing was touched")
            .advice("the plan names the policy and its place"));
    }
    Ok(())
}

/// Asks a person. While they read, the world may move: it is looked at once more, and what was agreed to is done or nothing is.
async fn approve(how: &How, session: &Session, plan: &Plan, terminal: &Terminal) -> Result<(), Failure> {
    if how.auto_approve {
        return Ok(());
    }
    match terminal.ask("Apply this?").await {
        Some(true) => Ok(session.check(plan).await?),
        Some(false) => Err(Failure::new(code::REFUSED, "not approved: nothing was touched")),
        None => Err(unapproved().advice(SAME)),
    }
}

fn unapproved() -> Failure {
    Failure::new(code::REFUSED, "there is no terminal to ask for approval: nothing was touched")
}

/// What to do without a terminal.
const SAME: &str = "read the plan above and give the same command --auto-approve";
