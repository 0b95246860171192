//! From a stack's folder to an open session: what every command begins with.

use std::path::Path;

use super::terminal::Terminal;
use super::{Failure, code};
use crate::desired;
use crate::model::plan::Plan;
use crate::model::{Access, Problems, Starts};
use crate::planes::aws::connect::Options;
pub use crate::reconcile::Loaded;
use crate::reconcile::Wrong;
use crate::record::{Location, plan_path};
use crate::session::{Session, Stack, read_saved};

/// Says what is worth a word.
pub fn warn(loaded: &Loaded, terminal: &Terminal) {
    loaded.desired.warnings.iter().for_each(|warning| terminal.say(&format!("warning: {warning}")));
}

/// Reads and checks the folder; no network.
pub fn load(dir: &Path) -> Result<Loaded, Failure> {
    Loaded::read(dir).map_err(|wrong| match wrong {
        Wrong::Yaml(problems) => self::wrong(problems),
        Wrong::Record(error) => error.into(),
    })
}

/// What is wrong with the YAML.
fn wrong(problems: Problems) -> Failure {
    Failure::new(code::ERROR, problems.to_string().trim_end().to_owned())
}

/// Connects to a stack of which only the record is wanted: the rest of its YAML may be wrong.
pub async fn open(dir: &Path, terminal: &Terminal) -> Result<Session, Failure> {
    let desired::Head { name, account, region, domain, record } = desired::head(dir).map_err(wrong)?;
    let stack = Stack {
        name,
        domain,
        region,
        account,
        record: Location::parse(&record, dir)?,
        access: Access::default(),
        starts: Starts::default(),
    };
    session(stack, terminal).await
}

/// Reads a saved plan, whole and unaltered.
pub fn saved_plan(path: &Path) -> Result<Plan, Failure> {
    if path.exists() {
        return Ok(read_saved(path)?);
    }
    let failure = Failure::new(code::ERROR, format!("there is no file and no folder {}", path.display()));
    // `plan --out NAME` puts a bare name there.
    let kept = plan_path(path);
    Err(match kept.exists() {
        true => failure.advice(format!("did you mean {}?", kept.display())),
        false => failure.advice("`reeve plan DIR --out FILE` saves a plan"),
    })
}

/// Connects.
pub async fn connect(loaded: &Loaded, terminal: &Terminal) -> Result<Session, Failure> {
    warn(loaded, terminal);
    session(loaded.stack.clone(), terminal).await
}

/// A session whose calls are counted.
pub async fn session(stack: Stack, terminal: &Terminal) -> Result<Session, Failure> {
    Ok(Session::open(stack, Options { stats: terminal.counted.clone(), ..Options::default() }).await?)
}
