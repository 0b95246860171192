//! A tenant's service: one container at most, hardened, started through the wrapper that holds the tenant's database (`hold`).
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Service>.
//! Does not touch whether it runs: that is the waker's, but for a suspended one, which never does. Where its task runs is Swarm's.
//! What it was made of stands in a label; where the live service is anything else than that makes, it says so in `foreign`.

mod aside;
mod calls;
mod differ;
pub mod leaving;
mod made_of;
mod render;
pub mod restoring;
pub mod tasks;
pub mod wake;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::network::Network;
use super::secret::Secret;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref, Text};
use crate::planes::Docker;
use crate::planes::docker::{Labels, failed, labels, pairs};
use crate::planes::error::{Absent, Class, Error, Result};
pub use aside::planned;
use calls::{inspect, put, relabel};
pub use calls::{replicas, scale, services};
pub use made_of::of_ours;
use made_of::{labelled, note_what_is_not_enforced, shape};

/// A service of at most one container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The tenant that it serves, by which its route finds it.
    pub tenant: String,
    /// The image, by digest: `name@sha256:...`.
    pub image: String,
    /// The image's own command, which the wrapper starts.
    pub command: Vec<String>,
    /// Who it runs as, `user:group`; never root. Default: `1001:0`.
    #[serde(default = "user")]
    pub user: String,
    /// Its environment; never secrets. Default: empty.
    #[serde(default)]
    pub env: BTreeMap<String, Text>,
    /// Its database, which the wrapper holds for it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// Folders of the host that it writes to, by their path in the container. Default: none.
    #[serde(default)]
    pub folders: BTreeMap<String, Text>,
    /// Its network.
    pub network: Ref<Network>,
    /// The port that it listens on; every start gets a free one of the host.
    pub port: u16,
    /// Bytes of memory kept free for it.
    pub memory_reservation: u64,
    /// Bytes of memory that it may take.
    pub memory_limit: u64,
    /// Its share of processors. Default: 1.
    #[serde(default = "one")]
    pub cpus: f64,
    /// Its most processes and threads. Default: 512.
    #[serde(default = "pids")]
    pub pids: u32,
    /// Its most open files. Default: 16384.
    #[serde(default = "files")]
    pub open_files: u32,
    /// Its root is read-only. Default: true.
    #[serde(default = "yes")]
    pub read_only: bool,
    /// Folders in memory, in bytes. Default: `/tmp` of 256 MiB.
    #[serde(default = "tmp")]
    pub tmpfs: BTreeMap<String, u64>,
    /// How it is asked whether it is ready, and then whether it lives.
    pub health: Health,
    /// Seconds between SIGTERM and SIGKILL. Default: 120.
    #[serde(default = "grace")]
    pub stop_grace_seconds: u32,
    /// Only nodes that fit take it, such as `node.labels.disk == nvme`. Default: all.
    #[serde(default)]
    pub constraints: BTreeSet<String>,
    /// It does not run, whoever asks. Default: false.
    #[serde(default)]
    pub suspended: bool,
    /// What of the live service reeve did not make: to be left out. Default: nothing.
    #[serde(default)]
    pub foreign: BTreeSet<String>,
}

/// A database that one container at a time writes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its server's name.
    pub host: Text,
    /// Its server's port.
    pub port: Text,
    /// Its schema.
    pub schema: Text,
    /// The secret with `user` and `password`.
    pub secret: Ref<Secret>,
    /// The name of that secret, which Docker wants to hear beside its id.
    pub secret_name: Text,
    /// What of the secret the application gets as its environment: `{password}` stands for the field of that name. Default: nothing.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// How a container is asked for its health, over HTTP on its port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Answers 200 when the application is ready: asked until it did so once.
    pub ready: String,
    /// Answers when the process lives: asked from then on.
    pub live: String,
    /// Seconds that a start may take.
    pub start_seconds: u32,
    /// Seconds between two questions. Default: 10.
    #[serde(default = "ten")]
    pub every_seconds: u32,
    /// So many failures in a row end it. Default: 6.
    #[serde(default = "six")]
    pub retries: u32,
}

fn user() -> String {
    "1001:0".to_owned()
}
fn one() -> f64 {
    1.0
}
fn pids() -> u32 {
    512
}
fn files() -> u32 {
    16_384
}
fn yes() -> bool {
    true
}
fn tmp() -> BTreeMap<String, u64> {
    BTreeMap::from([("/tmp".to_owned(), 256 << 20)])
}
fn grace() -> u32 {
    120
}
fn ten() -> u32 {
    10
}
fn six() -> u32 {
    6
}

impl Named for Service {
    const NAME: &'static str = "docker.service";
}

