//! The ground that whole-estate tests stand on: an emulated AWS (or, on request, a real account), a session on it with a record
//! of its own, and the two verbs that tests are about: plan and apply.
#![allow(dead_code)] // each test binary uses a part of it

use std::collections::{BTreeMap, BTreeSet};

use aws_credential_types::Credentials;
use reeve::apply::Halt;
use reeve::desired::{self, SourceFile};
use reeve::kinds::{AnyLive, lookup};
use reeve::model::plan::{Plan, Scope, Verb};
use reeve::model::report::{Event, Report};
use reeve::model::{Address, hole};
use reeve::observe::{Observed, observe};
use reeve::plan::{Forms, Wished};
use reeve::planes::aws::connect::Options;
use reeve::record::Location;
use reeve::sandbox::{Sandbox, ZONE};
use reeve::session::{Command, Held, Session, Stack, Walk};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// The zone of the second stack.
pub const OTHER_ZONE: &str = "other.example";

pub type Wishes = BTreeMap<Address, Wished>;

/// An AWS.
pub struct Ground {
    sandbox: Option<Sandbox>,
    endpoint: Option<String>,
}

impl Ground {
    /// An emulated AWS of this test's own.
    pub async fn emulated() -> Self {
        let options = reeve::sandbox::Options { zones: vec![ZONE.into(), OTHER_ZONE.into()], ..Default::default() };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts (make setup)");
        Self { endpoint: Some(sandbox.endpoint.clone()), sandbox: Some(sandbox) }
    }

    /// An emulated AWS that is somebody else's.
    pub fn at(endpoint: &str) -> Self {
        Self { sandbox: None, endpoint: Some(endpoint.to_owned()) }
    }

    /// The account that the environment's credentials belong to.
    pub fn real() -> Self {
        Self { sandbox: None, endpoint: None }
    }

    /// A session for a stack of that name. Its record lies in a folder that goes with the estate.
    pub async fn estate(&self, name: &str, domain: &str, wishes: Wishes) -> Estate {
        self.open(name, domain, wishes).await.expect("AWS answers")
    }

    /// The same, when AWS may not answer.
    pub async fn open(&self, name: &str, domain: &str, wishes: Wishes) -> Result<Estate, reeve::session::Error> {
        let record = TempDir::new().expect("a folder");
        let stack = Stack {
            name: name.into(),
            domain: domain.into(),
            region: "us-east-1".into(),
            account: None,
            record: Location::Local(record.path().into()),
            access: reeve::model::Access::default(),
            starts: reeve::model::Starts::default(),
        };
        let options = Options {
            endpoint: self.endpoint.clone(),
            credentials: self.endpoint.as_ref().map(|_| Credentials::new("test", "test", None, None, "tests")),
            ..Options::default()
        };
        let session = Session::open(stack, options).await?;
        Ok(Estate { session, wishes, halt: watch::Sender::new(Halt::No), record })
    }

    /// Where it answers, unless the environment says so.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The example estate.
    pub async fn example(&self) -> Estate {
        self.estate("hostedehr", ZONE, example("hostedehr", ZONE)).await
    }
}

/// What the example estate wishes, as a stack of that name and domain.
pub fn example(name: &str, domain: &str) -> Wishes {
    example_with(name, domain, |text| text)
}

