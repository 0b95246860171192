//! The HTTP client under all SDK clients.

/// Names the call on each request.
#[derive(Debug)]
pub struct Named;

impl aws_smithy_runtime_api::client::interceptors::Intercept for Named {
    fn name(&self) -> &'static str {
        "Named"
    }
}
