//! One emulated AWS for all tests of this binary, a stack of its own for each, and the engine's way of making, changing and dropping.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use aws_credential_types::Credentials;
use reeve::kinds::aws::vpc::Vpc;
use reeve::kinds::{Attributes, Change, Gone, Kind, Live, Naming, New, Ready};
use reeve::model::marks::Applied;
use reeve::model::{Address, Cidr, Marks};
use reeve::planes::Aws;
use reeve::planes::aws::connect::{Options, connect};
use reeve::sandbox::Sandbox;
use serde_json::Value;

fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| {
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut sandbox = Sandbox::start(reeve::sandbox::Options::default()).await.expect("the sandbox starts");
                tell.send(sandbox.endpoint.clone()).expect("somebody listens");
                let _ = sandbox.wait().await; // it ends with this process
            });
        });
        told.recv().expect("the sandbox's endpoint")
    })
}

/// Clients for a stack.
pub async fn stack(name: &str) -> Aws {
    let options = Options {
        stack: name.into(),
        domain: "hostedehr.org".into(),
        region: "us-east-1".into(),
        endpoint: Some(endpoint().to_owned()),
        credentials: Some(Credentials::new("test", "test", None, None, "tests")),
        ..Options::default()
    };
    connect(options).await.expect("the sandbox answers").aws
}

fn marks(cx: &Aws, address: &str, applied: Applied) -> Marks {
    Marks {
        stack: cx.estate.stack.clone(),
        address: Some(Address::parse(address).expect("an address")),
        applied,
        protect: false,
        attempt: "a1".into(),
        retiring: false,
        stays: false,
    }
}

fn finished(cx: &Aws, address: &str) -> Marks {
    marks(cx, address, Applied::parse("v1:abcdef"))
}

/// Makes as apply does, and waits until it is ready.
pub async fn make<K: Kind<Plane = Aws> + Debug>(cx: &Aws, address: &str, want: &K) -> String {
    let before = if K::MANY_CALLS { marks(cx, address, Applied::Unfinished) } else { finished(cx, address) };
    let new = New {
        address: Address::parse(address).unwrap(),
        want: want.clone(),
        marks: before.clone(),
        token: format!("{}-{}", cx.estate.stack, address.replace(['.', '/', '_'], "-")),
        naming: Naming { stack: cx.estate.stack.clone(), salt: String::new() },
    };
    assert!(want.check().is_empty(), "{:?}", want.check());
    let made = K::create(cx, &new).await.unwrap_or_else(|error| panic!("create {address}: {error}"));
    if K::MANY_CALLS {
        let fields = fields(want).into_keys().collect();
        update(cx, address, &made.id, want, want, fields).await;
        K::mark(cx, &made.id, &finished(cx, address)).await.expect("mark");
    }
    for attribute in K::ATTRIBUTES {
        assert!(made.attributes.contains_key(attribute), "{address} does not say its {attribute} when it is made");
    }
    ready::<K>(cx, &made.id).await;
    made.id
}

/// Waits until it is ready.
pub async fn ready<K: Kind<Plane = Aws>>(cx: &Aws, id: &str) -> Attributes {
    for _ in 0..100 {
        match K::ready(cx, id).await.unwrap_or_else(|error| panic!("ready {id}: {error}")) {
            Ready::Yes(attributes) => return attributes,
            Ready::NotYet(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Ready::Failed(why) => panic!("{id} failed: {why}"),
        }
    }
    panic!("{id} is never ready");
}

fn fields<K: Kind>(shape: &K) -> BTreeMap<String, Value> {
    match serde_json::to_value(shape).unwrap() {
        Value::Object(object) => object.into_iter().collect(),
        _ => panic!("a struct"),
    }
}

async fn update<K: Kind<Plane = Aws>>(cx: &Aws, address: &str, id: &str, have: &K, want: &K, fields: BTreeSet<String>) {
    let change = Change {
        address: Address::parse(address).unwrap(),
        id: id.into(),
        attributes: BTreeMap::new(),
        have: have.clone(),
        want: want.clone(),
        fields,
        marks: finished(cx, address),
        token: format!("change-{}", cx.estate.stack),
    };
    K::update(cx, &change).await.unwrap_or_else(|error| panic!("update {address}: {error}"));
}

/// Everything of a kind that a new pass reads.
pub async fn all<K: Kind<Plane = Aws>>(cx: &Aws) -> Vec<Live<K>> {
    K::fetch(&cx.fresh()).await.unwrap_or_else(|error| panic!("fetch {}: {error}", K::NAME))
}

/// Reads back exactly one, and compares it with the wish.
pub async fn is<K: Kind<Plane = Aws> + Debug>(cx: &Aws, id: &str, want: &K) {
    let mut live = all::<K>(cx).await;
    live.retain(|one| one.id == id);
    assert_eq!(live.len(), 1, "{} {id} is read back", K::NAME);
    K::restate(&mut live[0].shape, want);
    assert_eq!(fields(&live[0].shape), fields(want), "{} {id}", K::NAME);
}

/// Changes, twice because an update may be repeated, and reads back.
pub async fn change<K: Kind<Plane = Aws> + Debug>(cx: &Aws, address: &str, id: &str, have: &K, want: &K) {
    let (before, after) = (fields(have), fields(want));
    let differs = |field: &&String| before.get(*field) != after.get(*field);
    let changed: BTreeSet<String> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
    assert!(!changed.is_empty(), "a change changes something");
    assert!(want.check().is_empty(), "{:?}", want.check());
    update(cx, address, id, have, want, changed.clone()).await;
    is(cx, id, want).await;
    update(cx, address, id, have, want, changed).await;
    is(cx, id, want).await;
}

/// Drops, twice because what is gone is gone, and reads back nothing.
pub async fn drop<K: Kind<Plane = Aws>>(cx: &Aws, address: &str, id: &str, have: &K) {
    let gone = Gone { address: Address::parse(address).unwrap(), id: id.into(), attributes: BTreeMap::new(), have: have.clone() };
    for _ in 0..2 {
        K::delete(cx, &gone).await.unwrap_or_else(|error| panic!("delete {address}: {error}"));
    }
    for _ in 0..100 {
        match K::ready(cx, id).await {
            Ok(_) if K::LINGERS => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => break,
        }
    }
    assert!(all::<K>(cx).await.iter().all(|one| one.id != id), "{} {id} is gone", K::NAME);
}

/// A network to put things in.
pub async fn vpc(cx: &Aws) -> String {
    let want = Vpc { cidr_block: cidr("10.20.0.0/16"), enable_dns_hostnames: true, enable_dns_support: true };
    make(cx, "vpc.vpc", &want).await
}

/// A block.
pub fn cidr(text: &str) -> Cidr {
    Cidr::parse(text).expect("a block")
}

/// A kind from JSON, as a module writes it.
pub fn spec<K: Kind>(value: Value) -> K {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", K::NAME))
}
