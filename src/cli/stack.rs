//! From a stack's folder to an open session: what every command begins with.

use std::collections::BTreeMap;
use std::path::Path;

use super::terminal::Terminal;
use super::{Failure, code};
use crate::desired::{self, Desired};
use crate::model::Address;
use crate::plan::Wished;
use crate::planes::aws::connect::Options;
use crate::record::Location;
use crate::session::{Session, Stack};

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
    let desired = desired::load(dir).map_err(|problems| Failure::new(code::ERROR, problems.to_string().trim_end().to_owned()))?;
    let record = Location::parse(&desired.stack.spec.record, dir).map_err(|error| Failure::new(code::ERROR, error.to_string()))?;
    let stack = Stack {
        name: desired.stack.name.clone(),
        domain: desired.stack.spec.domain.clone(),
        region: desired.stack.spec.region.clone(),
        account: desired.stack.spec.account.clone(),
        record,
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

/// Connects.
pub async fn connect(loaded: &Loaded, terminal: &Terminal) -> Result<Session, Failure> {
    loaded.warn(terminal);
    let options = Options { stats: terminal.counted.clone(), ..Options::default() };
    Ok(Session::open(loaded.stack.clone(), options).await?)
}

/// The commit that the folder is at, with `-dirty` when it has changes; nothing outside a repository.
fn commit(dir: &Path) -> Option<String> {
    let args = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let out = std::process::Command::new("git").arg("-C").arg(dir).args(args).stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}
