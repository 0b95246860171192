//! The whole way against the emulated AWS: an apply, and a plan that finds nothing to change.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use reeve::apply::Halt;
use reeve::desired;
use reeve::model::Address;
use reeve::model::plan::Scope;
use reeve::plan::Wished;
use reeve::planes::aws::connect::Options;
use reeve::planes::aws::stats::Stats;
use reeve::record::Location;
use reeve::sandbox::{self, Sandbox};
use reeve::session::{Command, Session, Stack, Walk};
use tokio::sync::{mpsc, watch};

/// As `reeve apply` does without `--parallelism`.
const PARALLELISM: usize = 16;

/// What one thing cost.
#[derive(Debug)]
#[allow(dead_code, reason = "the bench reads all of it, the test of calls only a part")]
pub struct Cost {
    pub calls: BTreeMap<String, u64>,
    pub wall: Duration,
}

impl Cost {
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// An AWS of its own, empty at first.
#[derive(Debug)]
pub struct Emulated(Sandbox);

impl Emulated {
    /// Starts it.
    pub async fn start() -> Self {
        Self(Sandbox::start(sandbox::Options::default()).await.expect("the sandbox starts (make setup)"))
    }

    /// Applies the stack in `folder` as `reeve apply` does, reading included: how many resources, and the cost.
    pub async fn apply(&self, folder: &Path) -> (usize, Cost) {
        let began = Instant::now();
        let (session, wishes) = self.open(folder).await;
        let command = Command { line: "bench".into(), commit: None, once: false };
        let held = session.hold(&command.line).await.expect("the lease");
        let (plan, _) = session.plan(&wishes, Scope::default(), false, None).await.expect("a plan");
        let (events, mut received) = mpsc::unbounded_channel();
        let (_halt, halt) = watch::channel(Halt::No);
        let listening = async { while received.recv().await.is_some() {} };
        let (outcome, ()) = tokio::join!(
            session.apply(
                &plan,
                &held,
                &command,
                Walk { parallelism: PARALLELISM, waits: None, starting: std::collections::BTreeMap::new(), events, halt }
            ),
            listening
        );
        let report = outcome.expect("an apply").report;
        assert!(report.is_whole(), "{report:?}");
        held.release().await.expect("the lease is given back");
        (wishes.len(), Cost { calls: session.connection.stats.calls(), wall: began.elapsed() })
    }

    /// Plans the stack in `folder`, reading included, which must find nothing to change.
    pub async fn plan_without_changes(&self, folder: &Path) -> Cost {
        let began = Instant::now();
        let (session, wishes) = self.open(folder).await;
        let (plan, _) = session.plan(&wishes, Scope::default(), false, None).await.expect("a plan");
        let cost = Cost { calls: session.connection.stats.calls(), wall: began.elapsed() };
        let changes: Vec<String> = plan.changes().map(|action| format!("{:?} {}", action.action, action.address)).collect();
        assert!(changes.is_empty() && plan.unreadable.is_empty(), "{changes:?} {:?}", plan.unreadable);
        cost
    }

    async fn open(&self, folder: &Path) -> (Session, BTreeMap<Address, Wished>) {
        let desired = desired::load(folder).unwrap_or_else(|problems| panic!("{problems}"));
        let spec = &desired.stack.spec;
        let stack = Stack {
            name: desired.stack.name.clone(),
            domain: spec.domain.clone(),
            region: spec.region.clone(),
            account: spec.account.clone(),
            record: Location::S3,
            access: reeve::model::Access::default(),
            starts: reeve::model::Starts::default(),
        };
        let options = Options {
            endpoint: Some(self.0.endpoint.clone()),
            credentials: Some(Credentials::new("test", "test", None, None, "bench")),
            stats: Stats::default(),
            ..Options::default()
        };
        let session = Session::open(stack, options).await.expect("the sandbox answers");
        let wishes = desired
            .resources
            .into_iter()
            .map(|(address, one)| (address, Wished { kind: one.kind, spec: one.spec, protect: one.protect, moved_from: one.moved_from }))
            .collect();
        (session, wishes)
    }
}
