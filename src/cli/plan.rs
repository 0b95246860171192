//! `reeve plan`, and what it shares with the other commands that plan.

use std::path::PathBuf;

use clap::Args;

use super::stack::{Loaded, connect, load};
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, Format, ScopeArgs, code};
use crate::desired::policy::judge;
use crate::model::plan as model;
use crate::record::{canonical, plan_path, write_plan};
use crate::session::{Session, seal};
use crate::view::{self, plan::Detail, words::Words};

/// What to look at and how to show what is found.
#[derive(Debug, Args)]
pub struct Look {
    #[command(flatten)]
    pub(super) dir: Dir,
    #[command(flatten)]
    pub(super) scope: ScopeArgs,
    /// How to show it.
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    /// Print what it cost as the last line of stderr.
    #[arg(long)]
    stats: bool,
}

impl Look {
    /// From the arguments to a plan with everything in it.
    pub async fn plan(&self, terminal: &mut Terminal) -> Result<model::Plan, Failure> {
        terminal.want_stats(self.stats);
        available(self.format)?;
        let scope = self.scope.scope()?;
        let loaded = load(&self.dir.dir)?;
        let session = connect(&loaded, terminal).await?;
        make(&session, &loaded, scope, false, terminal).await
    }
}

/// Show what an apply would do.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub(super) what: Look,
    /// Save the plan; a bare name goes to `plans/`. Another folder must exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Plan {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let plan = self.what.plan(terminal).await?;
        if let Some(out) = &self.out {
            let path = plan_path(out);
            write_plan(&path, &seal(&plan)?)?;
            terminal.say(&format!("saved to {}", path.display()));
        }
        show(&plan, self.what.format, &Words::plan(&plan), terminal)?;
        Ok(exit(&plan))
    }
}

/// Reads the world and plans, saying so.
pub async fn make(
    session: &Session,
    loaded: &Loaded,
    scope: model::Scope,
    destroy: bool,
    terminal: &mut Terminal,
) -> Result<model::Plan, Failure> {
    let closed: Vec<(&str, &str)> = session.planes().closed().into_iter().filter(|(plane, _)| scope.planes.contains(*plane)).collect();
    if let Some((_, why)) = closed.first() {
        let names: Vec<&str> = closed.iter().map(|(plane, _)| *plane).collect();
        let message = format!("not observed: {}: {why}", names.join(", "));
        if names.len() == scope.planes.len() {
            return Err(Failure::usage(message).advice("leave --plane out, or run it where there is a way"));
        }
        terminal.say(&message);
    }
    let (mut plan, history) = session.plan(&loaded.wishes, scope, destroy, loaded.commit.clone()).await?;
    history.warnings.iter().for_each(|warning| terminal.say(&format!("warning: {warning}")));
    super::scope::check(&plan, loaded)?;
    let refusals =
        judge(&loaded.desired.policies, &plan).map_err(|problems| Failure::new(code::ERROR, problems.to_string().trim_end().to_owned()))?;
    if !refusals.is_empty() {
        plan.refusals.extend(refusals);
        plan.digest = seal(&plan)?.digest;
    }
    terminal.count_actions(&plan);
    Ok(plan)
}

/// Prints a plan in `format`.
pub fn show(plan: &model::Plan, format: Format, words: &Words, terminal: &Terminal) -> Result<(), Failure> {
    available(format)?;
    match format {
        Format::Json => terminal.data(&document(plan)?),
        Format::Markdown => terminal.data(&view::markdown::markdown(plan, words)),
        _ => terminal.data(&terminal.fill(&view::plan::human(plan, terminal.out, words, Detail::Telling))),
    }
}

/// The plan document as it is printed and saved: RFC 8785 JSON with its digest.
fn document(plan: &model::Plan) -> Result<String, Failure> {
    let bytes = canonical(&seal(plan)?.plan)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Refuses what is not there yet, before anything is read.
pub fn available(format: Format) -> Result<(), Failure> {
    match format {
        Format::Html | Format::Terraform | Format::Sarif => {
            Err(Failure::usage("this format comes in a later release").advice("human, json and markdown are there"))
        }
        _ => Ok(()),
    }
}

/// 1 when something could not be read, else 5 when something is refused, else 2 when there are changes, else 0.
pub fn exit(plan: &model::Plan) -> u8 {
    if !plan.unreadable.is_empty() {
        code::ERROR
    } else if !plan.refusals.is_empty() {
        code::REFUSED
    } else if plan.is_empty() && plan.waiting.is_empty() {
        code::DONE
    } else {
        code::CHANGES
    }
}
