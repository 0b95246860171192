//! A network that the whole swarm knows and that every host makes for itself from its own settings: a bridge, no overlay.
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Network>.
//! Its settings on each host (subnet, bridge, no talk between containers) are a config-only network that `reeve host setup` makes; this file
//! does not touch that. The engine takes no labels for a network that has its settings from another, so it bears no mark: it is known by its name,
//! `STACK-tenants`, and there is one.

use bollard::models::{ConfigReference, NetworkCreateRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Docker;
use crate::planes::docker::failed;
use crate::planes::error::{Absent, Result};

/// A network of the swarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The config-only network on each host that it takes its settings from. Default: `tenants-config`.
    #[serde(default = "config")]
    #[schemars(extend("x-replace" = true))]
    pub config_from: String,
}

fn config() -> String {
    "tenants-config".to_owned()
}

impl Named for Network {
    const NAME: &'static str = "docker.network";
}

impl Kind for Network {
    type Plane = Docker;
    const PAGE: &'static str = "https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Network";
    const TAGS: Tags = Tags::None;
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    const KEY: &'static [&'static str] = &["config_from"];
    const DROP_FIRST: bool = true;
    const AT_ONCE: bool = true;

    async fn fetch(cx: &Docker) -> Result<Vec<Live<Self>>> {
        let call = "docker.NetworkList";
        let all = cx.reads(call).await?.list_networks(None).await.map_err(failed(call))?;
        let name = named(cx.ours.stack());
        let ours = all.into_iter().filter(|one| one.scope.as_deref() == Some("swarm") && one.name.as_deref() == Some(&*name));
        let live = ours.map(|one| {
            let shape = Self { config_from: one.config_from.and_then(|from| from.network).unwrap_or_default() };
            let id = one.id.unwrap_or_default();
            Live { id, attributes: attributes([("name", &name)]), shape, marks: Marks::default(), made_at: String::new() }
        });
        Ok(live.collect())
    }

    async fn create(cx: &Docker, new: &New<Self>) -> Result<Made> {
        let call = "docker.NetworkCreate";
        let name = named(cx.ours.stack());
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".into()),
            scope: Some("swarm".into()),
            config_from: Some(ConfigReference { network: Some(new.want.config_from.clone()) }),
            ..NetworkCreateRequest::default()
        };
        let made = cx.changes(call).await?.create_network(request).await.map_err(failed(call))?;
        Ok(Made { id: made.id, attributes: attributes([("name", &name)]) })
    }

    async fn update(_: &Docker, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(cx: &Docker, gone: &Gone<Self>) -> Result<()> {
        let call = "docker.NetworkDelete";
        cx.changes(call).await?.remove_network(&gone.id).await.map_err(failed(call)).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Docker, id: &str) -> Result<Ready> {
        let call = "docker.NetworkInspect";
        let one = cx.reads(call).await?.inspect_network(id, None).await.map_err(failed(call))?;
        Ok(Ready::Yes(attributes([("name", &one.name.unwrap_or_default())])))
    }

    async fn mark(_: &Docker, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

/// The name of a stack's network.
fn named(stack: &str) -> String {
    format!("{stack}-tenants")
}
