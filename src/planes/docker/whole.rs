//! Services as the engine tells them, whole: also with what the client's model of them does not know, so that what was read can be sent back without losing any of it.
//!
//! bollard gives only its model, but lets each request be changed before it goes out: so the answer of a service is read as the bytes that an export is, and the body
//! of an update is what the engine told.

use axum::http::Uri;
use bollard::models::{Service, ServiceSpec};
use bollard::query_parameters::UpdateServiceOptionsBuilder;
use futures::TryStreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Docker, failed};
use crate::planes::error::{Error, Result};

impl Docker {
    /// The service with that id.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn whole_service(&self, call: &str, id: &str) -> Result<Value> {
        let told = self.told(call, format!("/services/{id}")).await?;
        serde_json::from_slice(&told).map_err(|_| Error::incomplete(call, "service in it"))
    }

    /// All services, also with the health checks of their containers, which the client's model has in other letters than the engine.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn all_services(&self, call: &str) -> Result<Vec<Service>> {
        let told = self.told(call, "/services?status=true".to_owned()).await?;
        in_the_clients_letters(&told).ok_or_else(|| Error::incomplete(call, "list of services in it"))
    }

    /// One of them, read in the same way.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn service(&self, call: &str, id: &str) -> Result<Service> {
        let told = self.told(call, format!("/services/{id}")).await?;
        in_the_clients_letters(&told).ok_or_else(|| Error::incomplete(call, "service in it"))
    }

    /// What the engine answers there.
    async fn told(&self, call: &str, at: String) -> Result<Vec<u8>> {
        let engine = self.reads(call).await?.clone().with_request_modifier(move |mut request| {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = request.uri().path().replace("/containers/told/export", &at).parse().ok();
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
            request
        });
        let pieces: Vec<_> = engine.export_container("told").try_collect().await.map_err(failed(call))?;
        Ok(pieces.concat())
    }

    /// Has the service be as `spec` says, which the engine told and of which something was changed. `version`: of the service that was read.
    ///
    /// # Errors
    /// What the engine answered; the lease is lost.
    pub async fn put_whole_service(&self, call: &str, id: &str, version: i32, spec: &Value) -> Result<()> {
        let body = spec.to_string();
        let engine = self.changes(call).await?.clone().with_request_modifier(move |mut request| {
            *request.body_mut() = bollard::body_full(body.clone().into());
            request
        });
        let options = UpdateServiceOptionsBuilder::default().version(version).build();
        engine.update_service(id, ServiceSpec::default(), options, None).await.map_err(failed(call))?;
        Ok(())
    }
}

/// What the engine told, with health checks where the client's model looks for them.
fn in_the_clients_letters<T: DeserializeOwned>(told: &[u8]) -> Option<T> {
    // Only a name has these letters: within a text the engine writes `\"`.
    let text = String::from_utf8_lossy(told).replace(r#""Healthcheck":"#, r#""HealthCheck":"#);
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_are_read_and_texts_stay_as_they_are() {
        let label = r#"{\"Healthcheck\":1}"#;
        let told = format!(
            r#"[{{"ID":"x","Spec":{{"Labels":{{"made":"{label}"}},"TaskTemplate":{{"ContainerSpec":{{"Healthcheck":{{"Retries":6}}}}}}}}}}]"#
        );
        let all: Vec<Service> = in_the_clients_letters(told.as_bytes()).unwrap();
        let spec = all[0].spec.clone().unwrap();
        assert_eq!(spec.labels.unwrap()["made"], r#"{"Healthcheck":1}"#);
        let container = spec.task_template.unwrap().container_spec.unwrap();
        assert_eq!(container.health_check.unwrap().retries, Some(6));
        assert!(in_the_clients_letters::<Service>(b"no JSON").is_none());
    }
}
