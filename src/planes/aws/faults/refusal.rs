//! Refusals in the form of each service's protocol.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::planes::aws::wire::Call;

/// The service's own throttling error.
pub(super) fn throttle(call: &Call) -> Result<HttpResponse, ConnectorError> {
    let (status, code) = match call.service.as_str() {
        "ec2" => (503, "RequestLimitExceeded"),
        "s3" => (503, "SlowDown"),
        "autoscaling" | "elbv2" | "iam" | "rds" | "route53" | "sns" | "sts" => (400, "Throttling"),
        "efs" => (429, "ThrottlingException"),
        _ => (400, "ThrottlingException"),
    };
    answer(call, status, code, "Rate exceeded")
}

/// A server's fault without a body.
pub(super) fn bare(status: u16) -> Result<HttpResponse, ConnectorError> {
    response(status, "text/plain", Vec::new())
}

/// An error as the service would write it.
pub(super) fn answer(call: &Call, status: u16, code: &str, message: &str) -> Result<HttpResponse, ConnectorError> {
    let json = || serde_json::json!({ "__type": code, "message": message }).to_string().into_bytes();
    match call.service.as_str() {
        "ec2" => {
            let body = format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>test</RequestID></Response>"
            );
            response(status, "text/xml;charset=UTF-8", body.into_bytes())
        }
        "s3" => {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>test</RequestId></Error>");
            response(status, "application/xml", body.into_bytes())
        }
        "autoscaling" | "elbv2" | "iam" | "rds" | "route53" | "sns" | "sts" => {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>test</RequestId></ErrorResponse>"
            );
            response(status, "text/xml", body.into_bytes())
        }
        "efs" | "backup" => {
            let mut response = response(status, "application/json", json())?;
            response.headers_mut().insert("x-amzn-errortype", code.to_owned());
            Ok(response)
        }
        "cloudwatch" => {
            let mut response = response(status, "application/cbor", cbor(&[("__type", code), ("message", message)]))?;
            response.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
            Ok(response)
        }
        _ => response(status, "application/x-amz-json-1.1", json()),
    }
}

/// A map of a few texts, each shorter than 256 bytes: RFC 8949, major types 5 and 3.
fn cbor(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0xA0 | u8::try_from(pairs.len()).unwrap_or_default()];
    for text in pairs.iter().flat_map(|(key, value)| [key, value]) {
        out.extend([0x78, u8::try_from(text.len()).unwrap_or(u8::MAX)]);
        out.extend(&text.as_bytes()[..text.len().min(255)]);
    }
    out
}

fn response(status: u16, kind: &'static str, body: Vec<u8>) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::user(error.into()))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}
