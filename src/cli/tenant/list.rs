//! `reeve tenant list` and `reeve tenant status`

use clap::{Args, ValueEnum};

use super::wished;
use crate::cli::drill::remembered;
use crate::cli::stack::{connect, load};
use crate::cli::terminal::Terminal;
use crate::cli::{Dir, Exit, Failure, code};
use crate::model::drill::Part;
use crate::model::tenant::Overview;
use crate::session::Session;
use crate::tenant::overview::overview;
use crate::view::{drill, tenants};

/// Every tenant in a line: state, host, memory, last activity, last backup. Exit 2 when one is not as the YAML wishes.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub(in crate::cli) dir: Dir,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// All that is known of one tenant, or of each.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub(in crate::cli) dir: Dir,
    /// The tenant. Default: all.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How tenants are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Human,
    /// For a program.
    Json,
}

impl List {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let (session, all) = read(&self.dir, terminal).await?;
        let drills = remembered(&session, &Part::ALL).await?;
        match self.format {
            Format::Human => terminal.data(&format!("{}\n{}", tenants::list(&all), drill::last_line(&drills)))?,
            Format::Json => terminal.data(&tenants::list_json(&all, &drills))?,
        }
        Ok(exit(&all))
    }
}

impl Status {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let (_, mut all) = read(&self.dir, terminal).await?;
        if let Some(name) = &self.name {
            all.retain(|one| one.name == *name);
            if all.is_empty() {
                return Err(Failure::usage(format!("there is no tenant {name:?}")).advice("`reeve tenant list DIR` lists them"));
            }
        }
        match self.format {
            Format::Human => terminal.data(&tenants::status(&all))?,
            Format::Json => terminal.data(&tenants::json(&all))?,
        }
        Ok(exit(&all))
    }
}

async fn read(dir: &Dir, terminal: &Terminal) -> Result<(Session, Vec<Overview>), Failure> {
    let loaded = load(&dir.dir)?;
    let session = connect(&loaded, terminal).await?;
    for (plane, why) in session.planes().closed().into_iter().filter(|(plane, _)| *plane == "docker") {
        terminal.say(&format!("not observed: {plane}: {why}"));
    }
    let mut all = overview(session.planes(), &wished(&loaded.desired.tenants)).await.map_err(crate::session::Error::from)?;
    let backups = session.record().last_backups().await?;
    // HAProxy's own table begins anew when it is loaded anew; what hosts have noted stays.
    let noted = session.record().edges().await?;
    for one in &mut all {
        one.last_backup = backups.get(&one.name).map(ToString::to_string);
        let used = noted.iter().filter_map(|edge| edge.used.get(&one.name)).max().map(|at| at.strftime("%FT%TZ").to_string());
        one.last_activity = one.last_activity.take().max(used);
    }
    Ok((session, all))
}

fn exit(all: &[Overview]) -> u8 {
    if all.iter().any(tenants::is_off) { code::CHANGES } else { code::DONE }
}
