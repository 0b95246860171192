//! What AWS's error codes mean. Codes come from each service's "Common errors" and operation pages.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use super::gate::Shut;
use super::retry;
use super::wire::{Broken, chain};
use crate::planes::error::{Class, Error};

impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let call = call_name::<E>();
        let request_id = error.request_id().map(str::to_owned);
        match &error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default().to_owned();
                let message = match service.err().message() {
                    Some(message) => message.to_owned(),
                    None if code.is_empty() => {
                        format!("answered with HTTP status {status} and no error that this service is known to give")
                    }
                    None => String::new(),
                };
                let class = class(&code, &message, status);
                Self { code, request_id, ..Self::new(class, call, message) }
            }
            // Nothing was sent: a request that cannot be built, no credentials.
            SdkError::ConstructionFailure(_) => Self { request_id, ..Self::new(Class::Invalid, call, innermost(&error)) },
            SdkError::DispatchFailure(_) if never_arrived(&error) => {
                let shut = chain(&error).any(|cause| cause.is::<Shut>());
                let class = if shut { Class::LeaseLost } else { Class::Unreachable };
                Self { request_id, ..Self::new(class, call, innermost(&error)) }
            }
            _ => Self { request_id, ..Self::new(Class::Ambiguous, call, innermost(&error)) },
        }
    }
}

/// `aws_sdk_ec2::operation::create_vpc::CreateVpcError` -> `ec2.CreateVpc`.
fn call_name<E>() -> String {
    let path = std::any::type_name::<E>();
    let service = path.strip_prefix("aws_sdk_").and_then(|rest| rest.split("::").next()).unwrap_or("aws");
    let service = match service {
        "elasticloadbalancingv2" => "elbv2",
        "cloudwatchlogs" => "logs",
        other => other,
    };
    let operation = path.rsplit("::").next().unwrap_or(path);
    format!("{service}.{}", operation.strip_suffix("Error").unwrap_or(operation))
}

/// The last cause has the words a person can act on ("Connection refused").
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    if text.is_empty() { error.to_string() } else { text }
}

/// No connection, no name, no TLS, no credentials: the service has surely not seen the request.
fn never_arrived<E, R>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: std::error::Error + 'static,
{
    match (Broken::find(error), error) {
        (Some(broken), _) => !broken.may_have_arrived,
        (None, SdkError::DispatchFailure(failure)) => failure.is_user(),
        _ => false,
    }
}

/// Codes with which the services refuse a call because another change of the same object is under way: the same call is taken a little later.
/// Each stands on its service's "Errors" pages with words like "wait and retry".
const OTHERS_AT_WORK: &[&str] = &[
    // IAM, Route 53; CloudTrail.
    "ConcurrentModification",
    "ConcurrentModificationException",
    // S3; CloudWatch Logs.
    "OperationAborted",
    "OperationAbortedException",
    // Backup, CloudTrail, Logs, KMS.
    "ConflictException",
    // SNS: two changes of one topic's tags; tags of a topic that had the same name.
    "ConcurrentAccess",
    "StaleTag",
    // Parameters.
    "TooManyUpdates",
    // Auto Scaling.
    "ResourceContention",
    // WAF: tags that have not arrived everywhere.
    "WAFTagOperationException",
];

fn class(code: &str, message: &str, status: u16) -> Class {
    match code {
        _ if retry::THROTTLES.contains(&code) => Class::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthFailure"
        | "OptInRequired"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch" => Class::Denied,
        "DependencyViolation"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "DeleteConflict"
        | "VolumeInUse"
        | "FileSystemInUse"
        | "InvalidDBInstanceState"
        | "InvalidDBSubnetGroupStateFault"
        | "InvalidDBParameterGroupState"
        | "IncorrectFileSystemLifeCycleState"
        | "IncorrectMountTargetState"
        | "IncorrectState"
        | "InvalidGroup.InUse"
        | "InvalidIPAddress.InUse"
        | "ScalingActivityInProgress"
        | "WAFAssociatedItemException"
        | "WAFUnavailableEntityException"
        | "WAFOptimisticLockException"
        | "BucketNotEmpty"
        | "PendingVerification" => Class::InUse,
        _ if OTHERS_AT_WORK.contains(&code) => Class::InUse,
        "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable" | "InternalServerError" | "RequestTimeout" => {
            Class::Ambiguous
        }
        "DBInstanceAlreadyExists" | "SubscriptionAlreadyExist" | "BucketAlreadyOwnedByYou" | "BucketAlreadyExists" => Class::AlreadyExists,
        _ if code.contains("NotFound") || code.contains("NoSuch") || code.contains("NonExistent") || code.contains("DoesNotExist") => {
            Class::NotFound
        }
        "ResourceNotFoundException" | "NotFoundException" | "InvalidAllocationID" | "WAFNonexistentItemException" | "404" => {
            Class::NotFound
        }
        // Auto Scaling and EC2's network ACL entries answer a plain ValidationError for what is gone.
        "ValidationError" if message.contains("not found") || message.contains("does not exist") => Class::NotFound,
        _ if code.contains("AlreadyExists")
            || code.contains("Duplicate")
            || code.ends_with("Exists")
            || code.contains("AlreadyAssociated") =>
        {
            Class::AlreadyExists
        }
        _ if code.contains("Throttl") => Class::Throttled,
        _ if status == 404 => Class::NotFound,
        _ if status >= 500 => Class::Ambiguous,
        _ => Class::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_one_meaning() {
        for (code, want) in [
            ("InvalidVpcID.NotFound", Class::NotFound),
            ("NoSuchEntity", Class::NotFound),
            ("DBInstanceNotFound", Class::NotFound),
            ("DependencyViolation", Class::InUse),
            ("EntityAlreadyExists", Class::AlreadyExists),
            ("SubscriptionAlreadyExist", Class::AlreadyExists),
            ("InvalidGroup.Duplicate", Class::AlreadyExists),
            ("RequestLimitExceeded", Class::Throttled),
            ("TooManyRequests", Class::Throttled),
            ("ConcurrentModificationException", Class::InUse),
            ("OperationAbortedException", Class::InUse),
            ("ConcurrentAccess", Class::InUse),
            ("TooManyUpdates", Class::InUse),
            ("LimitExceededException", Class::Invalid),
            ("UnauthorizedOperation", Class::Denied),
            ("InvalidParameterValue", Class::Invalid),
        ] {
            assert_eq!(class(code, "", 400), want, "{code}");
        }
        assert!(retry::THROTTLES.iter().all(|code| class(code, "", 400) == Class::Throttled), "one list");
        // Auto Scaling says it with a server's status.
        assert_eq!(class("ResourceContention", "", 500), Class::InUse);
        assert_eq!(class("", "", 500), Class::Ambiguous);
    }

    #[test]
    fn the_call_is_named_by_its_error_type() {
        assert_eq!(call_name::<aws_sdk_ec2::operation::create_vpc::CreateVpcError>(), "ec2.CreateVpc");
        assert_eq!(call_name::<aws_sdk_elasticloadbalancingv2::operation::create_rule::CreateRuleError>(), "elbv2.CreateRule");
    }
}