impl Kind for Service {
    type Plane = Docker;
    const PAGE: &'static str = "https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Service";
    const TAGS: Tags = Tags::Labels("service");
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    const NAME_LIMIT: usize = 63;
    const DROP_FIRST: bool = true;
    const LINGERS: bool = true;
    const MOVES_SLOWLY: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, why: &str| wrong.push((field.to_owned(), why.to_owned()));
        if !is_pinned(&self.image) {
            say("image", "has to be pinned by digest: name@sha256: and 64 hexadecimal digits");
        }
        if self.command.is_empty() {
            say("command", "has to be the image's own command: the wrapper starts it");
        }
        if matches!(self.user.split(':').next(), Some("" | "0" | "root")) {
            say("user", "is never root");
        }
        if self.memory_reservation > self.memory_limit {
            say("memory_reservation", "is more than the limit");
        }
        if !self.foreign.is_empty() {
            say("foreign", "is only ever found, never wished");
        }
        wrong
    }

    fn starts(&self) -> bool {
        !self.suspended
    }

    async fn fetch(cx: &Docker) -> Result<Vec<Live<Self>>> {
        let (all, modern) = (services(cx).await?, render::modern(cx).await?);
        note_what_is_not_enforced(cx, all.len()).await?;
        let mut live = Vec::new();
        for one in all.iter() {
            let spec = one.spec.clone().unwrap_or_default();
            let (id, name) = (one.id.clone().unwrap_or_default(), spec.name.clone().unwrap_or_default());
            let tags = spec.labels.clone().unwrap_or_default();
            let Some(marks) = cx.ours.marks_or_stranger(Self::NAME, (&name, &id), pairs(&tags)) else { continue };
            let shape = shape(cx, &spec, modern)?;
            let made_at = one.created_at.as_ref().map(ToString::to_string).unwrap_or_default();
            live.push(Live { id, attributes: attributes([("name", &name)]), shape, marks, made_at });
        }
        Ok(live)
    }

    async fn create(cx: &Docker, new: &New<Self>) -> Result<Made> {
        let call = "docker.ServiceCreate";
        let name = new.name(Self::NAME_LIMIT);
        let replicas = if new.want.suspended { 0 } else { 1 };
        let spec = render::spec(cx, &new.want, &name, labelled(&new.want, &new.marks)?, replicas, render::modern(cx).await?)?;
        let made = cx.changes(call).await?.create_service(spec, None).await.map_err(failed(call))?;
        Ok(Made { id: made.id.unwrap_or_default(), attributes: attributes([("name", &name)]) })
    }

    /// The whole spec goes out with the version that was just read: nothing of it is lost, and nobody's change is run over unseen.
    async fn update(cx: &Docker, change: &Change<Self>) -> Result<()> {
        tasks::drained(cx, &change.id, &change.have.tenant, changed(cx, change)).await
    }

    /// Its container ends before it goes, so that what the container uses can go after it.
    async fn delete(cx: &Docker, gone: &Gone<Self>) -> Result<()> {
        let Some(now) = inspect(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        if replicas(&now) > 0 {
            scale(cx, &gone.id, 0).await?;
        }
        if tasks::of(cx, &gone.id).await?.iter().any(tasks::is_alive) {
            return Err(Error::new(Class::InUse, "docker.ServiceDelete", "its container is ending"));
        }
        let call = "docker.ServiceDelete";
        cx.changes(call).await?.delete_service(&gone.id).await.map_err(failed(call)).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Docker, id: &str) -> Result<Ready> {
        let now = inspect(cx, id).await?;
        let name = now.spec.as_ref().and_then(|spec| spec.name.clone()).unwrap_or_default();
        tasks::ready(cx, &now, attributes([("name", &name)])).await
    }

    async fn mark(cx: &Docker, id: &str, marks: &Marks) -> Result<()> {
        let mark = |all: &mut Labels| {
            *all = labels(marks, std::mem::take(all));
            true
        };
        relabel(cx, "docker.ServiceUpdate", id, mark).await.map(drop)
    }
}

/// Sends what is wished; whether it runs stays as it is, but for one that is to be suspended or no longer. Of one whose data is being restored nothing is started.
async fn changed(cx: &Docker, change: &Change<Service>) -> Result<()> {
    let call = "docker.ServiceUpdate";
    let now = inspect(cx, &change.id).await?;
    let spec = now.spec.clone().unwrap_or_default();
    let replicas = match (change.want.suspended, change.have.suspended) {
        (true, _) => 0,
        (false, true) => i64::from(!restoring::is_said(&now)),
        (false, false) => replicas(&now),
    };
    let name = spec.name.unwrap_or_default();
    let labels = aside::kept(spec.labels.as_ref(), labelled(&change.want, &change.marks)?);
    let mut made = render::spec(cx, &change.want, &name, labels, replicas, render::modern(cx).await?)?;
    if let Some(task) = &mut made.task_template {
        // So often somebody had it started anew: another number would do that once more.
        task.force_update = spec.task_template.and_then(|task| task.force_update);
    }
    put(cx, call, &change.id, now.version, made).await
}

/// Whether an image is named by digest.
fn is_pinned(image: &str) -> bool {
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest).unwrap_or_default();
    digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}
