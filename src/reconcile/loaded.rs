//! A stack that was read and checked: what every command begins with, and each pass.

use std::collections::BTreeMap;
use std::path::Path;

use crate::desired::{self, Desired};
use crate::model::{Address, Problems, Starts};
use crate::notify::Channels;
use crate::plan::Wished;
use crate::record::{Location, RecordError};
use crate::session::Stack;

/// A stack that was read and checked.
#[derive(Debug, Clone)]
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

/// Why a folder is no stack.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The YAML is wrong.
    #[error("{}", .0.to_string().trim_end())]
    Yaml(#[from] Problems),
    /// It names a record that cannot be.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Loaded {
    /// Reads and checks the folder; no network.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(dir: &Path) -> Result<Self, Wrong> {
        let desired = desired::load(dir)?;
        let record = Location::parse(&desired.stack.spec.record, dir)?;
        let spec = &desired.stack.spec;
        let stack = Stack {
            name: desired.stack.name.clone(),
            domain: spec.domain.clone(),
            region: spec.region.clone(),
            account: spec.account.clone(),
            record,
            access: spec.access.clone(),
            starts: Starts { at_a_time: spec.idle.max_waking, within: spec.idle.wake_timeout.0 },
        };
        let wishes = desired
            .resources
            .values()
            .map(|one| {
                let wished = Wished { kind: one.kind, spec: one.spec.clone(), protect: one.protect, moved_from: one.moved_from.clone() };
                (one.address.clone(), wished)
            })
            .collect();
        Ok(Self { stack, wishes, desired, commit: commit(dir) })
    }
}

impl Loaded {
    /// Where people are told what happens.
    #[must_use]
    pub fn channels(&self) -> Channels {
        let notify = &self.desired.stack.spec.notify;
        Channels { webhook: notify.webhook.clone(), topic: notify.topic.clone() }
    }
}

/// The commit that the folder is at, with `-dirty` when it has changes; nothing outside a repository.
fn commit(dir: &Path) -> Option<String> {
    let args = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let out = std::process::Command::new("git").arg("-C").arg(dir).args(args).stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}
