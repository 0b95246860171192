//! What a person writes about a stack, apart from the sections that modules declare.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity::{Duration, Size};
use crate::model::hours::Hours;
use crate::model::{Access, Starts};

/// The stack: `metadata.name` and the fields of `spec` that belong to no module.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stack {
    /// Its name, a DNS label: part of every name, tag and label that reeve makes.
    pub name: String,
    /// Everything else.
    #[serde(flatten)]
    pub spec: StackSpec,
}

/// The fields of a stack's `spec` that belong to no module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackSpec {
    /// The only AWS account that may be touched. Default: any.
    #[serde(default)]
    #[schemars(regex(pattern = r"^\d{12}$"))]
    pub account: Option<String>,
    /// The AWS region.
    pub region: String,
    /// The domain of the tenants, `NAME.domain`. Its Route 53 zone is looked up, not created.
    #[schemars(regex(pattern = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"))]
    pub domain: String,
    /// Where plans, journal and lock are kept: `s3`, in a bucket that the first apply makes, or `local:PATH`. Default: `s3`.
    #[serde(default = "s3")]
    #[schemars(regex(pattern = r"^(s3|local:.+)$"))]
    pub record: String,
    /// The way to the inner planes from outside.
    #[serde(default)]
    pub access: Access,
    /// Countries whose health data may be held here.
    #[serde(default)]
    pub residency: Residency,
    /// When a tenant goes to sleep, and how it wakes.
    #[serde(default)]
    pub idle: Idle,
    /// How the fleet grows, shrinks and mends itself.
    #[serde(default)]
    pub scaling: Scaling,
    /// What the loop does by itself.
    #[serde(default)]
    pub reconcile: Reconcile,
    /// Who is told what the loop finds and does.
    #[serde(default)]
    pub notify: Notify,
    /// What was renamed, by the front part of its addresses: the objects are kept. A line may go once it was applied. Default: nothing.
    #[serde(default)]
    pub moved: Vec<Moved>,
    /// The catalogue of images that tenants may run, by name.
    #[schemars(extend("minProperties" = 1))]
    pub distributions: BTreeMap<String, Distribution>,
}

pub(super) fn s3() -> String {
    "s3".to_owned()
}

/// Something that was renamed: a tenant, a resource, or all of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// What it was called: `tenant/old`, or a whole address.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9._/-]*$"))]
    pub from: String,
    /// What it is called now.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9._/-]*$"))]
    pub to: String,
}

/// Countries whose health data may be held here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residency {
    /// ISO 3166 codes of the countries. Default: none, so that every tenant is refused until someone has asked counsel.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^[A-Z]{2}$")))]
    pub allow: Vec<String>,
    /// Why they may.
    #[serde(default)]
    pub reason: Option<String>,
}

/// When a tenant goes to sleep, and how it wakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// Unused for so long: it is stopped. Default: `14d`.
    #[serde(default = "two_weeks")]
    #[schemars(extend("x-min" = 3600))]
    pub after: Duration,
    /// So long a start may take. Default: `15m`.
    #[serde(default = "start_takes")]
    #[schemars(extend("x-min" = 60))]
    pub wake_timeout: Duration,
    /// So many start at the same time. Default: 4.
    #[serde(default = "at_a_time")]
    #[schemars(range(min = 1, max = 100))]
    pub max_waking: u32,
    /// Working hours, in which no tenant is put to rest. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

impl Default for Idle {
    fn default() -> Self {
        Self { after: two_weeks(), wake_timeout: start_takes(), max_waking: at_a_time(), hours: None }
    }
}

fn two_weeks() -> Duration {
    Duration(14 * 86_400)
}
fn quarter() -> Duration {
    Duration(15 * 60)
}
fn start_takes() -> Duration {
    Duration(Starts::default().within)
}
fn at_a_time() -> u32 {
    Starts::default().at_a_time
}

/// How the fleet grows, shrinks and mends itself, between `fleet.workers.min` and `max`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Room is kept free for this share of what runs, and for one tenant of the largest reservation at least. Default: 0.1.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0, max = 1))]
    pub spare: f64,
    /// There has to be too much room for so long before a host is to go. Default: `30m`.
    #[serde(default = "half_hour")]
    #[schemars(extend("x-min" = 300, "x-max" = 604_800))]
    pub quiet: Duration,
    /// A host that is to go takes nobody more for so long before those who are left on it are moved, which is minutes of outage for each. Default: `8h`, a working day.
    #[serde(default = "working_day")]
    #[schemars(extend("x-min" = 60, "x-max" = 604_800))]
    pub linger: Duration,
    /// A host that was launched has so long to join the swarm; then it is replaced. Default: `15m`.
    #[serde(default = "quarter")]
    #[schemars(extend("x-min" = 300, "x-max" = 86_400))]
    pub join: Duration,
    /// A worker that does not answer, or is sick, is replaced after so long. Default: `5m`.
    #[serde(default = "five_minutes")]
    #[schemars(extend("x-min" = 60, "x-max" = 86_400))]
    pub worker_down: Duration,
    /// A manager is replaced after so long, when the others lead without it. Default: `15m`.
    #[serde(default = "quarter")]
    #[schemars(extend("x-min" = 60, "x-max" = 86_400))]
    pub manager_down: Duration,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            spare: tenth(),
            quiet: half_hour(),
            linger: working_day(),
            join: quarter(),
            worker_down: five_minutes(),
            manager_down: quarter(),
        }
    }
}

fn tenth() -> f64 {
    0.1
}
fn half_hour() -> Duration {
    Duration(30 * 60)
}
fn working_day() -> Duration {
    Duration(8 * 3600)
}
fn five_minutes() -> Duration {
    Duration(5 * 60)
}

