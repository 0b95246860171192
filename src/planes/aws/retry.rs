//! What is tried again, how often, and for how long.
//!
//! A create whose answer was lost may have made its object. AWS recognises a repeat by its client token, and some
//! creates are idempotent by themselves; every other create is tried once, and the engine then looks for the object by its marks.
//! A throttle is different: the call was not carried out, so all are tried again.

use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason};
use aws_smithy_types::retry::{ErrorKind, RetryConfig};
use aws_smithy_types::timeout::TimeoutConfig;

use super::wire::{Broken, Call, Refusal};

/// The limit on one attempt, from sending to the answer's last byte; [`super::wire::Wire`] keeps it, so that waiting for a rate
/// budget does not count.
pub const ATTEMPT: Duration = Duration::from_secs(30);

/// The limit on making a connection.
pub const CONNECT: Duration = Duration::from_secs(5);

/// Attempts of one call, at most.
const ATTEMPTS: u32 = 8;

/// Attempts of one call when nobody listens at the endpoint: enough for a restart of what is there.
const ATTEMPTS_UNCONNECTED: u32 = 3;

/// Attempts of one call that is answered with a web page: AWS's front ends do it when they fail, an emulator when it does
/// not implement the call.
const ATTEMPTS_PAGE: u32 = 2;

/// How calls are repeated: with exponential pauses. The SDK's adaptive mode is not used: it knows one rate for a whole service and lets
/// a single throttle cost 20 seconds; [`super::budget`] slows down the call that was throttled and no other.
#[must_use]
pub fn config() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(500))
}

/// The SDK's own time-outs.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).build()
}

/// Error codes with which the services refuse a call because of too many:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>. Not `LimitExceededException`: all services that reeve
/// uses mean a quota by it, which no repeat changes.
pub(super) const THROTTLES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "TooManyRequests",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// Verbs with which a call makes something that a second call would make again, or would stumble over.
const CREATES: &[&str] = &["Create", "Allocate", "Run", "Request", "Start", "Restore"];

/// Creates that AWS documents as idempotent without a token: the same settings, name or key give the same object.
const IDEMPOTENT: &[&str] = &[
    // "If you attempt to create multiple load balancers with the same settings, each call succeeds": the operations' API pages.
    "elbv2.CreateLoadBalancer",
    "elbv2.CreateTargetGroup",
    "elbv2.CreateListener",
    // "if the requester already owns a topic with the specified name, that topic's ARN is returned".
    "sns.CreateTopic",
    // Own bucket of the same name: answered with BucketAlreadyOwnedByYou or success.
    "s3.CreateBucket",
    // Tags are set, not added.
    "ec2.CreateTags",
    "autoscaling.CreateOrUpdateTags",
];

/// Whether a repeat of `call` could make a second object, or hide that the first try made one.
fn is_blind(call: &Call) -> bool {
    CREATES.iter().any(|verb| call.operation.starts_with(verb)) && !call.has_token && !IDEMPOTENT.contains(&call.to_string().as_str())
}

/// Forbids the repeats that could do harm, and those that are useless.
#[derive(Debug)]
pub struct NoBlindRepeat;

impl NoBlindRepeat {
    /// Whether another attempt is out of the question though the SDK would make it.
    fn forbids(call: &Call, refusal: Option<&Refusal>, may_have_happened: bool) -> bool {
        match refusal {
            Some(refusal) if refusal.is_throttle() || refusal.is_expired => false,
            Some(refusal) if refusal.code.as_deref() == Some("LimitExceededException") => true,
            Some(refusal) if refusal.is_page && call.attempt >= ATTEMPTS_PAGE => true,
            None if !may_have_happened => call.attempt >= ATTEMPTS_UNCONNECTED,
            _ => may_have_happened && is_blind(call),
        }
    }
}

impl ClassifyRetry for NoBlindRepeat {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let forbidden = match error.as_connector_error().and_then(|error| Broken::find(error)) {
            Some(broken) => Self::forbids(&broken.call, None, broken.may_have_arrived),
            None => context.response().is_some_and(|response| match response.extension::<Call>() {
                // A refusal of class 4xx says that nothing was done; an answer of success that makes no sense, that something was.
                Some(call) => Self::forbids(call, response.extension(), !(400..500).contains(&response.status().as_u16())),
                None => false,
            }),
        };
        if forbidden { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }

    fn classify_retry_v2(&self, context: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let own = self.classify_retry(context);
        let refusal = context.response().and_then(|response| response.extension::<Refusal>());
        // A 429 without a code that the SDK knows is still a throttle. What waited for its budget until its signature was too old is signed anew.
        let throttled = refusal.is_some_and(|refusal| refusal.is_throttle() || refusal.is_expired);
        match previous {
            RetryAction::NoActionIndicated if throttled => {
                RetryAction::RetryIndicated(RetryReason::RetryableError { kind: ErrorKind::ThrottlingError, retry_after: None })
            }
            _ => own,
        }
    }

    fn name(&self) -> &'static str {
        "NoBlindRepeat"
    }

    fn priority(&self) -> RetryClassifierPriority {
        // After all others: it has the last word.
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
