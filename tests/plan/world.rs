//! A world in memory: wishes written as JSON, and the live objects that an apply of them would leave.

use std::collections::{BTreeMap, BTreeSet};

use reeve::kinds::{AnyLive, lookup};
use reeve::model::marks::Applied;
use reeve::model::plan::{Action, Plan, Scope, Unreadable, Verb};
use reeve::model::{Address, Marks, hole};
use reeve::observe::Observed;
use reeve::plan::{Conflict, Forms, Input, Wished, plan};
use serde_json::{Value, json};

pub const STACK: &str = "hostedehr";

pub fn at(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// The text of a reference.
pub fn to(address: &str) -> String {
    hole::text(&at(address), None)
}

#[derive(Clone, Default)]
pub struct World {
    pub wishes: BTreeMap<Address, Wished>,
    pub observed: Observed,
    pub history: BTreeMap<Address, Applied>,
    pub made: BTreeMap<(String, String), Address>,
    pub before: BTreeMap<(String, String), Address>,
    pub scope: Scope,
    pub destroy: bool,
}

impl World {
    /// A small network: a VPC, two subnets, two groups that point at each other and may talk to everybody.
    pub fn network() -> Self {
        let mut world = Self::default();
        world.wish("vpc.vpc", "aws.vpc", json!({ "cidr_block": "10.20.0.0/16" }));
        for (key, cidr) in [("a", "10.20.0.0/20"), ("b", "10.20.16.0/20")] {
            world.wish(
                &format!("vpc.private/{key}"),
                "aws.subnet",
                json!({ "vpc": to("vpc.vpc"), "availability_zone": format!("us-east-1{key}"), "cidr_block": cidr }),
            );
        }
        let everybody = json!([{ "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0" }]);
        for (one, other) in [("app", "db"), ("db", "app")] {
            world.wish(
                &format!("vpc.{one}"),
                "aws.security_group",
                json!({ "vpc": to("vpc.vpc"), "description": one, "ingress": [
                    { "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "group": to(&format!("vpc.{other}")) }], "egress": everybody }),
            );
        }
        world
    }

    /// With a file system and its mount targets, which bear no marks of their own.
    pub fn files() -> Self {
        let mut world = Self::network();
        world.wish("files.file_system", "aws.file_system", json!({}));
        world.wishes.get_mut(&at("files.file_system")).unwrap().protect = true;
        for key in ["a", "b"] {
            world.wish(
                &format!("files.mount/{key}"),
                "aws.mount_target",
                json!({ "file_system": to("files.file_system"), "subnet": to(&format!("vpc.private/{key}")), "security_groups": [to("vpc.app")] }),
            );
        }
        world
    }

    pub fn wish(&mut self, address: &str, kind: &str, spec: Value) {
        let kind = lookup(kind).unwrap_or_else(|| panic!("no kind {kind}"));
        let spec = (kind.canonical)(&spec).unwrap_or_else(|error| panic!("{address}: {error}"));
        self.wishes.insert(at(address), Wished { kind, spec, protect: false, moved_from: Vec::new() });
    }

    /// The wish's spec, to be changed.
    pub fn spec(&mut self, address: &str) -> &mut Value {
        &mut self.wishes.get_mut(&at(address)).unwrap().spec
    }

    /// The live object's shape, to be changed behind our back.
    pub fn shape(&mut self, address: &str) -> &mut Value {
        let id = id_of(&at(address));
        &mut self.observed.live.iter_mut().find(|one| one.id == id).unwrap_or_else(|| panic!("{address} is not live")).shape
    }

    pub fn live(&mut self, address: &str) -> &mut AnyLive {
        let id = id_of(&at(address));
        self.observed.live.iter_mut().find(|one| one.id == id).unwrap()
    }

    pub fn vanish(&mut self, address: &str) {
        let id = id_of(&at(address));
        self.observed.live.retain(|one| one.id != id);
    }

    /// Everything wished is live, as an apply would leave it.
    pub fn applied(mut self) -> Self {
        let wishes = self.wishes.clone();
        self.observed.live = wishes.iter().map(|(address, wish)| live(address, wish)).collect();
        self.history = wishes.iter().map(|(address, wish)| (address.clone(), mark(wish))).collect();
        let bare = self.observed.live.iter().filter(|one| one.marks.address.is_none());
        self.made = bare.map(|one| ((one.kind.to_owned(), one.id.clone()), at(&one.id["id:".len()..]))).collect();
        self
    }

    pub fn unreadable(mut self, kind: &str) -> Self {
        self.observed.live.retain(|one| one.kind != kind);
        self.observed.unreadable.push(Unreadable { kind: kind.into(), error: "ec2.Describe: RequestLimitExceeded".into() });
        self
    }

    pub fn try_plan(&self) -> Result<Plan, Conflict> {
        plan(&Input {
            stack: STACK,
            account: "123456789012",
            region: "us-east-1",
            domain: "hostedehr.org",
            record: None,
            access: reeve::model::Access::default(),
            starts: reeve::model::Starts::default(),
            wishes: &self.wishes,
            observed: &self.observed,
            history: &self.history,
            made: &self.made,
            before: &self.before,
            scope: self.scope.clone(),
            destroy: self.destroy,
        })
    }

    pub fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }
}

/// The id that an address gets in these worlds.
pub fn id_of(address: &Address) -> String {
    format!("id:{address}")
}

fn value(hole: &hole::Hole) -> Option<String> {
    Some(match &hole.attribute {
        None => id_of(&hole.address),
        Some(attribute) => format!("{attribute}-of-{}", hole.address),
    })
}

fn mark(wish: &Wished) -> Applied {
    let forms = Forms::render(wish.kind, &wish.spec, value).unwrap();
    Applied::of(wish.kind.info().set_fields(&forms.compare))
}

pub fn live(address: &Address, wish: &Wished) -> AnyLive {
    let forms = Forms::render(wish.kind, &wish.spec, value).unwrap();
    let bare = wish.kind.tags == reeve::kinds::Tags::None && (wish.kind.singleton || !wish.kind.key.is_empty());
    let marks = Marks {
        stack: STACK.into(),
        address: Some(address.clone()),
        applied: mark(wish),
        protect: wish.protect,
        attempt: "run-1".into(),
        retiring: false,
        stays: false,
    };
    let names: BTreeSet<&str> = wish.kind.attributes.iter().chain(wish.kind.late).copied().collect();
    AnyLive {
        kind: wish.kind.name,
        id: id_of(address),
        attributes: names.into_iter().map(|name| (name.to_owned(), format!("{name}-of-{address}"))).collect(),
        shape: forms.call,
        marks: if bare { Marks::default() } else { marks },
        made_at: String::new(),
    }
}

/// The changes of a plan: address, verb, causes.
pub fn changes(plan: &Plan) -> Vec<(String, Verb, Vec<&'static str>)> {
    let word = |action: &Action| action.cause.iter().map(|one| reeve::view::cause(*one)).collect();
    plan.changes().map(|action| (action.address.to_string(), action.action, word(action))).collect()
}
