//! What AWS's error codes mean. Codes come from each service's "Common errors" and operation pages.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use super::gate::Shut;
use super::retry;
use super::wire::{Broken, Refusal, chain};
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

/// What a call that was answered with success says of one of its items: that it was refused.
#[must_use]
pub fn refused(call: &str, code: &str, message: &str) -> Error {
    Error { code: code.to_owned(), ..Error::new(class(code, message, 400), call, message) }
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

/// Whether a call was refused because a role, a policy or a key that it leans on is too new to be known everywhere. Each service says it
/// in words of its own, which it also has for what is wrong for good: so it is tried again for a while only.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency>
fn is_early(code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    let says = |words: &str| message.contains(words);
    // KMS, S3 and EFS: a policy names a principal that IAM does not know.
    code.contains("Policy") && says("principal")
        // RDS: a monitoring role without its rights.
        || says("enhanced_monitoring")
        // EC2 ("Unable to assume given IAM role") and AWS Backup ("cannot be assumed").
        || code.starts_with("InvalidParameter") && says("assume")
        // Auto Scaling and EC2.
        || says("invalid iam instance profile") || says("invalid iaminstanceprofile")
        // CloudWatch Logs: a key whose policy it does not know.
        || code == "AccessDeniedException" && says("specified kms key does not exist or is not allowed to be used")
        || code == "InvalidParameterException" && says("specified kms key") && says("could not be found")
        // Elastic Load Balancing: its log bucket's policy.
        || says("access denied for bucket")
        || matches!(
            code,
            // CloudTrail: its role, its log group, its bucket's policy, its key's.
            "InvalidCloudWatchLogsRoleArnException"
                | "InvalidCloudWatchLogsLogGroupArnException"
                | "InsufficientS3BucketPolicyException"
                | "InsufficientEncryptionPolicyException"
                // RDS and Systems Manager: a key.
                | "KMSKeyNotAccessibleFault"
                | "InvalidKeyId"
                // WAF: what it is to stand before.
                | "WAFUnavailableEntityException"
        )
}

fn class(code: &str, message: &str, status: u16) -> Class {
    match code {
        _ if is_early(code, message) => Class::Early,
        // Not carried out, as what is throttled.
        _ if Refusal::says_expired(code, message) => Class::Throttled,
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
        // S3 answers a HEAD without a body, and so without a code.
        "" | "403" | "Forbidden" if status == 403 => Class::Denied,
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
        assert_eq!(class("RequestExpired", "Request has expired.", 400), Class::Throttled);
        assert_eq!(
            class("InvalidSignatureException", "Signature expired: 20261124T0 is now earlier than 20261124T1", 403),
            Class::Throttled
        );
        assert_eq!(class("SignatureDoesNotMatch", "The request signature we calculated does not match", 403), Class::Denied);
        assert_eq!([class("", "", 403), class("", "", 400)], [Class::Denied, Class::Invalid]);
    }

    #[test]
    fn what_leans_on_something_too_new_is_known_by_each_service_s_words() {
        for (code, message, wait) in [
            ("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.", true),
            ("MalformedPolicy", "Invalid principal in policy", true),
            (
                "InvalidParameterValue",
                "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
                true,
            ),
            ("InvalidParameter", "Unable to assume given IAM role", true),
            ("InvalidParameterValueException", "IAM Role arn:aws:iam::1:role/x cannot be assumed by AWS Backup", true),
            ("ValidationError", "You must use a valid fully-formed launch template. Invalid IAM Instance Profile name", true),
            ("InvalidCloudWatchLogsRoleArnException", "Access denied. Check the trust relationships for your role.", true),
            ("InsufficientEncryptionPolicyException", "Insufficient permissions to access S3 bucket or KMS key.", true),
            (
                "AccessDeniedException",
                "The specified KMS key does not exist or is not allowed to be used with Arn 'arn:aws:logs:eu-west-2:1:log-group:x'",
                true,
            ),
            ("InvalidParameterException", "The specified KMS Key Id could not be found. '/aws/x'", true),
            ("KMSKeyNotAccessibleFault", "The specified KMS key [arn:aws:kms:x] does not exist", true),
            ("InvalidKeyId", "", true),
            ("InvalidConfigurationRequest", "Access Denied for bucket: x. Please check S3bucket permission", true),
            ("WAFUnavailableEntityException", "AWS WAF couldn't retrieve the resource that you requested.", true),
            ("MalformedPolicy", "Policy has invalid resource", false),
            ("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole on resource: y", false),
            ("AccessDeniedException", "User: x is not authorized to perform: kms:DescribeKey", false),
            ("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", false),
            ("ValidationError", "The subnet ID does not exist", false),
        ] {
            assert_eq!(class(code, message, 400) == Class::Early, wait, "{code}: {message}");
        }
    }

    #[test]
    fn the_call_is_named_by_its_error_type() {
        assert_eq!(call_name::<aws_sdk_ec2::operation::create_vpc::CreateVpcError>(), "ec2.CreateVpc");
        assert_eq!(call_name::<aws_sdk_elasticloadbalancingv2::operation::create_rule::CreateRuleError>(), "elbv2.CreateRule");
    }
}
