//! A Docker secret: what a tenant's container reads under `/run/secrets`, as JSON of names and values.
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Secret>.
//! Its content cannot change and cannot be read back: what it was made of stands in a label, secrets by the names of their parameters and by
//! their fingerprints. Another fingerprint means another secret beside the old one, to which its service moves.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::SecretSpec;
use bollard::query_parameters::UpdateSecretOptionsBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::kinds::aws::parameter::Parameter;
use crate::kinds::mysql::user::User;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref, Text};
use crate::planes::Docker;
use crate::planes::docker::{Labels, failed, labels, pairs};
use crate::planes::error::{Absent, Error, Result};
use crate::planes::mysql::servers::name_of;

/// A secret of the swarm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Fields whose values are secrets, read from their parameters when it is made. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub secrets: BTreeMap<String, Ref<Parameter>>,
    /// Fields whose values are made of a secret and the field's own name, so that one secret serves for several. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub derived: BTreeMap<String, Ref<Parameter>>,
    /// The database user whose name stands in it as `user`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub user: Option<Ref<User>>,
    /// Fingerprints of the parameters: when one is rotated, so is this. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub fingerprints: BTreeSet<Text>,
}

/// The label that says what it was made of.
const MADE_OF: &str = "reeve-made-of";

impl Named for Secret {
    const NAME: &'static str = "docker.secret";
}

impl Kind for Secret {
    type Plane = Docker;
    const PAGE: &'static str = "https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Secret";
    const TAGS: Tags = Tags::Labels("secret");
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    const NAME_LIMIT: usize = 64;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let twice = self.derived.keys().find(|name| self.secrets.contains_key(*name));
        let empty = self.secrets.is_empty() && self.derived.is_empty();
        let mut wrong: Vec<_> = twice.map(|name| (format!("derived.{name}"), "stands in `secrets` too".to_owned())).into_iter().collect();
        wrong.extend(empty.then(|| ("secrets".to_owned(), "has to name something".to_owned())));
        wrong
    }

    async fn fetch(cx: &Docker) -> Result<Vec<Live<Self>>> {
        let call = "docker.SecretList";
        let all = cx.reads(call).await?.list_secrets(None).await.map_err(failed(call))?;
        let mut live = Vec::new();
        for one in all {
            let spec = one.spec.unwrap_or_default();
            let (id, name, tags) = (one.id.unwrap_or_default(), spec.name.unwrap_or_default(), spec.labels.unwrap_or_default());
            let Some(marks) = cx.ours.marks_or_stranger(Self::NAME, (&name, &id), pairs(&tags)) else { continue };
            // Somebody took the label off: then it is of nothing that is wished.
            let shape = tags.get(MADE_OF).and_then(|text| serde_json::from_str(text).ok());
            let shape = shape.unwrap_or_default();
            let made_at = one.created_at.map(|at| at.to_string()).unwrap_or_default();
            live.push(Live { id, attributes: attributes([("name", &name)]), shape, marks, made_at });
        }
        Ok(live)
    }

    async fn create(cx: &Docker, new: &New<Self>) -> Result<Made> {
        let call = "docker.SecretCreate";
        let name = new.name(Self::NAME_LIMIT);
        let made_of = serde_json::to_string(&new.want).map_err(|_| Error::incomplete(call, "JSON form"))?;
        let spec = SecretSpec {
            name: Some(name.clone()),
            labels: Some(labels(&new.marks, Labels::from([(MADE_OF.to_owned(), made_of)]))),
            data: Some(STANDARD.encode(content(cx, &new.want).await?.as_bytes())),
            ..SecretSpec::default()
        };
        let made = cx.changes(call).await?.create_secret(spec).await.map_err(failed(call))?;
        Ok(Made { id: made.id, attributes: attributes([("name", &name)]) })
    }

    async fn update(_: &Docker, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(cx: &Docker, gone: &Gone<Self>) -> Result<()> {
        let call = "docker.SecretDelete";
        cx.changes(call).await?.delete_secret(&gone.id).await.map_err(failed(call)).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Docker, id: &str) -> Result<Ready> {
        let call = "docker.SecretInspect";
        let one = cx.reads(call).await?.inspect_secret(id).await.map_err(failed(call))?;
        Ok(Ready::Yes(attributes([("name", &one.spec.and_then(|spec| spec.name).unwrap_or_default())])))
    }

    async fn mark(cx: &Docker, id: &str, marks: &Marks) -> Result<()> {
        let call = "docker.SecretUpdate";
        let one = cx.reads("docker.SecretInspect").await?.inspect_secret(id).await.map_err(failed(call))?;
        let version = version(one.version, call)?;
        let mut spec = one.spec.unwrap_or_default();
        spec.labels = Some(labels(marks, spec.labels.take().unwrap_or_default()));
        let options = UpdateSecretOptionsBuilder::default().version(version).build();
        cx.changes(call).await?.update_secret(id, spec, options).await.map_err(failed(call))
    }
}

/// The JSON that the container reads. It exists only here, and is wiped.
async fn content(cx: &Docker, want: &Secret) -> Result<Zeroizing<String>> {
    let mut fields = Map::new();
    if let Some(user) = &want.user {
        fields.insert("user".to_owned(), Value::String(name_of(user.id()).to_owned()));
    }
    for (name, parameter) in &want.secrets {
        fields.insert(name.clone(), Value::String(cx.vault.parameter(parameter.id()).await?.expose().to_owned()));
    }
    for (name, parameter) in &want.derived {
        fields.insert(name.clone(), Value::String(cx.vault.parameter(parameter.id()).await?.derived(name).expose().to_owned()));
    }
    Ok(Zeroizing::new(Value::Object(fields).to_string()))
}

/// The version of an object of the swarm, which a change of it has to name.
pub fn version<T: TryFrom<u64>>(version: Option<bollard::models::ObjectVersion>, call: &str) -> Result<T> {
    version.and_then(|version| T::try_from(version.index?).ok()).ok_or_else(|| Error::incomplete(call, "version"))
}