/// The same, its text changed by `edit`.
pub fn example_with(name: &str, domain: &str, edit: impl Fn(String) -> String) -> Wishes {
    let files: Vec<SourceFile> = ["stack.yaml", "tenants/clinics.yaml"]
        .into_iter()
        .map(|path| {
            let whole = format!("{}/desired/hostedehr/{path}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&whole).expect("the example estate");
            let text = text
                .replace("name: hostedehr ", &format!("name: {name} "))
                .replace("hostedehr.org", domain)
                .replace("account: \"123456789012\"", "");
            SourceFile { path: path.into(), text: edit(text) }
        })
        .collect();
    wishes(&files)
}

/// What the files wish.
pub fn wishes(files: &[SourceFile]) -> Wishes {
    let desired = desired::load_sources(files).unwrap_or_else(|problems| panic!("{problems}"));
    desired
        .resources
        .into_values()
        .map(|one| (one.address, Wished { kind: one.kind, spec: one.spec, protect: one.protect, moved_from: one.moved_from }))
        .collect()
}

/// One wish more. A spec may leave out what has a default.
pub fn wish(wishes: &mut Wishes, address: &str, kind: &str, spec: &Value) {
    let kind = lookup(kind).unwrap_or_else(|| panic!("no kind {kind}"));
    let spec = (kind.canonical)(spec).unwrap_or_else(|error| panic!("{address}: {error}"));
    assert_eq!((kind.check)(&spec), [], "{address}");
    wishes.insert(at(address), Wished { kind, spec, protect: false, moved_from: Vec::new() });
}

pub fn at(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A stack, its wishes, and a session on it.
pub struct Estate {
    pub session: Session,
    pub wishes: Wishes,
    /// How an apply that runs is asked to stop.
    pub halt: watch::Sender<Halt>,
    pub record: TempDir,
}

impl Estate {
    pub async fn plan(&self) -> Plan {
        self.plan_with(Scope::default(), false).await
    }

    pub async fn plan_with(&self, scope: Scope, destroy: bool) -> Plan {
        let (plan, _) = self.session.plan(&self.wishes, scope, destroy, None).await.expect("a plan");
        assert_eq!(plan.unreadable, [], "everything can be read");
        plan
    }

    /// Holds the lease for as long as `work` takes.
    pub async fn held<T>(&self, work: impl AsyncFnOnce(&Held) -> T) -> T {
        let held = self.session.hold("test").await.expect("the lease");
        let done = work(&held).await;
        held.release().await.expect("the lease goes back");
        done
    }

    /// Applies `plan`, calling `hook` with each event as it arrives.
    pub async fn walk(&self, plan: &Plan, mut hook: impl AsyncFnMut(&Event)) -> Report {
        self.held(async |held| {
            let (events, mut heard) = mpsc::unbounded_channel();
            let command = Command { line: "test".into(), commit: None, once: false };
            let listen = async {
                while let Some(event) = heard.recv().await {
                    hook(&event).await;
                }
            };
            let (outcome, ()) = tokio::join!(
                self.session.apply(
                    plan,
                    held,
                    &command,
                    Walk { parallelism: 16, waits: None, starting: BTreeMap::new(), events, halt: self.halt.subscribe() }
                ),
                listen
            );
            outcome.expect("an apply").report
        })
        .await
    }

    /// Plans and applies; everything must succeed.
    pub async fn apply(&self) -> Plan {
        let plan = self.plan().await;
        self.apply_plan(&plan).await;
        plan
    }

    pub async fn apply_plan(&self, plan: &Plan) {
        let report = self.walk(plan, async |_| {}).await;
        let failed: Vec<String> = report.failed.iter().map(|one| format!("{} {:?}: {}", one.address, one.what, one.error)).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        assert!(report.is_whole(), "{report:#?}");
    }

    /// There is nothing to do, nothing waits and nothing is refused.
    pub async fn is_converged(&self) {
        let plan = self.plan().await;
        let differs: Vec<String> = changes(&plan);
        assert!(differs.is_empty(), "not converged:\n{}", differs.join("\n"));
        assert_eq!((plan.waiting.len(), plan.refusals.len()), (0, 0), "{:#?} {:#?}", plan.waiting, plan.refusals);
    }

    pub async fn observe(&self) -> Observed {
        let observed = observe(self.session.planes(), &BTreeSet::new(), &BTreeSet::new()).await;
        assert_eq!(observed.unreadable, []);
        observed
    }

    /// Everything that bears this stack's mark or hangs under what does.
    pub async fn live(&self) -> Vec<AnyLive> {
        self.observe().await.live
    }

    /// The live object at `address` (found by mark).
    pub async fn object(&self, address: &str) -> AnyLive {
        let plan = self.plan().await;
        let seen = plan.seen.get(&at(address)).unwrap_or_else(|| panic!("{address} is not live"));
        let (id, kind) = (seen.id.clone(), seen.kind.clone());
        self.live().await.into_iter().find(|one| one.id == id && one.kind == kind).expect("still there")
    }

    /// Deletes what a database server left behind, so that its key may go.
    pub async fn delete_backups(&self, server: &str) {
        let rds = &self.session.connection.aws.rds;
        let snapshots = rds.describe_db_snapshots().db_instance_identifier(server).send().await.expect("snapshots");
        for one in snapshots.db_snapshots() {
            rds.delete_db_snapshot().set_db_snapshot_identifier(one.db_snapshot_identifier.clone()).send().await.expect("it goes");
        }
        let kept = rds.describe_db_instance_automated_backups().db_instance_identifier(server).send().await.expect("backups");
        for one in kept.db_instance_automated_backups() {
            rds.delete_db_instance_automated_backup().set_dbi_resource_id(one.dbi_resource_id.clone()).send().await.expect("it goes");
        }
    }

    pub fn spec(&mut self, address: &str) -> &mut Value {
        &mut self.wishes.get_mut(&at(address)).unwrap_or_else(|| panic!("no wish {address}")).spec
    }
}

/// Renders `spec` as the engine would: references become ids of what `plan` has seen.
pub fn rendered(plan: &Plan, kind: &str, spec: &Value) -> Value {
    let value = |hole: &hole::Hole| {
        let seen = plan.seen.get(&hole.address)?;
        match &hole.attribute {
            None => Some(seen.id.clone()),
            Some(name) if name == "id" => Some(seen.id.clone()),
            Some(name) => seen.attributes.get(name).cloned(),
        }
    };
    let kind = lookup(kind).expect("a kind");
    Forms::render(kind, spec, value).unwrap_or_else(|hole| panic!("{hole:?} is not live")).call
}

/// The changes of a plan in words: for messages, and to compare plans.
pub fn changes(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan
        .changes()
        .map(|one| {
            let edits: Vec<String> =
                one.edits
                    .iter()
                    .map(|edit| {
                        if one.action == Verb::Create {
                            edit.field.clone()
                        } else {
                            format!("{}: {} -> {}", edit.field, edit.from, edit.to)
                        }
                    })
                    .collect();
            format!("{:?} {} {:?} ({}) {}", one.action, one.address, one.cause, one.reason, edits.join("; "))
        })
        .collect();
    lines.extend(plan.leftovers.iter().map(|one| format!("left over {} {}: {}", one.address, one.seen.id, one.reason)));
    lines
}
