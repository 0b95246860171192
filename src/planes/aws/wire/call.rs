//! Which call a request belongs to, written on the request.

use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Which call a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service's short name: `ec2`, `rds`, `elbv2`, `logs`.
    pub service: String,
    /// The operation: `CreateVpc`.
    pub operation: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Whether the request carries a client token, so that its repeat has no effect.
    pub has_token: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.operation)
    }
}

impl Call {
    /// Whether the call only reads.
    #[must_use]
    pub fn is_read(&self) -> bool {
        ["Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Search", "Simulate", "Test", "Check"]
            .iter()
            .any(|verb| self.operation.starts_with(verb))
    }
}

/// A service's id in its SDK (`Elastic Load Balancing v2`) as people write it (`elbv2`).
fn short(service: &str) -> String {
    match service {
        "Elastic Load Balancing v2" => "elbv2".into(),
        "CloudWatch Logs" => "logs".into(),
        other => other.to_lowercase().replace(' ', ""),
    }
}

/// Writes on each request which [`Call`] it belongs to. Each client needs it; a request without goes out unbudgeted and uncounted.
#[derive(Debug)]
pub struct Named;

impl Intercept for Named {
    fn name(&self) -> &'static str {
        "Named"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metadata) = cfg.load::<Metadata>() {
            let call = Call {
                service: short(metadata.service()),
                operation: metadata.name().to_owned(),
                attempt: cfg.load::<RequestAttempts>().map_or(1, RequestAttempts::attempts),
                has_token: has_token(context.request()),
            };
            context.request_mut().add_extension(call);
        }
        Ok(())
    }
}

/// Client tokens under the names that the services give them; all are members of the body, of whatever format.
fn has_token(request: &HttpRequest) -> bool {
    let body = request.body().bytes().unwrap_or_default();
    ["ClientToken", "CreationToken", "ClientRequestToken", "IdempotencyToken", "CreatorRequestId", "CallerReference"].iter().any(|name| {
        let rest = &name.as_bytes()[1..];
        // JSON services of the newer kind write the first letter small.
        body.windows(name.len()).any(|part| part[0].eq_ignore_ascii_case(&name.as_bytes()[0]) && &part[1..] == rest)
    })
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn services_have_short_names() {
        for (id, name) in [
            ("EC2", "ec2"),
            ("Elastic Load Balancing v2", "elbv2"),
            ("CloudWatch Logs", "logs"),
            ("Auto Scaling", "autoscaling"),
            ("Route 53", "route53"),
        ] {
            assert_eq!(short(id), name);
        }
    }

    #[test]
    fn a_client_token_is_seen_in_each_format() {
        let request = |body: &str| {
            let mut request = HttpRequest::empty();
            *request.body_mut() = SdkBody::from(body);
            request
        };
        for body in [
            "Action=CreateNatGateway&ClientToken=x",
            r#"{"clientToken":"x"}"#,
            r#"{"CreationToken":"x"}"#,
            "<CallerReference>x</CallerReference>",
        ] {
            assert!(has_token(&request(body)), "{body}");
        }
        assert!(!has_token(&request("Action=CreateVpc&CidrBlock=10.0.0.0%2F16")));
    }
}
