//! The command line: one table from which parser, help, man page and completions derive. One file per command.

mod apply;
mod completions;
mod diff;
mod drift;
mod drill;
mod graph;
mod held;
mod hint;
mod host;
mod journal;
mod later;
mod line;
mod plan;
mod run;
mod schema;
mod scope;
mod show;
mod stack;
mod stop;
mod tenant;
mod terminal;
mod texts;
mod traced;
mod unlock;
mod validate;
mod why;

mod sandbox;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::model::Address;
use crate::model::plan::Scope;
use crate::model::runbook;
use crate::session;
use terminal::Terminal;
use traced::Traced;
use tracing::Instrument;

/// Exit codes, as other programs rely on them.
pub mod code {
    /// Done; nothing to change.
    pub const DONE: u8 = 0;
    /// An error.
    pub const ERROR: u8 = 1;
    /// There are changes.
    pub const CHANGES: u8 = 2;
    /// The saved plan is stale.
    pub const STALE: u8 = 3;
    /// Locked by someone else.
    pub const LOCKED: u8 = 4;
    /// Refused.
    pub const REFUSED: u8 = 5;
    /// Applied in part.
    pub const PARTIAL: u8 = 6;
    /// The command line is wrong.
    pub const USAGE: u8 = 64;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// Runs a cloud estate and its tenants: what the YAML says, compared with what is, converged.
#[derive(Debug, Parser)]
#[command(name = "reeve", version, max_term_width = 100, disable_help_subcommand = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Colour: auto (only to a terminal), always, never.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read and check everything; no network.
    Validate(validate::Validate),
    /// Show what an apply would do. Exit 0: nothing, 2: changes, 5: something is refused, 1: something could not be read.
    Plan(plan::Plan),
    /// Plan, ask, apply; or apply a saved plan exactly.
    Apply(apply::Apply),
    /// Show only what differs though the YAML is the one last applied.
    Drift(drift::Drift),
    /// Drop everything of the stack but what is protected and what that needs.
    Destroy(apply::Destroy),
    /// Render a saved plan, offline.
    Show(show::Show),
    /// Compare two saved plans.
    Diff(diff::Diff),
    /// The graph of resources.
    Graph(graph::Graph),
    /// Where a resource comes from, what it needs, what needs it, what is live.
    Why(why::Why),
    /// JSON Schema of the YAML files, or of one kind, for editors and for the reference page.
    Schema(schema::Schema),
    /// A built-in module as it is compiled in: a copy in a stack's folder replaces it.
    Module(texts::Module),
    /// What to do when something goes wrong: the runbook that a message names.
    Runbook(texts::Runbook),
    /// Take an existing object over; refuses one that is owned.
    Adopt(apply::Adopt),
    /// Restore the newest state of database and files into copies, look into them, delete them. Exit 0: whole, 6: not all could be looked
    /// into, 1: not whole.
    Drill(drill::Drill),
    /// The journal of what was done.
    Journal(journal::Journal),
    /// Release the stack's lock, held by a process that is surely dead.
    Unlock(unlock::Unlock),
    /// An emulated AWS on this machine, until Ctrl-C.
    Sandbox(sandbox::Sandbox),
    /// On a host: make it one, or say what is off.
    Host(host::Host),
    /// Completions for a shell.
    Completions(completions::Completions),
    /// The man page.
    Man,
    /// In a later release: an SSH signature over a plan's digest.
    Approve(later::Later),
    /// In a later release: the estate held against the controls.
    Audit(later::Later),
    /// Keep the estate as the YAML describes it, until SIGTERM: look again and again, do what `reconcile.auto` allows, hold the rest for
    /// approval. On a host of the fleet it also wakes tenants when somebody comes, and puts to rest whom nobody uses.
    /// Where OTEL_EXPORTER_OTLP_ENDPOINT names a collector, it is handed traces.
    Run(run::Run),
    /// The plan that the loop holds for approval: show it, save it. Exit 0: none, 2: one waits.
    Held(held::Held),
    Tenant(tenant::Tenant),
}

