//! A network that the whole swarm knows and that every host makes for itself from its own settings: a bridge, no overlay.
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Network>.
//! Its settings on each host (subnet, bridge, no talk between containers) are a config-only network that `reeve host setup` makes; this file
//! does not touch that. A network's labels cannot change, so neither can its marks.

use std::collections::HashMap;

use bollard::models::{ConfigReference, NetworkCreateRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Docker;
use crate::planes::docker::{failed, labels, pairs};
use crate::planes::error::{Absent, Class, Error, Result};

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
    const TAGS: Tags = Tags::Labels("network");
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    const NAME_LIMIT: usize = 63;
    const DROP_FIRST: bool = true;
    const AT_ONCE: bool = true;

    async fn fetch(cx: &Docker) -> Result<Vec<Live<Self>>> {
        let call = "docker.NetworkList";
        let all = cx.reads(call).await?.list_networks(None).await.map_err(failed(call))?;
        let swarm = all.into_iter().filter(|one| one.scope.as_deref() == Some("swarm") && one.driver.as_deref() == Some("bridge"));
        let mut live = Vec::new();
        for one in swarm {
            let (id, name) = (one.id.unwrap_or_default(), one.name.unwrap_or_default());
            let tags = one.labels.unwrap_or_default();
            let Some(marks) = cx.ours.marks_or_stranger(Self::NAME, (&name, &id), pairs(&tags)) else { continue };
            let shape = Self { config_from: one.config_from.and_then(|from| from.network).unwrap_or_default() };
            live.push(Live { id, attributes: attributes([("name", &name)]), shape, marks, made_at: String::new() });
        }
        Ok(live)
    }

    async fn create(cx: &Docker, new: &New<Self>) -> Result<Made> {
        let call = "docker.NetworkCreate";
        let name = new.name(Self::NAME_LIMIT);
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".into()),
            scope: Some("swarm".into()),
            config_from: Some(ConfigReference { network: Some(new.want.config_from.clone()) }),
            labels: Some(labels(&new.marks, HashMap::new())),
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

    async fn mark(cx: &Docker, id: &str, marks: &Marks) -> Result<()> {
        let call = "docker.NetworkInspect";
        let one = cx.reads(call).await?.inspect_network(id, None).await.map_err(failed(call))?;
        let now = one.labels.unwrap_or_default();
        let now = cx.ours.marks(pairs(&now));
        let same = |now: &Marks| now.address == marks.address && now.protect == marks.protect;
        if now.as_ref().is_some_and(same) {
            return Ok(());
        }
        let why = "a Docker network's labels cannot change: replace it (`docker network rm` when no service uses it, then apply)";
        Err(Error::new(Class::Invalid, "docker.NetworkLabels", why))
    }
}
