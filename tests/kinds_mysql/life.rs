//! One server and one emulated AWS for all tests of this binary (each has a stack of its own), and the life of an object from end to end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use reeve::kinds::mysql::schema::Schema;
use reeve::kinds::mysql::user::User;
use reeve::kinds::{Change, Gone, Kind, Live, Made, Naming, New, Ready};
use reeve::model::marks::Applied;
use reeve::model::{Access, Address, Marks, Secret};
use reeve::planes::aws::connect::{Options, connect};
use reeve::planes::aws::stats::Stats;
use reeve::planes::facts::Facts;
use reeve::planes::{Aws, Mysql, Plane, Planes, Result};
use reeve::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::mariadb::Mariadb;

static SANDBOX: tokio::sync::OnceCell<Sandbox> = tokio::sync::OnceCell::const_new();

/// The server that all tests share, but for those that count or break something.
pub fn server() -> &'static Mariadb {
    static SERVER: OnceLock<Mariadb> = OnceLock::new();
    SERVER.get_or_init(Mariadb::start)
}

pub async fn account(stack: &str) -> Aws {
    let sandbox = SANDBOX.get_or_init(|| async { Sandbox::start(reeve::sandbox::Options::default()).await.expect("a sandbox") }).await;
    let options = Options {
        stack: stack.to_owned(),
        domain: "hostedehr.org".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(sandbox.endpoint.clone()),
        credentials: Some(aws_credential_types::Credentials::new("test", "test", None, None, "test")),
        ..Options::default()
    };
    connect(options).await.expect("a connection").aws
}

/// The shared server as `stack` sees it.
pub async fn plane(stack: &str) -> Mysql {
    plane_of(stack, &server().facts(), &Stats::default()).await
}

/// A server as `stack` sees it, its calls counted.
pub async fn plane_of(stack: &str, facts: &Facts, stats: &Stats) -> Mysql {
    let planes = Planes::new(account(stack).await, &Access::default(), Some(facts), stats);
    Mysql::of(&planes).expect("a way in").clone()
}

/// A tenant's password: a secret in the emulated SSM.
pub async fn secret(stack: &str, value: &str) -> (String, String) {
    let name = format!("/reeve/{stack}/{}", Secret::new(value.into()).fingerprint());
    let aws = account(stack).await;
    let call = aws.ssm.put_parameter().name(&name).r#type(aws_sdk_ssm::types::ParameterType::SecureString).value(value);
    call.overwrite(true).send().await.expect("a parameter");
    (name, Secret::new(value.into()).fingerprint())
}

/// One resource of a stack.
pub struct Life<'a> {
    pub cx: &'a Mysql,
    pub address: &'a str,
    pub salt: &'a str,
}

impl<'a> Life<'a> {
    pub fn of(cx: &'a Mysql, address: &'a str) -> Self {
        Self { cx, address, salt: "" }
    }

    fn at(&self) -> Address {
        Address::parse(self.address).expect("an address")
    }

    pub fn marks(&self) -> Marks {
        Marks {
            stack: self.cx.ours.stack().to_owned(),
            address: Some(self.at()),
            applied: Applied::parse("v1:ab1234"),
            protect: true,
            attempt: format!("attempt-{}{}", self.address.replace(['.', '/', '_'], "-"), self.salt),
            retiring: false,
            stays: false,
        }
    }

    pub fn creation<K: Kind<Plane = Mysql>>(&self, want: &K) -> New<K> {
        let unfinished = Marks { applied: Applied::Unfinished, ..self.marks() };
        New {
            address: self.at(),
            want: want.clone(),
            marks: if K::MANY_CALLS { unfinished } else { self.marks() },
            token: "token".into(),
            naming: Naming { stack: self.cx.ours.stack().to_owned(), salt: self.salt.to_owned() },
        }
    }

    pub async fn create<K: Kind<Plane = Mysql>>(&self, want: &K) -> Made {
        let made = K::create(self.cx, &self.creation(want)).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        let again = K::create(self.cx, &self.creation(want)).await.unwrap_or_else(|error| panic!("{} again: {error}", K::NAME));
        assert_eq!(made.id, again.id, "the same attempt makes the same object");
        for name in K::ATTRIBUTES {
            assert!(made.attributes.get(name).is_some_and(|value| !value.is_empty()), "{} made without {name}", K::NAME);
        }
        if K::MANY_CALLS {
            let all = json(want).as_object().expect("fields").keys().cloned().collect();
            self.change(&made.id, want, want, all).await;
            K::mark(self.cx, &made.id, &self.marks()).await.expect("a mark");
        }
        assert!(matches!(K::ready(self.cx, &made.id).await, Ok(Ready::Yes(_))));
        made
    }