impl Command {
    /// The stack's folder as it was written, when one was.
    fn folder(&self) -> Option<&PathBuf> {
        match self {
            Self::Validate(args) => Some(&args.dir.dir),
            Self::Plan(args) => Some(&args.what.dir.dir),
            Self::Drift(args) => Some(&args.what.dir.dir),
            Self::Apply(args) => args.folder(),
            Self::Destroy(args) => Some(&args.dir.dir),
            Self::Graph(args) => Some(&args.dir.dir),
            Self::Why(args) => Some(&args.dir.dir),
            Self::Adopt(args) => Some(&args.dir.dir),
            Self::Drill(args) => Some(&args.dir.dir),
            Self::Journal(args) => Some(args.folder()),
            Self::Unlock(args) => Some(&args.dir.dir),
            Self::Schema(args) => args.dir.as_ref(),
            Self::Tenant(args) => Some(args.folder()),
            Self::Held(args) => Some(&args.dir.dir),
            Self::Run(args) => args.folder(),
            _ => None,
        }
    }
}

impl Command {
    /// What its trace is called, where it has one: it looks at the whole stack, or applies. The loop traces each pass by itself.
    fn traced(&self) -> Option<&'static str> {
        match self {
            Self::Plan(_) => Some("reeve plan"),
            Self::Apply(_) => Some("reeve apply"),
            Self::Drift(_) => Some("reeve drift"),
            Self::Destroy(_) => Some("reeve destroy"),
            _ => None,
        }
    }
}

/// Which part of a stack.
#[derive(Debug, Clone, Args)]
struct ScopeArgs {
    /// Read and change only these planes (what they refer to on others is read too). The plan is then incomplete.
    #[arg(long, value_delimiter = ',', value_name = "PLANE", value_parser = ["aws", "docker", "mysql", "files", "haproxy"])]
    plane: Vec<String>,
    /// Only these addresses, what lies under them and what they need. The plan is then incomplete.
    #[arg(long, num_args = 1.., value_name = "ADDRESS")]
    target: Vec<String>,
    /// Not these addresses and what lies under them. The plan is then incomplete.
    #[arg(long, num_args = 1.., value_name = "ADDRESS")]
    exclude: Vec<String>,
    /// Protected addresses that may be deleted or replaced all the same, and what lies under them (`database`, `tenant/ckwc`).
    #[arg(long, num_args = 1.., value_name = "ADDRESS")]
    allow_delete: Vec<String>,
}

impl ScopeArgs {
    /// The scope, as far as it can be checked before anything is read.
    fn scope(&self) -> Result<Scope, Failure> {
        if let Some(text) = self.allow_delete.iter().find(|text| !Address::is_scope(text)) {
            let shown: String = text.chars().take(80).collect();
            let advice = "name what may go: vpc.data, database, tenant/ckwc; there is no word for the whole stack";
            return Err(Failure::usage(format!("--allow-delete {shown:?} is no address and no part of one")).advice(advice));
        }
        Ok(Scope {
            target: self.target.iter().cloned().collect(),
            exclude: self.exclude.iter().cloned().collect(),
            allow_delete: self.allow_delete.iter().cloned().collect(),
            planes: self.plane.iter().cloned().collect(),
        })
    }
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Human,
    /// The plan document.
    Json,
    /// For a pull request.
    Markdown,
    /// In a later release.
    Html,
    /// In a later release.
    Terraform,
    /// In a later release.
    Sarif,
}