/// What the loop does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// The time between two looks. Default: `60s`.
    #[serde(default = "minute")]
    #[schemars(extend("x-min" = 10))]
    pub every: Duration,
    /// What it does without asking. Default: `[create, update]`.
    #[serde(default = "auto")]
    pub auto: Vec<Verb>,
    /// What it leaves to people. Default: `[replace, delete]`.
    #[serde(default = "hold")]
    pub hold: Vec<Verb>,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self { every: minute(), auto: auto(), hold: hold() }
    }
}

fn minute() -> Duration {
    Duration(60)
}
fn auto() -> Vec<Verb> {
    vec![Verb::Create, Verb::Update]
}
fn hold() -> Vec<Verb> {
    vec![Verb::Replace, Verb::Delete]
}

/// Who is told what the loop finds and does: drift, what was mended, what is held for approval, what fails and what is well again; each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Where the URL of a webhook is kept, which gets a JSON document: `file:PATH` on the machine that runs the loop, or `ssm:NAME`, a parameter. The URL itself is a secret and
    /// never stands here. Default: none.
    #[serde(default)]
    #[schemars(regex(pattern = r"^(file:/.+|ssm:/.+)$"), extend("x-form" = "file:/PATH or ssm:/NAME of a parameter; never the URL itself"))]
    pub webhook: Option<String>,
    /// An SNS topic, by its ARN. Default: none.
    #[serde(default)]
    #[schemars(regex(pattern = r"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$"), extend("x-form" = "the ARN of a topic"))]
    pub topic: Option<String>,
}

/// What can happen to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Made new.
    Create,
    /// Changed in place.
    Update,
    /// Made new and the old one dropped.
    Replace,
    /// Dropped.
    Delete,
}

/// An image that tenants may run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// The image, pinned by digest: `name@sha256:...`.
    #[schemars(length(min = 1))]
    pub image: String,
    /// The image's own command (its ENTRYPOINT and CMD together): the wrapper that holds the tenant's database starts it. Default:
    /// `[/openmrs/startup.sh]`.
    #[serde(default = "startup")]
    #[schemars(extend("minItems" = 1))]
    pub command: Vec<String>,
    /// The port it listens on. Default: 8080.
    #[serde(default = "http")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The user it runs as; never root. Default: `"1001"`.
    #[serde(default = "user")]
    #[schemars(length(min = 1))]
    pub user: String,
    /// Its memory unless a tenant says otherwise. Default: 700MiB reserved, 2GiB at most.
    #[serde(default)]
    pub memory: Memory,
    /// Its share of processors unless a tenant says otherwise. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.1, max = 96))]
    pub cpus: f64,
    /// Its most processes and threads. Default: 512.
    #[serde(default = "pids")]
    #[schemars(range(min = 16, max = 100_000))]
    pub pids: u32,
    /// Its root cannot be written to; what it writes has to be under `data` or `tmpfs`. Default: false, for OpenMRS writes into its server's folders.
    #[serde(default)]
    pub read_only: bool,
    /// Folders in memory, and their sizes. Default: `/tmp` of 256MiB.
    #[serde(default = "tmp")]
    pub tmpfs: BTreeMap<String, Size>,
    /// How to ask whether it lives and is ready.
    #[serde(default)]
    pub health: Health,
    /// The folder that is kept. Default: none.
    #[serde(default)]
    pub data: Option<String>,
    /// Prefixes of paths that programs use: while it wakes they get 503 and not a page. Default: none.
    #[serde(default)]
    pub api_paths: Vec<String>,
    /// Prefixes of paths that nobody may open. Default: none.
    #[serde(default)]
    pub blocked_paths: Vec<String>,
    /// What fills the image's database settings. Default: `openmrs`.
    #[serde(default)]
    pub database: DatabaseStyle,
    /// Its environment. Default: empty.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

fn startup() -> Vec<String> {
    vec!["/openmrs/startup.sh".to_owned()]
}
fn tmp() -> BTreeMap<String, Size> {
    BTreeMap::from([("/tmp".to_owned(), Size(256 << 20))])
}
fn http() -> u16 {
    8080
}
fn user() -> String {
    "1001".to_owned()
}
fn one() -> f64 {
    1.0
}
fn pids() -> u32 {
    512
}

/// What fills the image's database settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseStyle {
    /// The `OMRS_DB_*` environment.
    #[default]
    Openmrs,
    /// Nothing: the image has no database.
    None,
}

/// Memory of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Kept free for it. Default: `700MiB`.
    #[serde(default = "reserve")]
    #[schemars(extend("x-min" = 16_777_216))]
    pub reserve: Size,
    /// The most it may take. Default: `2GiB`.
    #[serde(default = "limit")]
    #[schemars(extend("x-min" = 16_777_216))]
    pub limit: Size,
}

impl Default for Memory {
    fn default() -> Self {
        Self { reserve: reserve(), limit: limit() }
    }
}

fn reserve() -> Size {
    Size(700 << 20)
}
fn limit() -> Size {
    Size(2 << 30)
}

/// How to ask whether an instance lives and is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Answers 200 when the application is ready. Default: `/`.
    #[serde(default = "slash")]
    #[schemars(regex(pattern = "^/"))]
    pub ready: String,
    /// Answers when the process lives. Default: `/`.
    #[serde(default = "slash")]
    #[schemars(regex(pattern = "^/"))]
    pub live: String,
    /// So long a start may take before failures count. Default: `20m`.
    #[serde(default = "start")]
    pub start_period: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self { ready: slash(), live: slash(), start_period: start() }
    }
}

fn slash() -> String {
    "/".to_owned()
}
fn start() -> Duration {
    Duration(20 * 60)
}
