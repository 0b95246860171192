//! What an engine's answer means.

use std::io::ErrorKind;

use bollard::errors::Error as Answer;

use crate::model::runbook::{DISK_FULL, DOCKER_DOWN, QUORUM, Runbook};
use crate::planes::error::{Class, Error};

/// Turns an engine's error into ours: `.map_err(failed("docker.ServiceCreate"))`.
pub fn failed(call: &str) -> impl Fn(Answer) -> Error + '_ {
    move |answer| match answer {
        Answer::DockerResponseServerError { status_code, message } => {
            let class = class(status_code, &message);
            let text = match book(&message) {
                Some(book) => format!("{}: see {book}", message.trim()),
                None => message.trim().to_owned(),
            };
            Error { code: status_code.to_string(), ..Error::new(class, call, text) }
        }
        Answer::RequestTimeoutError => Error::new(Class::Ambiguous, call, format!("the engine did not answer in time: see {DOCKER_DOWN}")),
        Answer::JsonDataError { message, .. } => Error::new(Class::Ambiguous, call, format!("the answer makes no sense: {message}")),
        // A call that never left has changed nothing; everything else may have.
        other => {
            let class = if never_left(&other) { Class::Unreachable } else { Class::Ambiguous };
            Error::new(class, call, format!("{other}: see {DOCKER_DOWN}"))
        }
    }
}

/// Whether there was no connection to send the call over. One that ended on the way, or in the middle of the answer, is another thing.
fn never_left(answer: &Answer) -> bool {
    match answer {
        Answer::HyperLegacyError { err } => err.is_connect(),
        Answer::SocketNotFoundError(_) => true,
        Answer::IOError { err } => matches!(err.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied),
        _ => false,
    }
}

/// What to do about it, where there is something.
fn book(message: &str) -> Option<Runbook> {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match () {
        () if says(&["not a swarm manager", "does not have a leader", "context deadline exceeded"]) => Some(QUORUM),
        () if says(&["no space left on device"]) => Some(DISK_FULL),
        () => None,
    }
}

fn class(status: u16, message: &str) -> Class {
    match status {
        404 => Class::NotFound,
        // A node that is no manager answers 503: that will not change by itself. Without a leader it may.
        503 if message.contains("not a swarm manager") => Class::Invalid,
        _ if message.contains("update out of sequence") => Class::InUse,
        _ if message.contains("is in use by") || message.contains("has active endpoints") => Class::InUse,
        409 => Class::AlreadyExists,
        400 | 403 => Class::Invalid,
        _ if message.contains("already exists") || message.contains("name conflicts") => Class::AlreadyExists,
        _ => Class::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_their_classes() {
        for (status, message, class) in [
            (404, "service x not found", Class::NotFound),
            (
                409,
                "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service x already exists",
                Class::AlreadyExists,
            ),
            (500, "rpc error: code = Unknown desc = update out of sequence", Class::InUse),
            (400, "rpc error: code = InvalidArgument desc = secret 'a' is in use by the following service: b", Class::InUse),
            (400, "invalid mount config", Class::Invalid),
            (503, "This node is not a swarm manager.", Class::Invalid),
            (500, "rpc error: code = DeadlineExceeded", Class::Ambiguous),
        ] {
            assert_eq!(super::class(status, message), class, "{message}");
        }
    }
}