    pub async fn change<K: Kind<Plane = Mysql>>(&self, id: &str, have: &K, want: &K, fields: BTreeSet<String>) {
        for time in ["once", "again"] {
            self.try_change(id, have, want, fields.clone()).await.unwrap_or_else(|error| panic!("{} {time}: {error}", K::NAME));
        }
    }

    pub async fn try_change<K: Kind<Plane = Mysql>>(&self, id: &str, have: &K, want: &K, fields: BTreeSet<String>) -> Result<()> {
        let change = Change {
            address: self.at(),
            id: id.to_owned(),
            attributes: BTreeMap::new(),
            have: have.clone(),
            want: want.clone(),
            fields,
            marks: self.marks(),
            token: "change".to_owned(),
        };
        K::update(self.cx, &change).await
    }

    pub async fn live<K: Kind<Plane = Mysql>>(&self, id: &str) -> Option<Live<K>> {
        let all = K::fetch(&self.cx.fresh()).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        all.into_iter().find(|live| live.id == id)
    }

    /// The fields in which the live object is not what is wished; what only orders is none.
    pub async fn differs<K: Kind<Plane = Mysql>>(&self, id: &str, want: &K) -> BTreeSet<String> {
        let live = self.live::<K>(id).await.unwrap_or_else(|| panic!("{} {id} is not found again", K::NAME));
        let mut have = live.shape;
        K::restate(&mut have, want);
        let (have, want) = (json(&have), json(want));
        let names = have.as_object().into_iter().chain(want.as_object()).flat_map(|o| o.keys().cloned()).collect::<BTreeSet<_>>();
        let orders = |name: &str| reeve::kinds::lookup(K::NAME).expect("a row").info().orders(name);
        names.into_iter().filter(|name| !orders(name) && have.get(name) != want.get(name)).collect()
    }

    /// Turns it into each of the wishes after the first, which it is, and marks it as retiring.
    pub async fn lives<K: Kind<Plane = Mysql>>(&self, id: &str, wishes: &[K]) {
        assert_eq!(self.differs(id, &wishes[0]).await, BTreeSet::new());
        assert_eq!(self.live::<K>(id).await.expect("live").marks, self.marks());
        for pair in wishes.windows(2) {
            let fields = self.differs(id, &pair[1]).await;
            assert_ne!(fields, BTreeSet::new(), "{}", K::NAME);
            self.change(id, &pair[0], &pair[1], fields).await;
            assert_eq!(self.differs(id, &pair[1]).await, BTreeSet::new());
        }
        K::mark(self.cx, id, &Marks { retiring: true, ..self.marks() }).await.expect("a mark");
        assert!(self.live::<K>(id).await.expect("still there").marks.retiring);
    }

    /// Drops it, twice.
    pub async fn dies<K: Kind<Plane = Mysql>>(&self, id: &str) {
        let have = self.live::<K>(id).await.expect("still there").shape;
        let gone = Gone { address: self.at(), id: id.to_owned(), attributes: BTreeMap::new(), have };
        K::delete(self.cx, &gone).await.unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
        K::delete(self.cx, &gone).await.unwrap_or_else(|error| panic!("{} again: {error}", K::NAME));
        assert!(self.live::<K>(id).await.is_none(), "{} {id} is still found", K::NAME);
        assert!(K::ready(self.cx, id).await.is_err_and(|error| error.is_not_found()));
    }
}

pub fn json<K: Kind>(kind: &K) -> Value {
    serde_json::to_value(kind).expect("JSON")
}

/// A wish, as it comes out of a module.
pub fn wish<K: Kind>(spec: Value) -> K {
    let wish: K = serde_json::from_value(spec).expect("a wish that fits its kind");
    assert_eq!(wish.check(), [], "{}", K::NAME);
    wish
}

/// A tenant of a stack: its schema and its user.
pub struct Tenant {
    pub schema: String,
    pub user: String,
    pub password: String,
    pub wish: User,
}

pub async fn tenant(cx: &Mysql, name: &str, more: Value) -> Tenant {
    let password = format!("Canary{name}8Kd3Lq5Vn2Xp9Rs4");
    let (parameter, fingerprint) = secret(cx.ours.stack(), &password).await;
    let schema = Life::of(cx, &format!("tenant/{name}.schema")).create(&wish::<Schema>(json!({}))).await.id;
    let mut spec = json!({ "schema": schema, "password": parameter, "fingerprint": fingerprint });
    spec.as_object_mut().expect("fields").extend(more.as_object().cloned().unwrap_or_default());
    let wish: User = wish(spec);
    let user = Life::of(cx, &format!("tenant/{name}.user")).create(&wish).await.id;
    Tenant { schema, user, password, wish }
}
