//! The pure part alone, in a process of its own so that its peak of memory is its own: reading, expansion, diff; no network.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reeve::desired;
use reeve::kinds::{AnyLive, Tags};
use reeve::model::marks::Applied;
use reeve::model::plan::Scope;
use reeve::model::{Address, Marks, hole};
use reeve::observe::Observed;
use reeve::plan::{Forms, Input, Wished, plan};
use reeve::planes::aws::stats::peak_memory;
use serde_json::{Value, json};

use crate::estate::Estate;

/// The argument with which the benchmark calls itself.
pub const ARGUMENT: &str = "--pure-of-folder";
/// Each is done this often, and the mean counts.
const TIMES: u32 = 10;

/// What it cost.
#[derive(Debug)]
pub struct Cost {
    pub tenants: usize,
    pub resources: u64,
    pub read: Duration,
    pub plan: Duration,
    pub peak_bytes: u64,
    pub work: u64,
}

impl Cost {
    pub fn total(&self) -> Duration {
        self.read + self.plan
    }
}

/// Measures `tenants` tenants.
pub fn measure(tenants: usize) -> Cost {
    let estate = Estate::new(tenants);
    let own = std::env::current_exe().expect("the benchmark's own path");
    let out = Command::new(own).arg(ARGUMENT).arg(estate.path()).output().expect("the benchmark calls itself");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let told: Value = serde_json::from_slice(&out.stdout).expect("what it tells");
    let number = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name} in {told}"));
    Cost {
        tenants,
        resources: number("resources"),
        read: Duration::from_micros(number("read_us")),
        plan: Duration::from_micros(number("plan_us")),
        peak_bytes: number("peak_bytes"),
        work: number("work"),
    }
}

/// What the process that measures does.
pub fn child(folder: &Path) {
    let mut loaded = None;
    let began = processor_time();
    for _ in 0..TIMES {
        drop(loaded.take()); // one stack at a time, as in a real run
        loaded = Some(load(folder));
    }
    let read = (processor_time() - began) / TIMES;
    let (wishes, work) = loaded.expect("a stack");
    let observed = Observed { live: wishes.iter().map(|(address, wish)| live(address, wish)).collect(), ..Observed::default() };
    let history = BTreeMap::new();
    let began = processor_time();
    for _ in 0..TIMES {
        let plan = plan(&Input {
            stack: "hostedehr",
            account: "123456789012",
            region: "us-east-1",
            domain: "hostedehr.org",
            record: None,
            access: reeve::model::Access::default(),
            starts: reeve::model::Starts::default(),
            wishes: &wishes,
            observed: &observed,
            history: &history,
            made: &BTreeMap::new(),
            before: &BTreeMap::new(),
            scope: Scope::default(),
            destroy: false,
        })
        .expect("a plan");
        reeve::plan::order::steps(&plan).expect("an order");
        reeve::session::seal(&plan).expect("a digest");
        assert!(plan.is_empty() && plan.refusals.is_empty(), "{} changes", plan.changes().count());
        assert!(plan.actions.len() >= wishes.len(), "every wish was looked at");
    }
    let planned = (processor_time() - began) / TIMES;
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let told = json!({ "resources": wishes.len(), "read_us": us(read), "plan_us": us(planned), "peak_bytes": peak_memory(), "work": work });
    println!("{told}");
}

/// What this process has had of the processors: what else runs on the machine is not in it. Linux counts in hundredths of a second.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells of processes");
    // Behind the name, which stands in parentheses, the 12th and 13th: in the program, and in the kernel for it.
    let after = stat.rsplit_once(") ").expect("a name").1;
    let ticks: u64 = after.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

fn load(folder: &Path) -> (BTreeMap<Address, Wished>, usize) {
    let desired = desired::load(folder).unwrap_or_else(|problems| panic!("{problems}"));
    let wishes = desired
        .resources
        .into_iter()
        .map(|(address, one)| (address, Wished { kind: one.kind, spec: one.spec, protect: one.protect, moved_from: one.moved_from }))
        .collect();
    (wishes, desired.work)
}

/// The live object that an apply of `wish` would leave.
fn live(address: &Address, wish: &Wished) -> AnyLive {
    let value = |hole: &hole::Hole| {
        Some(match &hole.attribute {
            None => format!("id:{}", hole.address),
            Some(attribute) => format!("{attribute}-of-{}", hole.address),
        })
    };
    let forms = Forms::render(wish.kind, &wish.spec, value).expect("everything is known");
    let bare = wish.kind.tags == Tags::None && (wish.kind.singleton || !wish.kind.key.is_empty());
    let marks = Marks {
        stack: "hostedehr".into(),
        address: Some(address.clone()),
        applied: Applied::of(wish.kind.info().set_fields(&forms.compare)),
        protect: wish.protect,
        attempt: "run-1".into(),
        retiring: false,
        stays: false,
    };
    let names = wish.kind.attributes.iter().chain(wish.kind.late);
    AnyLive {
        kind: wish.kind.name,
        id: format!("id:{address}"),
        attributes: names.map(|name| ((*name).to_owned(), format!("{name}-of-{address}"))).collect(),
        shape: forms.call,
        marks: if bare { Marks::default() } else { marks },
        made_at: String::new(),
    }
}
