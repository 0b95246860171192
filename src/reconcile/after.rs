//! A pass within the loop, and what is taken over from one to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tracing::{Instrument, Span, info, warn};

use super::awaited::Became;
use super::pass::{End, Pass, Passed};
use super::quiet::Quiet;
use super::readiness::{self, Readiness};
use super::status::Ready;
use super::told;
use super::trigger::Why;
use super::turn::{Part, SOURCE, Turn};
use crate::apply::Halt;
use crate::model::Address;
use crate::model::plan::Plan;
use crate::model::report::{Report, Stop};
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
            quiet: self.quiet.take(),
            awaited: &self.awaited,
            status: &self.shared.status,
            halt: self.shared.halt.clone(),
        };
        let span = trace::pass(&session.stack.name, &reasons.join(", "));
        let passed = pass.run().instrument(span.clone()).await;
        self.ended = Some(Instant::now());
        let knows = self.knows_what_was_told().await;
        let told = self.post.ledger().failing().filter_map(|subject| Address::parse(subject).ok());
        let just_now = passed.report.iter().flat_map(|report| &report.failed).map(|one| one.address.clone());
        let before = self.resting.failing().map(|(address, _)| address.clone()).chain(self.awaited.failures().cloned());
        let failed = before.chain(told).chain(just_now).collect();
        let unready = self.unready(&passed, failed).await;
        let result = self.after(&passed, &unready, began.elapsed(), &reasons.join(", "));
        write_down(&passed, result, span);
        self.hold(&passed).await;
        if knows {
            self.tell_of(&passed).await;
        }
        self.quiet = Quiet::of(loaded, passed);
    }

    async fn tell_of(&mut self, passed: &Passed) {
        let fetch = self.fetch.as_deref().map(|why| (SOURCE, why));
        let trouble: Vec<(&str, &str)> = self.trouble.failing().map(|(part, why)| (*part, why)).chain(fetch).collect();
        let seen = told::seen(passed, &self.resting, &trouble, self.post.ledger());
        self.tell(seen).await;
    }

    /// Of what failed before and has nothing left to do, what is not ready yet, and why: that is not well again.
    async fn unready(&self, passed: &Passed, failed: BTreeSet<Address>) -> BTreeMap<Address, String> {
        let (Some(plan), Some(session)) = (&passed.plan, &self.session) else { return BTreeMap::new() };
        let planes = session.planes().fresh();
        let ask = |address: Address| {
            let planes = &planes;
            let seen = plan.seen.get(&address).filter(|_| !plan.changes().any(|action| action.address == address));
            async move {
                let seen = seen?;
                match readiness::of(planes, &seen.kind, &seen.id).await? {
                    Readiness::Ready | Readiness::Absent => None,
                    Readiness::NotYet(why) | Readiness::Never(why) => Some((address, format!("it is not ready: {why}"))),
                    Readiness::Unsaid(why) => Some((address, why)),
                }
            }
        };
        futures::future::join_all(failed.into_iter().map(ask)).await.into_iter().flatten().collect()
    }

    /// Looks after what earlier passes began. Whatever became of something begins the next pass.
    pub(super) async fn look_after(&mut self) {
        let Some(session) = self.session.as_ref().filter(|_| self.awaited.next().is_some_and(|at| at <= Instant::now())) else { return };
        let mut halt = self.shared.halt.clone();
        let became = tokio::select! {
            biased;
            _ = halt.wait_for(|halt| *halt != Halt::No) => return,
            became = self.awaited.look(session.planes()) => became,
        };
        for (address, became) in became {
            self.pending.insert(Why::Ready);
            match became {
                Became::Ready => info!(address = address.as_str(), "{address} is ready"),
                Became::Failed(why) => {
                    warn!(address = address.as_str(), "{address}: {why}");
                    self.resting.failed(address, why, Instant::now(), rand::random());
                }
            }
        }
    }

    /// Takes in what came of a pass.
    fn after(&mut self, passed: &Passed, unready: &BTreeMap<Address, String>, took: Duration, reasons: &str) -> &'static str {
        let now = Instant::now();
        self.due = now + self.every();
        if let Some(report) = &passed.report {
            for one in report.failed.iter().filter(|one| one.class != crate::apply::class(crate::planes::Class::LeaseLost)) {
                let rests = self.resting.failed(one.address.clone(), one.error.clone(), now, rand::random());
                warn!(address = one.address.as_str(), "{} is left alone for {} s", one.address, rests.as_secs());
            }
            report.finished.iter().for_each(|address| self.resting.succeeded(address));
            self.awaited.add(&report.awaited, now);
            self.in_flight = !report.unknown.is_empty();
        }
        if let Some(plan) = &passed.plan {
            // What has nothing to do and is ready is well, whoever mended it.
            self.resting.retain(|address| unready.contains_key(address) || passed.is_to_do(address));
            self.awaited.forget_failures(|address| !unready.contains_key(address));
            let rests = self.resting.resting(now);
            for (address, why) in unready.iter().filter(|(address, _)| !rests.contains(*address)) {
                self.resting.failed(address.clone(), why.clone(), now, rand::random());
            }
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
        let refused = passed.plan.as_ref().map_or(0, |plan| plan.refusals.len());
        let is_blind = passed.is_blind();
        let (result, ready) = match &passed.end {
            End::Failed(why) => (self.troubled(PASS, why.clone()), false),
            _ if is_blind => (self.troubled(PASS, passed.wrong().unwrap_or_default()), false),
            End::Quiet | End::Applied if unreadable == 0 && refused == 0 && self.resting.failing().next().is_none() => ("ok", true),
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
            // It says nothing of anything.
            End::Stopped => ("stopped", false),
        };
        if passed.report.as_ref().is_some_and(|report| goes_on(passed.plan.as_ref(), report)) {
            self.pending.insert(Why::Again);
        }
        if ready {
            self.trouble.succeeded(&PASS);
            let forbidden = match &passed.end {
                End::Refused(why) => Some(format!("a policy of the stack refuses the plan: {why}")),
                _ => None,
            };
            let stale = self.fetch.as_ref().map(|why| format!("nothing newer can be had of the source, the commit before counts: {why}"));
            self.shared.status.is(Ready::Leads(forbidden.or(stale)));
        }
        if let Some(plan) = passed.plan.as_ref().filter(|_| matches!(passed.end, End::Quiet) && !is_blind) {
            let (held, resting, waiting) = (passed.decision.held.len(), self.resting.failing().count(), plan.waiting.len());
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

/// Whether what an apply did calls for another look at once. That something was ready, or is not, changed nothing; what failed is tried again when it has rested.
fn goes_on(plan: Option<&Plan>, report: &Report) -> bool {
    let is_changed = |address: &Address| plan.is_some_and(|plan| plan.changes().any(|action| action.address == *address));
    // What was only begun goes on when that is ready for which it waits.
    let begun = !report.begun.is_empty() && !report.only_waits();
    let changed = !report.finished.is_empty() || begun || report.dropped > 0;
    let broke = matches!(report.stopped, Some(Stop::LeaseLost | Stop::Journal | Stop::Interrupted)) || !report.unknown.is_empty();
    changed || broke || report.failed.iter().any(|one| is_changed(&one.address))
}

/// Writes into a pass's span what came of it, and ends it.
fn write_down(passed: &Passed, result: &'static str, span: Span) {
    trace::set(&span, "reeve.result", result);
    if let Some(plan) = &passed.plan {
        trace::planned(&span, plan);
    }
    trace::set(&span, "reeve.held", trace::count(passed.decision.held.len()));
    trace::set(&span, "reeve.resting", trace::count(passed.decision.resting.len()));
    if let Some(report) = &passed.report {
        trace::set(&span, "reeve.applied", trace::count(report.finished.len()));
        trace::set(&span, "reeve.failed", trace::count(report.failed.len()));
    }
    if let Some(why) = passed.wrong() {
        trace::failed(&span, result, why);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::report::{Do, Failure};

    fn plan() -> Plan {
        serde_json::from_value(json!({
            "format_version": 1, "stack": "s", "account": "1", "region": "r", "domain": "d", "complete": true, "destroy": false,
            "actions": [{ "address": "a.new", "kind": "aws.vpc", "action": "create", "cause": ["change"], "reason": "", "edits": [] },
                        { "address": "a.same", "kind": "aws.vpc", "action": "no-op", "cause": [], "reason": "", "edits": [] }],
            "waiting": [], "refusals": [], "unreadable": [], "wishes": {}, "seen": {},
            "scope": { "target": [], "exclude": [], "allow_delete": [], "planes": [] },
        }))
        .unwrap()
    }

    fn failed(address: &str) -> Report {
        let address = Address::parse(address).unwrap();
        let failure = Failure { address, what: Do::Ready, class: "invalid".into(), error: "never".into(), namesake: None };
        Report { failed: vec![failure], ..Report::default() }
    }

    #[test]
    fn only_what_changed_something_is_looked_at_again_at_once() {
        let again = |report: &Report| goes_on(Some(&plan()), report);
        let new = || vec![Address::parse("a.new").unwrap()];
        // Something that is there already was ready, and something else is not: every second anew otherwise.
        assert!(!again(&Report { done: 1, stopped: Some(Stop::Waits), ..Report::default() }));
        assert!(!again(&failed("a.same")), "it is asked again when it has rested");
        assert!(again(&failed("a.new")));
        assert!(again(&Report { finished: new(), ..Report::default() }) && again(&Report { begun: new(), ..Report::default() }));
        // The old one of a replacement is marked in each pass while the new one has to wait.
        assert!(!again(&Report { begun: new(), stopped: Some(Stop::Waits), ..Report::default() }));
        assert!(again(&Report { dropped: 1, ..Report::default() }));
        assert!(again(&Report { stopped: Some(Stop::LeaseLost), ..Report::default() }));
    }
}
