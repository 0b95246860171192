//! What the leader does to a tenant's service. Each change looks once more: what was decided on may have passed.

use jiff::Timestamp;

use super::policy::{self, Do};
use crate::kinds::docker::service::wake::{Wake, change};
use crate::planes::error::Result;
use crate::planes::{Docker, Plane, Planes};

/// Carries one decision out; whether anything was changed. `planes` ask for the leader's lease before each change.
///
/// # Errors
/// What the engine answered; the lease is lost.
pub async fn carry_out(planes: &Planes, id: &str, what: &Do, now: Timestamp, jitter: f64) -> Result<bool> {
    let docker = Docker::of(planes)?;
    change(docker, id, |wake, runs| changed(wake, runs, what, now, jitter)).await
}

/// What the label and the number of containers become; `None` when the decision no longer fits.
pub(super) fn changed(wake: &Wake, runs: i64, what: &Do, now: Timestamp, jitter: f64) -> Option<(Wake, i64)> {
    let wanted = wake.wanted.is_some();
    match what {
        Do::Start => (runs == 0 && wanted).then(|| (Wake { started: Some(now), resting: None, ..wake.clone() }, 1)),
        Do::Arrived => wake.resting.is_none().then(|| (Wake::default(), runs)),
        Do::GiveUp { why } => wake.started.is_some().then(|| (policy::failed(wake, why, now, jitter), 0)),
        Do::Rest => (runs > 0 && *wake == Wake::default()).then(|| (Wake { resting: Some(now), ..Wake::default() }, runs)),
        // One that was stopped while somebody came for it is still wanted.
        Do::Stay => Some((Wake { resting: None, wanted: wake.wanted.filter(|_| runs == 0), ..wake.clone() }, runs)),
        Do::Stop => (wake.resting.is_some() && !wanted).then(|| (Wake::default(), 0)),
        // Whether a suspended one runs is the apply's.
        Do::Forget => policy::is_over(wake, now).then(|| (Wake::default(), runs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_between_is_looked_at_again() {
        let now = Timestamp::UNIX_EPOCH;
        let wanted = Wake { wanted: Some(now), ..Wake::default() };
        let resting = Wake { resting: Some(now), ..Wake::default() };
        let both = Wake { wanted: Some(now), ..resting.clone() };
        assert_eq!(changed(&wanted, 1, &Do::Start, now, 0.0), None, "somebody has started it");
        assert_eq!(changed(&Wake::default(), 0, &Do::Start, now, 0.0), None, "nobody wants it any more");
        assert_eq!(changed(&both, 1, &Do::Stop, now, 0.0), None, "somebody came");
        assert_eq!(changed(&Wake::default(), 1, &Do::Stop, now, 0.0), None, "it is to stay by now");
        assert_eq!(changed(&resting, 1, &Do::Stop, now, 0.0), Some((Wake::default(), 0)));
        assert_eq!(changed(&wanted, 1, &Do::Rest, now, 0.0), None);
        assert_eq!(changed(&resting, 1, &Do::Arrived, now, 0.0), None, "it is about to rest");
        assert_eq!(changed(&both, 1, &Do::Stay, now, 0.0), Some((Wake::default(), 1)));
        assert_eq!(changed(&both, 0, &Do::Stay, now, 0.0), Some((wanted.clone(), 0)));
        assert_eq!(changed(&wanted, 0, &Do::Forget, now, 0.0), None, "somebody came just now, where it is served");
        let (failed, runs) = changed(&Wake { started: Some(now), ..both }, 1, &Do::GiveUp { why: "no".into() }, now, 0.0).unwrap();
        assert_eq!((runs, failed.failures, failed.started), (0, 1, None));
    }
}
