//! `reeve tenant`: what the tenants are doing, and what is done with one of them.

mod backup;
mod data;
mod list;
mod password;
mod purge;
mod restore;
mod rotate;
mod scale;

use clap::{Args, Subcommand};

use super::stack::Loaded;
use super::terminal::Terminal;
use super::{Exit, Failure};
use crate::desired::Tenant as Wished;
use crate::tenant::overview;

/// What the tenants are doing, and what is done with one of them.
#[derive(Debug, Args)]
pub struct Tenant {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::List),
    Status(list::Status),
    Wake(scale::Wake),
    Sleep(scale::Sleep),
    Rotate(rotate::Rotate),
    Password(password::Password),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Stage(restore::Stage),
    Purge(purge::Purge),
}

impl Tenant {
    /// The stack's folder.
    pub fn folder(&self) -> &std::path::PathBuf {
        match &self.what {
            What::List(args) => &args.dir.dir,
            What::Status(args) => &args.dir.dir,
            What::Wake(args) => &args.one.dir.dir,
            What::Sleep(args) => &args.one.dir.dir,
            What::Rotate(args) => &args.one.dir.dir,
            What::Password(args) => &args.one.dir.dir,
            What::Backup(args) => &args.one.dir.dir,
            What::Restore(args) => &args.one.dir.dir,
            What::Stage(args) => &args.one.dir.dir,
            What::Purge(args) => &args.one.dir.dir,
        }
    }

    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        match self.what {
            What::List(args) => args.run(terminal).await,
            What::Status(args) => args.run(terminal).await,
            What::Wake(args) => args.run(terminal).await,
            What::Sleep(args) => args.run(terminal).await,
            What::Rotate(args) => args.run(terminal).await,
            What::Password(args) => args.run(terminal).await,
            What::Backup(args) => args.run(terminal).await,
            What::Restore(args) => args.run(terminal).await,
            What::Stage(args) => args.run(terminal).await,
            What::Purge(args) => args.run(terminal).await,
        }
    }
}

/// A stack and one of its tenants.
#[derive(Debug, Args)]
pub struct One {
    #[command(flatten)]
    pub(super) dir: super::Dir,
    /// The tenant.
    #[arg(value_name = "NAME")]
    name: String,
}

impl One {
    /// The tenant as the YAML has it.
    fn find<'l>(&self, loaded: &'l Loaded) -> Result<&'l Wished, Failure> {
        let tenants = &loaded.desired.tenants;
        tenants.iter().find(|tenant| tenant.name == self.name).ok_or_else(|| {
            let failure = Failure::usage(format!("there is no tenant {:?} in {}", self.name, self.dir.dir.display()));
            let near = crate::model::problem::nearest(&self.name, tenants.iter().map(|tenant| tenant.name.as_str()));
            let which = near.map_or_else(|| "`reeve tenant list DIR` lists them.".to_owned(), |near| format!("did you mean {near}?"));
            failure.advice(format!("{which} One that left the YAML and is there still: see {}", crate::model::runbook::TENANT_LEAVES))
        })
    }
}

/// The tenants as the overview takes them.
fn wished(tenants: &[Wished]) -> Vec<overview::Wished> {
    let word = |tenant: &Wished| format!("{:?}", tenant.spec.state).to_lowercase();
    tenants.iter().map(|tenant| overview::Wished { name: tenant.name.clone(), state: word(tenant) }).collect()
}
