//! An emulated AWS of one test's own, sessions on it with and without faults, and the command that all of these tests are about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws_credential_types::Credentials;
use reeve::apply::Halt;
use reeve::desired;
use reeve::model::Address;
use reeve::model::plan::{Plan, Scope};
use reeve::model::report::{Event, Report};
use reeve::plan::{Wished, references};
use reeve::planes::aws::connect::Options;
use reeve::planes::aws::faults::Faults;
use reeve::record::{Location, Record};
use reeve::sandbox::Sandbox;
use reeve::session::{Command, Error, Held, Outcome, Session, Stack, Walk};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::inventory::Inventory;

pub type Wishes = BTreeMap<Address, Wished>;

/// The example estate.
pub fn whole() -> Wishes {
    let desired = desired::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr")).unwrap_or_else(|told| panic!("{told}"));
    desired
        .resources
        .into_values()
        .map(|one| (one.address, Wished { kind: one.kind, spec: one.spec, protect: one.protect, moved_from: one.moved_from }))
        .collect()
}

/// Of the example estate, the resources whose addresses begin like this, and all that they refer to.
pub fn part(prefixes: &[&str]) -> Wishes {
    part_of(whole(), prefixes)
}

/// The same of other wishes.
pub fn part_of(all: Wishes, prefixes: &[&str]) -> Wishes {
    let mut wanted: BTreeSet<Address> =
        all.keys().filter(|address| prefixes.iter().any(|prefix| address.to_string().starts_with(prefix))).cloned().collect();
    let mut todo: Vec<Address> = wanted.iter().cloned().collect();
    while let Some(address) = todo.pop() {
        let Some(wish) = all.get(&address) else { continue };
        references(wish.kind.info(), &wish.spec, |_, hole| {
            if wanted.insert(hole.address.clone()) {
                todo.push(hole.address);
            }
        });
    }
    all.into_iter().filter(|(address, _)| wanted.contains(address)).collect()
}

/// A network, a file system and what they need.
pub fn small() -> Wishes {
    part(&["vpc.", "files."])
}

