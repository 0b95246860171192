//! One emulated AWS for all tests of this binary (each has a stack of its own), and the life of an object from end to end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reeve::kinds::{Change, Gone, Kind, Live, Made, Naming, New, Ready};
use reeve::model::marks::Applied;
use reeve::model::{Address, Marks};
use reeve::planes::aws::connect::{Options, connect};
use reeve::planes::aws::faults::Faults;
use reeve::planes::{Aws, Result};
use reeve::sandbox::Sandbox;
use serde_json::Value;

static SANDBOX: tokio::sync::OnceCell<Sandbox> = tokio::sync::OnceCell::const_new();

/// The account as `stack` sees it.
pub async fn account(stack: &str) -> Aws {
    faulty(stack, None).await
}

/// The same, with faults on the way.
pub async fn faulty(stack: &str, faults: Option<Faults>) -> Aws {
    let sandbox = SANDBOX.get_or_init(|| async { Sandbox::start(reeve::sandbox::Options::default()).await.expect("a sandbox") }).await;
    let options = Options {
        stack: stack.to_owned(),
        domain: "hostedehr.org".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(sandbox.endpoint.clone()),
        credentials: Some(aws_credential_types::Credentials::new("test", "test", None, None, "test")),
        faults,
        ..Options::default()
    };
    connect(options).await.expect("a connection").aws
}

/// One resource of a stack, from its creation to its end.
pub struct Life<'a> {
    pub aws: &'a Aws,
    pub address: &'a str,
}

impl Life<'_> {
    pub fn marks(&self) -> Marks {
        Marks {
            stack: self.aws.estate.stack.clone(),
            address: Some(Address::parse(self.address).expect("an address")),
            applied: Applied::parse("v1:ab1234"),
            protect: true,
            attempt: format!("attempt-{}", self.address.replace(['.', '/', '_'], "-")),
            retiring: false,
            stays: false,
        }
    }

    /// Its creation, which may fail.
    pub async fn tries<K: Kind<Plane = Aws>>(&self, want: &K) -> Result<Made> {
        let address = Address::parse(self.address).expect("an address");
        let unfinished = Marks { applied: Applied::Unfinished, ..self.marks() };
        let new = New {
            address: address.clone(),
            want: want.clone(),
            marks: if K::MANY_CALLS { unfinished.clone() } else { self.marks() },
            token: format!("{}-{}", self.aws.estate.stack, self.address.replace(['.', '/', '_'], "-")),
            naming: Naming { stack: self.aws.estate.stack.clone(), salt: String::new() },
        };
        K::create(self.aws, &new).await
    }

    pub async fn create<K: Kind<Plane = Aws>>(&self, want: &K) -> Made {
        let made = self.tries(want).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        assert!(!made.id.is_empty());
        for name in K::ATTRIBUTES {
            assert!(made.attributes.get(name).is_some_and(|value| !value.is_empty()), "{} made without {name}", K::NAME);
        }
        if K::MANY_CALLS {
            self.change(&made.id, want, want, json(want).as_object().expect("fields").keys().cloned().collect()).await;
            K::mark(self.aws, &made.id, &self.marks()).await.expect("a mark");
        }
        self.until_ready::<K>(&made.id).await;
        made
    }

    async fn until_ready<K: Kind<Plane = Aws>>(&self, id: &str) {
        for _ in 0..100 {
            match K::ready(self.aws, id).await.expect("an answer") {
                Ready::Yes(attributes) => {
                    for name in K::ATTRIBUTES.iter().chain(K::LATE) {
                        assert!(attributes.get(name).is_some_and(|value| !value.is_empty()), "{} ready without {name}", K::NAME);
                    }
                    return;
                }
                Ready::NotYet(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                Ready::Failed(why) => panic!("{}: {why}", K::NAME),
            }
        }
        panic!("{} is never ready", K::NAME);
    }

    async fn change<K: Kind<Plane = Aws>>(&self, id: &str, have: &K, want: &K, fields: BTreeSet<String>) {
        let change = Change {
            address: Address::parse(self.address).expect("an address"),
            id: id.to_owned(),
            attributes: BTreeMap::new(),
            have: have.clone(),
            want: want.clone(),
            fields,
            marks: self.marks(),
            token: "change".to_owned(),
        };
        K::update(self.aws, &change).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        K::update(self.aws, &change).await.unwrap_or_else(|error| panic!("{} repeated: {error}", K::NAME));
    }

    /// The live object; `None` when the stack has none of that id.
    pub async fn live<K: Kind<Plane = Aws>>(&self, id: &str) -> Option<Live<K>> {
        let all = K::fetch(&self.aws.fresh()).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        all.into_iter().find(|live| live.id == id)
    }

    async fn expect<K: Kind<Plane = Aws>>(&self, id: &str, want: &K) {
        let live = self.live::<K>(id).await.unwrap_or_else(|| panic!("{} {id} is not found again", K::NAME));
        let mut have = live.shape;
        K::restate(&mut have, want);
        let (have, want) = (json(&have), json(want));
        let names: BTreeSet<&String> = have.as_object().into_iter().chain(want.as_object()).flat_map(|o| o.keys()).collect();
        for name in names {
            assert_eq!(have.get(name), want.get(name), "{} {id}: {name}", K::NAME);
        }
        if K::KEY.is_empty() {
            assert_eq!(live.marks, self.marks(), "{} {id}", K::NAME);
        }
    }

    /// Makes `wishes[0]`, turns it into each of the others, and lets it be.
    pub async fn lives<K: Kind<Plane = Aws>>(&self, wishes: &[K]) -> Made {
        let made = self.create(&wishes[0]).await;
        self.expect(&made.id, &wishes[0]).await;
        let stranger = account("stranger").await;
        assert!(K::fetch(&stranger).await.expect("a listing").is_empty(), "{}: a stranger sees it", K::NAME);
        for pair in wishes.windows(2) {
            let (from, to) = (json(&pair[0]), json(&pair[1]));
            let names: BTreeSet<&String> = from.as_object().into_iter().chain(to.as_object()).flat_map(|o| o.keys()).collect();
            let fields = names.into_iter().filter(|name| from.get(name) != to.get(name)).cloned().collect();
            self.change(&made.id, &pair[0], &pair[1], fields).await;
            self.expect(&made.id, &pair[1]).await;
        }
        let retiring = Marks { retiring: true, ..self.marks() };
        K::mark(self.aws, &made.id, &retiring).await.expect("a mark");
        if K::KEY.is_empty() {
            assert!(self.live::<K>(&made.id).await.expect("still there").marks.retiring, "{}", K::NAME);
        }
        made
    }

    /// Deletes it, twice.
    pub async fn dies<K: Kind<Plane = Aws>>(&self, id: &str) {
        let have = self.live::<K>(id).await.expect("still there");
        let attributes = have.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let address = Address::parse(self.address).expect("an address");
        let gone = Gone { address, id: id.to_owned(), attributes, have: have.shape };
        K::delete(self.aws, &gone).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        K::delete(self.aws, &gone).await.unwrap_or_else(|error| panic!("{} again: {error}", K::NAME));
        for _ in 0..100 {
            match K::ready(self.aws, id).await {
                Ok(_) if K::LINGERS => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => break,
            }
        }
        assert!(self.live::<K>(id).await.is_none(), "{} {id} is still found", K::NAME);
    }
}

