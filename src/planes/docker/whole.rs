//! Services as the engine tells them, whole: also with what the client's model of them does not know, so that what was read can be sent back without losing any of it.
//!
//! bollard gives only its model, but lets each request be changed before it goes out: so the answer of a service is read as the bytes that an export is, and the body
//! of an update is what the engine told.

use axum::http::Uri;
use bollard::models::ServiceSpec;
use bollard::query_parameters::UpdateServiceOptionsBuilder;
use futures::TryStreamExt;
use serde_json::Value;

use super::{Docker, failed};
use crate::planes::error::{Error, Result};

impl Docker {
    /// The service with that id.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn whole_service(&self, call: &str, id: &str) -> Result<Value> {
        let (export, service) = (format!("/containers/{id}/export"), format!("/services/{id}"));
        let engine = self.reads(call).await?.clone().with_request_modifier(move |mut request| {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = request.uri().path().replace(&export, &service).parse().ok();
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
            request
        });
        let pieces: Vec<_> = engine.export_container(id).try_collect().await.map_err(failed(call))?;
        serde_json::from_slice(&pieces.concat()).map_err(|_| Error::incomplete(call, "service in it"))
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
