//! Whether an object is ready, asked outside of an apply.

use std::time::Duration;

use crate::kinds::{Ready, lookup};
use crate::planes::Planes;

/// So long the answer may take.
const ANSWERS: Duration = Duration::from_secs(10);

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It is ready.
    Ready,
    /// It is not there, or not known everywhere yet.
    Absent,
    /// It is not ready, and in which state.
    NotYet(String),
    /// It will never be, and why.
    Never(String),
    /// Nobody could say it, and why.
    Unsaid(String),
}

/// Asks for the object `id` of that kind; `None` where there is no such kind.
pub(super) async fn of(planes: &Planes, kind: &str, id: &str) -> Option<Readiness> {
    let asked = (lookup(kind)?.ready)(planes, id.to_owned());
    Some(match tokio::time::timeout(ANSWERS, asked).await {
        Ok(Ok(Ready::Yes(_))) => Readiness::Ready,
        Ok(Ok(Ready::NotYet(state))) => Readiness::NotYet(state),
        Ok(Ok(Ready::Failed(why))) => Readiness::Never(why),
        Ok(Err(error)) if error.is_not_found() => Readiness::Absent,
        Ok(Err(error)) => Readiness::Unsaid(error.to_string()),
        Err(_) => Readiness::Unsaid(format!("whether it is ready was not said within {} s", ANSWERS.as_secs())),
    })
}
