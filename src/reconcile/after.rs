//! A pass within the loop, and what is taken over from one to the next.

use std::time::{Duration, Instant};

use tracing::{Instrument, Span, info, warn};

use super::pass::{End, Pass, Passed};
use super::status::Ready;
use super::told;
use super::trigger::Why;
use super::turn::{Part, SOURCE, Turn};
use crate::trace;

/// The part that fails when a pass does.
const PASS: Part = "the pass";
/// After a pass was put off because somebody else applies, or the world moved.
const LOCKED: Duration = Duration::from_secs(5);

impl Turn {
    pub(super) async fn pass(&mut self) {
        let (Some(loaded), Some(session), Some(lead)) = (self.loaded.clone(), &self.session, self.lead.lease()) else { return };
        let first = self.pending.contains(&Why::Lead);
        let reasons: Vec<String> = std::mem::take(&mut self.pending).iter().map(ToString::to_string).collect();
        let began = Instant::now();
        let resting = self.resting.resting(began);
        let pass = Pass {
            session,
            lead,
            loaded: &loaded,
            planes: &self.settings.planes,
            resting: &resting,
            first,
            line: &self.settings.line,
            parallelism: self.settings.parallelism,
            halt: self.shared.halt.clone(),
        };
        let span = trace::pass(&session.stack.name, &reasons.join(", "));
        let passed = pass.run().instrument(span.clone()).await;
        self.ended = Some(Instant::now());
        let result = self.after(&passed, began.elapsed(), &reasons.join(", "));
        write_down(&passed, result, span);
        self.hold(&passed).await;
        if !self.knows_what_was_told().await {
            return;
        }
        let fetch = self.fetch.as_deref().map(|why| (SOURCE, why));
        let trouble: Vec<(&str, &str)> = self.trouble.failing().map(|(part, why)| (*part, why)).chain(fetch).collect();
        let seen = told::seen(&passed, &self.resting, &trouble, self.post.ledger());
        self.tell(seen).await;
    }

    /// Takes in what came of a pass.
    fn after(&mut self, passed: &Passed, took: Duration, reasons: &str) -> &'static str {
        let now = Instant::now();
        self.due = now + self.every();
        if let Some(report) = &passed.report {
            for one in report.failed.iter().filter(|one| one.class != crate::apply::class(crate::planes::Class::LeaseLost)) {
                let rests = self.resting.failed(one.address.clone(), one.error.clone(), now, rand::random());
                warn!(address = one.address.as_str(), "{} is left alone for {} s", one.address, rests.as_secs());
            }
            report.finished.iter().for_each(|address| self.resting.succeeded(address));
            self.in_flight = !report.unknown.is_empty();
        }
        if let Some(plan) = &passed.plan {
            // What has nothing to do is well, whoever mended it.
            self.resting.retain(|address| plan.changes().any(|action| action.address == *address));
            self.shared.metrics.planned(plan);
            let amount = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            self.shared.metrics.held.set(amount(passed.decision.held.len()));
            self.shared.metrics.resting.set(amount(self.resting.failing().count()));
        }
        if let Some(next) = self.resting.next(now) {
            self.due = self.due.min(next);
        }
        if !matches!(passed.end, End::PutOff(_)) {
            self.put_off = false;
        }
        let unreadable = passed.plan.as_ref().map_or(0, |plan| plan.unreadable.len());
        let is_blind = passed.is_blind();
        let (result, ready) = match &passed.end {
            End::Failed(why) => (self.troubled(PASS, why.clone()), false),
            _ if is_blind => (self.troubled(PASS, format!("{unreadable} kinds could not be read")), false),
            End::Quiet | End::Applied if unreadable == 0 && self.resting.failing().next().is_none() => ("ok", true),
            End::Quiet | End::Applied | End::Partial => ("partial", true),
            End::Refused(why) => {
                self.say(&format!("a policy of the stack refuses the plan, nothing of it is applied: {why}"), true);
                ("refused", true)
            }
            End::PutOff(holder) => {
                if !std::mem::replace(&mut self.put_off, true) {
                    info!("put off: {holder} applies");
                }
                self.due = now + LOCKED;
                ("put_off", true)
            }
            End::Moved => {
                info!("put off: the world moved while it was planned");
                self.due = now + LOCKED;
                ("put_off", true)
            }
            End::Stopped => ("stopped", true),
        };
        if matches!(passed.end, End::Applied | End::Partial) {
            self.pending.insert(Why::Again);
        }
        if ready {
            self.trouble.succeeded(&PASS);
            self.shared.status.is(Ready::Leads);
        }
        if let Some(plan) = passed.plan.as_ref().filter(|_| matches!(passed.end, End::Quiet) && !is_blind) {
            let (held, resting, waiting) = (passed.decision.held.len(), self.resting.failing().count(), plan.waiting.len());
            let refused = plan.refusals.len();
            let words = format!("{held} held, {resting} failing, {waiting} waiting, {refused} refused, {unreadable} unreadable");
            if self.said != words {
                info!(plan = plan.digest, commit = plan.made.commit, "nothing to do now ({reasons}): {words}");
                self.said = words;
            }
        } else {
            self.said.clear();
        }
        let seconds = || jiff::Timestamp::now().as_millisecond() as f64 / 1000.0;
        self.shared.metrics.passed(result, took, (result == "ok").then(seconds));
        result
    }
}

/// Writes into a pass's span what came of it, and ends it.
fn write_down(passed: &Passed, result: &'static str, span: Span) {
    trace::set(&span, "reeve.result", result);
    if let Some(plan) = &passed.plan {
        trace::planned(&span, plan);
    }
    let number = |amount: usize| i64::try_from(amount).unwrap_or(i64::MAX);
    trace::set(&span, "reeve.held", number(passed.decision.held.len()));
    trace::set(&span, "reeve.resting", number(passed.decision.resting.len()));
    if let Some(report) = &passed.report {
        trace::set(&span, "reeve.applied", number(report.finished.len()));
        trace::set(&span, "reeve.failed", number(report.failed.len()));
    }
    if let Some(why) = passed.wrong() {
        trace::failed(&span, result, why);
    }
}