/// Why a command did not do what it should, and the exit code for it.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
    advice: Option<String>,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: None }
    }
    fn usage(message: impl Into<String>) -> Self {
        Self::new(code::USAGE, message)
    }
    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl From<session::Error> for Failure {
    fn from(error: session::Error) -> Self {
        use crate::planes::Class;
        use crate::record::RecordError;
        let message = error.to_string();
        match &error {
            session::Error::Stale(moved) => {
                Self::new(code::STALE, stale(moved)).advice(format!("make a new plan; see {}", runbook::STALE_PLAN))
            }
            session::Error::Record(RecordError::AlreadyApplied(_)) => Self::new(code::STALE, message),
            session::Error::Record(RecordError::Held(_) | RecordError::Drilling(_)) => {
                Self::new(code::LOCKED, message).advice(format!("see {}", runbook::LOCKED))
            }
            // What the planes inside say names its runbook by itself.
            session::Error::Plane(_) if message.contains("reeve runbook ") => Self::new(code::ERROR, message),
            session::Error::Conflict(_) => {
                Self::new(code::ERROR, message).advice(format!("look at both and take the mark off one; see {}", runbook::TWO_OBJECTS))
            }
            session::Error::Plane(error) if matches!(error.class, Class::Unreachable | Class::Ambiguous) => {
                Self::new(code::ERROR, message).advice(format!("see {}", runbook::UNREACHABLE))
            }
            session::Error::Plane(error) if error.class == Class::Denied => {
                Self::new(code::ERROR, message).advice(format!("see {}", runbook::DENIED))
            }
            _ => Self::new(code::ERROR, message),
        }
    }
}

impl From<crate::record::RecordError> for Failure {
    fn from(error: crate::record::RecordError) -> Self {
        session::Error::from(error).into()
    }
}

/// What moved, on one screen.
fn stale(moved: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = String::from("the plan is stale, nothing was touched:");
    moved.iter().take(SHOWN).for_each(|one| text.push_str(&format!("\n  {one}")));
    if moved.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", moved.len() - SHOWN));
    }
    text
}

type Exit = Result<u8, Failure>;

/// Runs the command line `args` (with the program's name first) and answers the exit code.
pub async fn run(args: Vec<std::ffi::OsString>) -> u8 {
    let line = args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let cli = match line::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            return Terminal::usage(&error);
        }
    };
    let mut terminal = Terminal::new(cli.color, line, cli.command.folder().cloned());
    let traced = Traced::begin(cli.command.traced(), &terminal);
    let span = traced.span.clone();
    let outcome = Box::pin(dispatch(cli.command, &mut terminal)).instrument(span).await;
    traced.end(&outcome, &terminal).await;
    let code = match outcome {
        Ok(code) => code,
        Err(failure) => {
            terminal.failure(&failure.message, failure.advice.as_deref());
            failure.code
        }
    };
    crate::planes::tunnel::farewell().await;
    terminal.stats();
    code
}

async fn dispatch(command: Command, terminal: &mut Terminal) -> Exit {
    match command {
        Command::Validate(args) => args.run(terminal),
        Command::Plan(args) => args.run(terminal).await,
        Command::Apply(args) => args.run(terminal).await,
        Command::Drift(args) => args.run(terminal).await,
        Command::Destroy(args) => args.run(terminal).await,
        Command::Show(args) => args.run(terminal),
        Command::Diff(args) => args.run(terminal),
        Command::Graph(args) => args.run(terminal),
        Command::Why(args) => args.run(terminal).await,
        Command::Schema(args) => args.run(terminal),
        Command::Module(args) => args.run(terminal),
        Command::Runbook(args) => args.run(terminal),
        Command::Adopt(args) => args.run(terminal).await,
        Command::Drill(args) => args.run(terminal).await,
        Command::Journal(args) => args.run(terminal).await,
        Command::Unlock(args) => args.run(terminal).await,
        Command::Sandbox(args) => args.run(terminal).await,
        Command::Host(args) => args.run(terminal).await,
        Command::Tenant(args) => args.run(terminal).await,
        Command::Completions(args) => args.run(terminal, &mut Cli::command()),
        Command::Man => completions::man(terminal, Cli::command()),
        Command::Approve(_) => Err(later::command("approve")),
        Command::Audit(_) => Err(later::command("audit")),
        Command::Held(args) => args.run(terminal).await,
        Command::Run(args) => args.run(terminal).await,
    }
}

/// A stack's folder.
#[derive(Debug, Clone, Args)]
struct Dir {
    /// The stack's folder.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}
