//! What a kind is, and the tables of kinds, one for each plane. Adding a kind is one file under `kinds/PLANE/` and one line in that plane's table.

pub mod aws;
pub mod docker;
pub mod files;
pub mod haproxy;
pub mod info;
pub mod mysql;
pub mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::model::Named;
use crate::model::{Address, Marks};
pub use crate::planes::aws::owner::Tags;
use crate::planes::{Plane, Result};
pub use row::{AnyLive, Row, lookup};

/// Every kind of every plane.
pub fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    [aws::KINDS, docker::KINDS, mysql::KINDS, files::KINDS, haproxy::KINDS].into_iter().flatten()
}

/// What `${ref("...").attribute}` may name: attribute to value.
pub type Attributes = BTreeMap<&'static str, String>;

/// The attribute of a live object that AWS is going to delete: when that is (`on 2026-12-24`). Nobody can refer to it.
pub const DELETED: &str = "deleted";

/// A sort of thing that can be desired, observed and changed. The struct that implements it is both what a person writes in
/// YAML (its schema, its defaults, its documentation) and the comparable form of the live object: what AWS adds by itself
/// never gets in; order that does not matter is a set.
///
/// Schema extensions on fields (`x-replace`, `x-need`) are explained in `ARCHITECTURE.md`.
pub trait Kind: Named + Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {
    /// Where it lives.
    type Plane: Plane;
    /// Its API page.
    const PAGE: &'static str;
    /// Where its tags are read, by which it is told whose it is; `Tags::None` when it bears none of its own.
    const TAGS: Tags;
    /// Attributes that are known as soon as it is made. `id` is always one and is not listed.
    const ATTRIBUTES: &'static [&'static str] = &[];
    /// Attributes that are known only when it is ready (an endpoint).
    const LATE: &'static [&'static str] = &[];
    /// For objects without marks: the fields that, under their parent, say which one it is. Everything under our parent is ours.
    const KEY: &'static [&'static str] = &[];
    /// The most characters of the name that is made for it ([`New::name`]); 0 where it has none, or one of its own making.
    const NAME_LIMIT: usize = 0;
    /// It holds what cannot be made again: protected unless the YAML says `protect: false`.
    const STATEFUL: bool = false;
    /// A replacement cannot stand beside the old one (a fixed name, the same network): the old one goes first.
    const DROP_FIRST: bool = false;
    /// Exceptions from `DROP_FIRST`: when one of these references is to a new object, both can stand side by side after all (a subnet of
    /// the same block, but in a new VPC).
    const BESIDE: &'static [&'static str] = &[];
    /// A setting of the account or of a parent, always there; or something that the whole account shares, made where it is missing (a role of
    /// an AWS service). It is never deleted.
    const SINGLETON: bool = false;
    /// It takes more than one call to make: `create` makes it bare, its mark reading `unfinished`; the engine then calls `update` with
    /// every field in `fields` (and `have` equal to `want`), and `mark` last. So its id is known before anything else can fail.
    const MANY_CALLS: bool = false;
    /// It is all that it will ever be when `create` or `update` has answered: nobody asks it for `ready` before others go on. For what has
    /// neither states nor late attributes.
    const AT_ONCE: bool = false;
    /// It is there for a while after `delete` has answered, and others trip over it until then: they go on once `ready` answers `NotFound`.
    const LINGERS: bool = false;
    /// What it referred to before is in use until it is ready again (a container that is being replaced): that goes only then.
    const MOVES_SLOWLY: bool = false;
    /// The command that calls off a deletion which AWS carries out later; `ID` stands for the object's id. `fetch` then also returns what somebody
    /// other than reeve had scheduled for deletion, with an attribute [`DELETED`], and `ready` answers `Failed` for it.
    const REPRIEVE: &'static str = "";

    /// What its deletion leaves behind, in words; empty where it leaves nothing.
    const LEAVES: &'static str = "";

    /// What is wrong with it that its types and schema cannot say: field path and message. Pure.
    fn check(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Whether making or changing it so starts something that keeps a host busy until it is ready: of those a few are made at a time ([`Starts`](crate::model::Starts)). Pure.
    fn starts(&self) -> bool {
        false
    }

    /// Restates the live form in the wish's words before they are compared: version `10.11` against `10.11.9`,
    /// an order that does not matter, an optional field that the wish leaves to AWS. Pure.
    fn restate(_have: &mut Self, _want: &Self) {}

    /// Whether a set of changed fields has to become a replacement though each could change in place. Pure.
    fn must_replace(_have: &Self, _want: &Self, _changed: &BTreeSet<String>) -> bool {
        false
    }

    /// Reads everything of this kind that this stack owns: all pages, few calls, nothing per object in a loop of awaits.
    /// References in the shapes hold live ids.
    ///
    /// # Errors
    /// Any failed or short read: the kind is then unreadable as a whole.
    fn fetch(cx: &Self::Plane) -> impl Future<Output = Result<Vec<Live<Self>>>> + Send;

    /// The name that a creation takes, where a name can be taken: `fetch` notes what it sees under such names that is not ours
    /// ([`Aws::marks_or_stranger`](crate::planes::Aws::marks_or_stranger)), so that the plan refuses a creation that would meet it. Pure;
    /// references may still be holes.
    fn name_of(new: &New<Self>) -> Option<String> {
        (Self::NAME_LIMIT > 0).then(|| new.name(Self::NAME_LIMIT))
    }

    /// The id of whatever bears the name that a creation was refused, where `fetch` does not see it, and where it can be adopted.
    ///
    /// # Errors
    /// What the plane answered.
    fn namesake(_cx: &Self::Plane, _new: &New<Self>) -> impl Future<Output = Result<Option<String>>> + Send {
        async { Ok(None) }
    }

    /// Makes it, with its marks in the same call where the API can, and returns as soon as it has an id. Never waits: whoever calls does.
    ///
    /// # Errors
    /// What the plane answered; `InUse`, `Early` and, for a while, `NotFound` are tried again with the same token.
    fn create(cx: &Self::Plane, new: &New<Self>) -> impl Future<Output = Result<Made>> + Send;

    /// Changes the fields in `change.fields` in place. May be repeated.
    ///
    /// # Errors
    /// What the plane answered; `InUse` and `Early` are tried again.
    fn update(cx: &Self::Plane, change: &Change<Self>) -> impl Future<Output = Result<()>> + Send;

    /// Drops it, and returns as soon as that is under way ([`Kind::LINGERS`]). Not being there is success.
    ///
    /// # Errors
    /// What the plane answered; `InUse` is tried again later.
    fn delete(cx: &Self::Plane, gone: &Gone<Self>) -> impl Future<Output = Result<()>> + Send;

    /// Asks once whether it is ready for those who need it ready, and what its attributes are by then. One call.
    ///
    /// # Errors
    /// `NotFound` when it does not exist (or is not visible yet).
    fn ready(cx: &Self::Plane, id: &str) -> impl Future<Output = Result<Ready>> + Send;

    /// Rewrites its owner marks. Nothing to do for a kind without marks of its own.
    ///
    /// # Errors
    /// What the plane answered.
    fn mark(cx: &Self::Plane, id: &str, marks: &Marks) -> impl Future<Output = Result<()>> + Send;
}

