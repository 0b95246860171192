//! From a stack's folder to an open session: what every command begins with.

use std::collections::BTreeMap;
use std::path::Path;

use super::terminal::Terminal;
use super::{Failure, code};
use crate::desired::{self, Desired};
use crate::model::plan::Plan;
use crate::model::{Access, Address, Problems};
use crate::plan::Wished;
use crate::planes::aws::connect::Options;
use crate::record::{Location, plan_path};
use crate::session::{Session, Stack, read_saved};

/// A stack that was read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// What a session must know.
    pub stack: Stack,
    /// What is wished, by address.
    pub wishes: BTreeMap<Address, Wished>,
    /// All of it.
    pub desired: Desired,
    /// The commit of the folder.
    pub commit: Option<String>,
}

impl Loaded {
    /// Says what is worth a word.
    pub fn warn(&self, terminal: &Terminal) {
        self.desired.warnings.iter().for_each(|warning| terminal.say(&format!("warning: {warning}")));
    }
}

/// Reads and checks the folder; no network.
pub fn load(dir: &Path) -> Result<Loaded, Failure> {
    let desired = desired::load(dir).map_err(wrong)?;
    let record = Location::parse(&desired.stack.spec.record, dir)?;
    let spec = &desired.stack.spec;
    let stack = Stack {
        name: desired.stack.name.clone(),
        domain: spec.domain.clone(),
        region: spec.region.clone(),
        account: spec.account.clone(),
        record,
        access: spec.access.clone(),
    };
    let wishes = desired
        .resources
        .values()
        .map(|one| {
            let wished = Wished { kind: one.kind, spec: one.spec.clone(), protect: one.protect, moved_from: one.moved_from.clone() };
            (one.address.clone(), wished)
        })
        .collect();
    Ok(Loaded { stack, wishes, desired, commit: commit(dir) })
}

/// What is wrong with the YAML.
fn wrong(problems: Problems) -> Failure {
    Failure::new(code::ERROR, problems.to_string().trim_end().to_owned())
}

/// Connects to a stack of which only the record is wanted: the rest of its YAML may be wrong.
pub async fn open(dir: &Path, terminal: &Terminal) -> Result<Session, Failure> {
    let desired::Head { name, account, region, domain, record } = desired::head(dir).map_err(wrong)?;
    let stack = Stack { name, domain, region, account, record: Location::parse(&record, dir)?, access: Access::default() };
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
    loaded.warn(terminal);
    session(loaded.stack.clone(), terminal).await
}

/// A session whose calls are counted.
pub async fn session(stack: Stack, terminal: &Terminal) -> Result<Session, Failure> {
    Ok(Session::open(stack, Options { stats: terminal.counted.clone(), ..Options::default() }).await?)
}

/// The commit that the folder is at, with `-dirty` when it has changes; nothing outside a repository.
fn commit(dir: &Path) -> Option<String> {
    let args = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let out = std::process::Command::new("git").arg("-C").arg(dir).args(args).stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}
