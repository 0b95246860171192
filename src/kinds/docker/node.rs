//! A node of the swarm: whether it takes containers, and the labels by which services find it. Hosts join and leave by themselves; what nobody
//! names here stays as it is.
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Node>.
//! Does not touch its role: managers are made by `reeve host setup`.

use std::collections::BTreeMap;

use bollard::models::{Node as Seen, NodeSpec, NodeSpecAvailabilityEnum as Takes};
use bollard::query_parameters::UpdateNodeOptionsBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::version;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Docker;
use crate::planes::docker::{Labels, failed, labels, pairs};
use crate::planes::error::{Error, Result};

/// A node, by its host name or by the instance that it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The id of its instance, or its host name where it is none.
    #[schemars(extend("x-replace" = true))]
    pub name: String,
    /// Whether it takes containers. Default: `active`.
    #[serde(default)]
    pub availability: Availability,
    /// Its labels, but for those of reeve's own. Default: none.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Whether a node takes containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// It takes new ones.
    #[default]
    Active,
    /// It keeps what it has and takes no more.
    Pause,
    /// What it has is moved elsewhere.
    Drain,
}

/// The label that says which instance a node is; `reeve host setup` sets it.
pub const INSTANCE: &str = "reeve.instance";

impl Named for Node {
    const NAME: &'static str = "docker.node";
}

impl Kind for Node {
    type Plane = Docker;
    const PAGE: &'static str = "https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Node";
    const TAGS: Tags = Tags::Labels("node");
    const KEY: &'static [&'static str] = &["name"];
    const SINGLETON: bool = true;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let own = self.labels.keys().find(|name| name.starts_with("reeve"));
        own.map(|name| (format!("labels.{name}"), "labels that begin with `reeve` are reeve's own".to_owned())).into_iter().collect()
    }

    async fn fetch(cx: &Docker) -> Result<Vec<Live<Self>>> {
        Ok(nodes(cx).await?.iter().map(|node| live(cx, node)).collect())
    }

    async fn create(cx: &Docker, new: &New<Self>) -> Result<Made> {
        let all = nodes(cx).await?;
        let node = all.iter().find(|node| name(node) == new.want.name);
        let node = node.ok_or_else(|| Error::not_found("docker.NodeList", &format!("the node {}", new.want.name)))?;
        let id = node.id.clone().unwrap_or_default();
        set(cx, &id, Some(&new.want), Some(&new.marks)).await?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    async fn update(cx: &Docker, change: &Change<Self>) -> Result<()> {
        set(cx, &change.id, Some(&change.want), None).await
    }

    /// It stays what it is, and is no longer ours.
    async fn delete(_: &Docker, _: &Gone<Self>) -> Result<()> {
        Ok(())
    }

    async fn ready(cx: &Docker, id: &str) -> Result<Ready> {
        let call = "docker.NodeInspect";
        cx.reads(call).await?.inspect_node(id).await.map_err(failed(call))?;
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(cx: &Docker, id: &str, marks: &Marks) -> Result<()> {
        set(cx, id, None, Some(marks)).await
    }
}

/// Every node, read once in a pass.
///
/// # Errors
/// What the engine answered.
pub async fn nodes(cx: &Docker) -> Result<std::sync::Arc<Vec<Seen>>> {
    let call = "docker.NodeList";
    cx.shared(call, || async { cx.reads(call).await?.list_nodes(None).await.map_err(failed(call)) }).await
}

/// What a node is called here: its instance, or its host name.
#[must_use]
pub fn name(node: &Seen) -> String {
    let instance = node.spec.as_ref().and_then(|spec| spec.labels.as_ref()?.get(INSTANCE).cloned());
    let host = || node.description.as_ref().and_then(|description| description.hostname.clone());
    instance.or_else(host).unwrap_or_default()
}

fn live(cx: &Docker, node: &Seen) -> Live<Node> {
    let spec = node.spec.clone().unwrap_or_default();
    let tags = spec.labels.unwrap_or_default();
    let marks = cx.ours.marks(pairs(&tags)).unwrap_or_else(|| Marks::foreign(pairs(&tags)));
    let availability = match spec.availability {
        Some(Takes::PAUSE) => Availability::Pause,
        Some(Takes::DRAIN) => Availability::Drain,
        _ => Availability::Active,
    };
    let labels = tags.into_iter().filter(|(name, _)| !name.starts_with("reeve")).collect();
    let shape = Node { name: name(node), availability, labels };
    let id = node.id.clone().unwrap_or_default();
    Live { attributes: attributes([("name", &shape.name)]), id, shape, marks, made_at: String::new() }
}

/// Sets what is wished, the marks, or both, and keeps everything else.
async fn set(cx: &Docker, id: &str, want: Option<&Node>, marks: Option<&Marks>) -> Result<()> {
    change(cx, id, |spec| {
        let mut all: Labels = spec.labels.take().unwrap_or_default();
        if let Some(want) = want {
            spec.availability = Some(match want.availability {
                Availability::Active => Takes::ACTIVE,
                Availability::Pause => Takes::PAUSE,
                Availability::Drain => Takes::DRAIN,
            });
            all.retain(|name, _| name.starts_with("reeve"));
            all.extend(want.labels.clone());
        }
        spec.labels = Some(match marks {
            Some(marks) => labels(marks, all),
            None => all,
        });
    })
    .await
}

/// Changes a node's spec as it is now: all of it is sent, with the version that was read.
///
/// # Errors
/// What the engine answered; `InUse` when somebody changed it meanwhile.
pub async fn change(cx: &Docker, id: &str, change: impl FnOnce(&mut NodeSpec)) -> Result<()> {
    let call = "docker.NodeUpdate";
    let node = cx.reads("docker.NodeInspect").await?.inspect_node(id).await.map_err(failed(call))?;
    let mut spec = node.spec.unwrap_or_default();
    change(&mut spec);
    let options = UpdateNodeOptionsBuilder::default().version(version(node.version, call)?).build();
    cx.changes(call).await?.update_node(id, spec, options).await.map_err(failed(call))
}