/// A live object in its comparable form.
#[derive(Debug, Clone)]
pub struct Live<K> {
    /// Its id: what a reference to it holds.
    pub id: String,
    /// What else may be asked of it.
    pub attributes: Attributes,
    /// Its comparable form.
    pub shape: K,
    /// Its owner marks; empty for kinds that bear none of their own.
    pub marks: Marks,
    /// When it was made, in RFC 3339 or any form that orders as text; empty when unknown. Tells the older of two twins.
    pub made_at: String,
}

/// What `create` is to make.
#[derive(Debug, Clone)]
pub struct New<K> {
    /// Its address.
    pub address: Address,
    /// The wish, rendered: references hold ids.
    pub want: K,
    /// The marks to make it with.
    pub marks: Marks,
    /// A client token (36 characters at most, `[a-z0-9-]`), the same when the same creation is tried again.
    pub token: String,
    /// The stack, address and salt of its name ([`New::name`]).
    pub naming: Naming,
}

/// What names are made of.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The stack.
    pub stack: String,
    /// Empty, or a hash of what cannot change in place.
    pub salt: String,
}

impl<K> New<K> {
    /// Its name, of at most `limit` characters of `[a-z0-9-]`.
    #[must_use]
    pub fn name(&self, limit: usize) -> String {
        crate::model::name::name(&self.naming.stack, &self.address, &self.naming.salt, limit)
    }
}

/// What `create` made.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// What is known of it already.
    pub attributes: Attributes,
}

/// What `update` is to change.
#[derive(Debug, Clone)]
pub struct Change<K> {
    /// Its address.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// As it is (references hold ids).
    pub have: K,
    /// As it should be (references hold ids).
    pub want: K,
    /// The fields that differ.
    pub fields: BTreeSet<String>,
    /// The marks it bears.
    pub marks: Marks,
    /// A client token for this change.
    pub token: String,
}

impl<K> Change<K> {
    /// Whether any of `fields` differs.
    #[must_use]
    pub fn touches(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.fields.contains(*field))
    }
}

/// What `delete` is to drop.
#[derive(Debug, Clone)]
pub struct Gone<K> {
    /// Its address.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// As it was last seen (references hold ids).
    pub have: K,
}

/// Whether something is ready.
#[derive(Debug, Clone)]
pub enum Ready {
    /// It is, and this is known of it.
    Yes(Attributes),
    /// Not yet; the words are what AWS says of it (`creating`).
    NotYet(String),
    /// It never will be, and why.
    Failed(String),
}

/// `Attributes` from pairs.
#[must_use]
pub fn attributes<const N: usize>(pairs: [(&'static str, &str); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}