pub fn at(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// An AWS, a record, and what is wished.
pub struct World {
    pub sandbox: Sandbox,
    pub record: TempDir,
    pub wishes: Wishes,
}

impl World {
    pub async fn new(mut wishes: Wishes) -> Self {
        // Faults are thrown on AWS's wire; the inner planes have no way in here.
        wishes.retain(|_, wish| wish.kind.plane() == "aws");
        let sandbox = Sandbox::start(reeve::sandbox::Options::default()).await.expect("the sandbox starts (make setup)");
        Self { sandbox, record: TempDir::new().expect("a folder"), wishes }
    }

    pub fn spec(&mut self, address: &str) -> &mut serde_json::Value {
        &mut self.wishes.get_mut(&at(address)).unwrap_or_else(|| panic!("no wish {address}")).spec
    }

    /// An empty account and an empty record.
    pub async fn reset(&mut self) {
        self.sandbox.reset().await.expect("an empty account");
        self.record = TempDir::new().expect("a folder");
    }

    /// A session without faults.
    pub async fn session(&self) -> Session {
        self.open(None).await
    }

    /// A session with faults.
    pub async fn faulty(&self, faults: &Faults) -> Session {
        self.open(Some(faults.clone())).await
    }

    async fn open(&self, faults: Option<Faults>) -> Session {
        let stack = Stack {
            name: "hostedehr".into(),
            domain: "hostedehr.org".into(),
            region: "us-east-1".into(),
            account: None,
            record: Location::Local(self.record.path().into()),
            access: reeve::model::Access::default(),
            starts: reeve::model::Starts::default(),
        };
        let options = Options {
            endpoint: Some(self.sandbox.endpoint.clone()),
            credentials: Some(Credentials::new("test", "test", None, None, "tests")),
            faults,
            ..Options::default()
        };
        Session::open(stack, options).await.expect("AWS answers")
    }

    /// The record, for reading and unlocking.
    pub async fn record(&self) -> Record {
        self.session().await.record()
    }

    /// `reeve apply` in a process of its own.
    pub async fn apply(&self, session: &Session) -> (Plan, Report) {
        run(session, &self.wishes).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same command until it says that all is done: `tries` times at most. The answer is how often that was.
    pub async fn apply_until_whole(&self, session: &Session, tries: usize, what: &str) -> usize {
        let mut last = String::new();
        for turn in 1..=tries {
            match run(session, &self.wishes).await {
                Ok((plan, report)) if report.is_whole() && plan.unreadable.is_empty() && plan.waiting.is_empty() => return turn,
                Ok((plan, report)) => {
                    last = format!("failed {:#?} unreadable {:?} waiting {:?}", report.failed, plan.unreadable, plan.waiting);
                }
                Err(error) => last = error.to_string(),
            }
            eprintln!("{what}: turn {turn}: {}", words(&last));
        }
        panic!("{what}: not whole after {tries} applies: {last}");
    }

    /// The plan is empty, each address is live exactly once, and AWS holds what `want` says, object by object.
    pub async fn is_converged(&self, want: &Inventory, what: &str) {
        let session = self.session().await;
        let plan = plan(&session, &self.wishes).await;
        assert_eq!(changes(&plan), Vec::<String>::new(), "{what}: the plan is not empty");
        assert!(plan.unreadable.is_empty() && plan.waiting.is_empty() && plan.refusals.is_empty(), "{what}: {plan:#?}");
        let live: BTreeSet<&Address> = plan.seen.keys().filter(|address| !address.is_lookup()).collect();
        assert_eq!(live, self.wishes.keys().collect(), "{what}");
        let have = Inventory::take(&session.connection.aws).await;
        assert_eq!(have.differs_from(want), Vec::<String>::new(), "{what}: AWS holds something else than after an apply without faults");
        let verified = session.record().verify().await.expect("a journal");
        assert_eq!(verified.problems, vec![], "{what}: the journal is not whole");
    }

    /// What AWS holds after an apply without faults, and the changes that it took. Leaves an empty account.
    pub async fn clean(&mut self) -> (Inventory, Vec<String>) {
        let faults = Faults::new(0);
        let session = self.faulty(&faults).await;
        let (_, report) = self.apply(&session).await;
        assert!(report.is_whole(), "{report:#?}");
        let inventory = Inventory::take(&self.session().await.connection.aws).await;
        self.is_converged(&inventory, "without faults").await;
        self.reset().await;
        (inventory, faults.changes())
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(1500).collect()
}

pub async fn plan(session: &Session, wishes: &Wishes) -> Plan {
    session.plan(wishes, Scope::default(), false, None).await.unwrap_or_else(|error| panic!("{error}")).0
}

/// Locks, plans, applies and unlocks.
pub async fn run(session: &Session, wishes: &Wishes) -> Result<(Plan, Report), Error> {
    run_or_destroy(session, wishes, Scope::default(), false).await
}

/// The same, or its destruction.
pub async fn run_or_destroy(session: &Session, wishes: &Wishes, scope: Scope, destroy: bool) -> Result<(Plan, Report), Error> {
    let held = session.hold("test").await?;
    let outcome = async {
        let (plan, _) = session.plan(wishes, scope, destroy, None).await?;
        let report = walk(session, &plan, &held, watch::channel(Halt::No).1, |_| {}).await?;
        Ok((plan, report))
    }
    .await;
    held.release().await?;
    outcome
}

/// Applies a plan, telling `hear` of each event.
pub async fn walk(
    session: &Session,
    plan: &Plan,
    held: &Held,
    halt: watch::Receiver<Halt>,
    hear: impl FnMut(&Event),
) -> Result<Report, Error> {
    Ok(carry_out(16, session, plan, held, halt, hear).await?.report)
}

/// The same with so many steps at a time; also what the command ends with.
pub async fn carry_out(
    parallelism: usize,
    session: &Session,
    plan: &Plan,
    held: &Held,
    halt: watch::Receiver<Halt>,
    mut hear: impl FnMut(&Event),
) -> Result<Outcome, Error> {
    let (events, mut heard) = mpsc::unbounded_channel();
    let command = Command { line: "test".into(), commit: None, once: false };
    let listen = async {
        while let Some(event) = heard.recv().await {
            hear(&event);
        }
    };
    let (outcome, ()) = tokio::join!(
        session.apply(plan, held, &command, Walk { parallelism, waits: None, starting: BTreeMap::new(), events, halt }),
        listen
    );
    outcome
}

/// The changes of a plan in words.
pub fn changes(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan
        .changes()
        .map(|one| {
            let edits: Vec<String> = one.edits.iter().map(|edit| format!("{}: {} -> {}", edit.field, edit.from, edit.to)).collect();
            format!("{:?} {} ({}) {}", one.action, one.address, one.reason, edits.join("; "))
        })
        .collect();
    lines.extend(plan.leftovers.iter().map(|one| format!("left over {} {}: {}", one.address, one.seen.id, one.reason)));
    lines
}