pub fn json<K: Kind>(kind: &K) -> Value {
    serde_json::to_value(kind).expect("JSON")
}

/// A wish from YAML, as it comes out of a module.
pub fn wish<K: Kind>(spec: Value) -> K {
    let wish: K = serde_json::from_value(spec).expect("a wish that fits its kind");
    assert_eq!(wish.check(), [], "{}", K::NAME);
    wish
}

/// A VPC's default group and three subnets in it, which no test of this area is about.
pub struct Network {
    pub subnets: Vec<String>,
    pub groups: [String; 2],
}

pub async fn network(aws: &Aws) -> Network {
    let vpc = aws.ec2.create_vpc().cidr_block("10.20.0.0/16").send().await.expect("a VPC").vpc.expect("a VPC");
    let vpc = vpc.vpc_id.expect("an id");
    let mut subnets = Vec::new();
    for (at, zone) in ["us-east-1a", "us-east-1b", "us-east-1c"].iter().enumerate() {
        let made = aws.ec2.create_subnet().vpc_id(&vpc).availability_zone(*zone).cidr_block(format!("10.20.{at}.0/24")).send().await;
        subnets.push(made.expect("a subnet").subnet.expect("a subnet").subnet_id.expect("an id"));
    }
    let group = |name: &'static str| {
        let call = aws.ec2.create_security_group().group_name(name).description(name).vpc_id(&vpc);
        async move { call.send().await.expect("a group").group_id.expect("an id") }
    };
    Network { groups: [group("one").await, group("two").await], subnets }
}
