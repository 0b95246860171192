//! What a service was made of stands in a label: the wish itself. By it what is live is read back, and held against what that makes.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{Service as Seen, ServiceSpec};

use super::{Health, Service, differ, render};
use crate::kinds::docker::node::{name, nodes};
use crate::model::{Marks, Ref};
use crate::planes::Docker;
use crate::planes::docker::{Labels, labels, pairs};
use crate::planes::error::{Error, Result};

/// The label that says what it was made of.
pub(super) const MADE_OF: &str = "reeve-made-of";

/// What a service of this stack was made of; `None` where it is another's.
#[must_use]
pub fn of_ours(cx: &Docker, service: &Seen) -> Option<Service> {
    let tags = service.spec.as_ref()?.labels.as_ref()?;
    cx.ours.marks(pairs(tags))?;
    written(tags)
}

/// The labels of a service: its marks, and what it is made of.
pub(super) fn labelled(want: &Service, marks: &Marks) -> Result<Labels> {
    let made_of = serde_json::to_string(want).map_err(|_| Error::incomplete("docker.ServiceCreate", "JSON form"))?;
    Ok(labels(marks, Labels::from([(MADE_OF.to_owned(), made_of)])))
}

/// The live service in the form of a wish: what it was made of, and where it is something else by now.
pub(super) fn shape(cx: &Docker, spec: &ServiceSpec, modern: bool) -> Result<Service> {
    let tags = spec.labels.clone().unwrap_or_default();
    let Some(mut shape) = written(&tags) else {
        // Somebody took the label off: nothing of it is known to be as it should be.
        let mut shape = unknown();
        shape.foreign.insert(format!("labels: {MADE_OF} is gone"));
        return Ok(shape);
    };
    let name = spec.name.clone().unwrap_or_default();
    let live_replicas = spec.mode.as_ref().and_then(|mode| mode.replicated.as_ref()?.replicas).unwrap_or_default();
    let replicas = if shape.suspended { 0 } else { live_replicas.min(1) };
    let made = render::spec(cx, &shape, &name, tags, replicas, modern)?;
    shape.foreign = differ::differences(&made, spec);
    Ok(shape)
}

fn unknown() -> Service {
    Service {
        tenant: String::new(),
        image: String::new(),
        command: Vec::new(),
        user: String::new(),
        env: BTreeMap::new(),
        database: None,
        folders: BTreeMap::new(),
        network: Ref::to(""),
        port: 0,
        memory_reservation: 0,
        memory_limit: 0,
        cpus: 0.0,
        pids: 0,
        open_files: 0,
        read_only: false,
        tmpfs: BTreeMap::new(),
        health: Health { ready: String::new(), live: String::new(), start_seconds: 0, every_seconds: 0, retries: 0 },
        stop_grace_seconds: 0,
        constraints: BTreeSet::new(),
        suspended: false,
        foreign: BTreeSet::new(),
    }
}

/// The wish in the labels of a service.
pub(super) fn written(tags: &Labels) -> Option<Service> {
    serde_json::from_str(tags.get(MADE_OF)?).ok()
}

/// What older engines do not know of services: that containers gain no rights by what they start. Their daemon's settings have to say it.
pub(super) async fn note_what_is_not_enforced(cx: &Docker, services: usize) -> Result<()> {
    if services == 0 {
        return Ok(());
    }
    let old: Vec<String> = (nodes(cx).await?.iter())
        .filter_map(|node| {
            let version = node.description.as_ref()?.engine.as_ref()?.engine_version.clone()?;
            let major = version.split('.').next()?.parse::<u32>().ok()?;
            (major < 25).then(|| format!("{} (Engine {version})", name(node)))
        })
        .collect();
    if !old.is_empty() {
        let which = old.join(", ");
        cx.ours.note(format!(
            "services cannot ask for no-new-privileges on {which}: its daemon's settings have to, as `reeve host setup` writes them"
        ));
    }
    Ok(())
}
