//! The fault layer: what AWS does to its callers and no emulator does. Only tests make one; `reeve` itself never does.
//!
//! It sits inside [`super::wire::Wire`], so that retries, budgets, counting and error classes see the faults as they would see AWS's.
//! All of it is deterministic: rules count the calls that they match, and chance comes from a seed.

mod late;
mod refusal;
mod rule;
mod stale;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::wire::Call;

use rule::Dice;
pub use rule::Rule;

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Refused with the service's own throttling error; not carried out.
    Throttle,
    /// Refused with an error code and an HTTP status, in the form of the service's protocol; not carried out. An object that cannot be
    /// seen yet is `Refuse { status: 400, code: "InvalidVpcID.NotFound" }` for a few calls.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: String,
    },
    /// Answered with a server's fault without any error code; not carried out.
    ServerError(u16),
    /// Carried out, and then answered with a server's fault.
    ServerErrorAfter(u16),
    /// Not carried out, and no answer in time; nobody waits for it here.
    Timeout,
    /// Carried out, and the answer does not arrive.
    LostReply,
    /// Carried out later.
    Delay(Duration),
    /// Carried out, and the answer breaks off in the middle.
    ShortPage,
    /// After a change, this many reads of the same text still get the answer from before it: objects not visible yet, still
    /// listed, or still in their old state.
    Stale {
        /// How many reads after each change.
        reads: u32,
    },
    /// What is made is not visible at first: the next reads that name it are told that it is not there, and listings that were read
    /// before it are answered from before it.
    Late {
        /// How many reads of each.
        reads: u32,
        /// A word in the names that requests give to what they make.
        names: String,
    },
    /// The program ends before the call: this one and all later ones fail with [`Crashed`].
    CrashBefore,
    /// The program ends when the call was carried out: this one's answer is lost, and all later ones fail.
    CrashAfter,
}

/// The error of every call after a crash point. It is not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program was stopped here by a test")
    }
}

impl std::error::Error for Crashed {}

/// The rules and what they have done; clones share both.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    dice: Dice,
    crashed: bool,
    freezes: bool,
    in_flight: usize,
    changes: Vec<String>,
    stale: stale::Answers,
    young: late::Young,
}

impl Faults {
    /// No rules yet. The seed decides what [`Rule::chance`] comes to.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rules: Vec::new(),
            dice: Dice(seed),
            crashed: false,
            freezes: false,
            in_flight: 0,
            changes: Vec::new(),
            stale: stale::Answers::default(),
            young: late::Young::default(),
        })))
    }

    /// Adds a rule.
    #[must_use]
    pub fn with(self, rule: Rule) -> Self {
        self.state().rules.push(rule);
        self
    }

    /// The program ends before its `n`-th change, counted from 1 over all services.
    #[must_use]
    pub fn crash_before(self, n: u32) -> Self {
        self.with(Rule::new("*", Fault::CrashBefore).changes().after(n.saturating_sub(1)).times(1))
    }

    /// The program ends when its `n`-th change, counted from 1, was carried out and before it hears of it.
    #[must_use]
    pub fn crash_after(self, n: u32) -> Self {
        self.with(Rule::new("*", Fault::CrashAfter).changes().after(n.saturating_sub(1)).times(1))
    }

    /// At a crash point everything stands still instead: no call is answered any more, not even with an error, so that the program can be
    /// dropped just as a killed process goes, with nothing written of what it could not know.
    #[must_use]
    pub fn freezing(self) -> Self {
        self.state().freezes = true;
        self
    }

    /// Whether a crash point was reached and every call that was on its way then has arrived.
    #[must_use]
    pub fn is_still(&self) -> bool {
        let state = self.state();
        state.crashed && state.in_flight == 0
    }

    /// Whether a crash point was reached.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// The changes that were asked for, in order, whatever became of them: how many crash points there are.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        self.state().changes.clone()
    }

    /// How often each rule has struck, in the order of [`Faults::with`]: a test that threw no fault tested nothing.
    #[must_use]
    pub fn struck(&self) -> Vec<u32> {
        self.state().rules.iter().map(|rule| rule.struck).collect()
    }

    /// The reads that were told by [`Fault::Late`] that something is not there.
    #[must_use]
    pub fn hidden(&self) -> BTreeSet<String> {
        self.state().young.hidden()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, call: &Call) -> Option<Fault> {
        let mut state = self.state();
        if state.crashed {
            return Some(Fault::CrashBefore);
        }
        if !call.is_read() {
            state.changes.push(call.to_string());
        }
        let State { rules, dice, .. } = &mut *state;
        let fault = rules.iter_mut().find_map(|rule| rule.strikes(call, dice).then(|| rule.fault.clone()));
        state.crashed = matches!(fault, Some(Fault::CrashBefore | Fault::CrashAfter));
        fault
    }

    /// Lets a call through, or does to it what the rules say.
    pub(super) async fn around<F, R>(&self, call: &Call, request: HttpRequest, send: F) -> Result<HttpResponse, ConnectorError>
    where
        F: FnOnce(HttpRequest) -> R,
        R: Future<Output = Result<HttpResponse, ConnectorError>>,
    {
        let fault = self.next(call);
        let answer = self.strike(fault, call, request, send).await;
        if self.is_frozen() {
            std::future::pending::<()>().await;
        }
        answer
    }

    fn is_frozen(&self) -> bool {
        let state = self.state();
        state.crashed && state.freezes
    }

    async fn strike<F, R>(&self, fault: Option<Fault>, call: &Call, request: HttpRequest, send: F) -> Result<HttpResponse, ConnectorError>
    where
        F: FnOnce(HttpRequest) -> R,
        R: Future<Output = Result<HttpResponse, ConnectorError>>,
    {
        let key = stale::key(call, &request);
        let carry_out = async |request| {
            self.state().in_flight += 1;
            let answer = send(request).await;
            let mut state = self.state();
            state.in_flight -= 1;
            if !call.is_read() {
                state.stale.changed();
            }
            drop(state);
            answer
        };
        match fault {
            None => carry_out(request).await,
            Some(Fault::Throttle) => refusal::throttle(call),
            Some(Fault::Refuse { status, code }) => refusal::answer(call, status, &code, "thrown in by a test"),
            Some(Fault::ServerError(status)) => refusal::bare(status),
            Some(Fault::ServerErrorAfter(status)) => carry_out(request).await.and_then(|_| refusal::bare(status)),
            Some(Fault::Timeout) => Err(ConnectorError::timeout("no answer in time (thrown in by a test)".into())),
            Some(Fault::LostReply) => carry_out(request).await.and_then(|_| Err(lost())),
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                carry_out(request).await
            }
            Some(Fault::ShortPage) => carry_out(request).await.map(cut),
            Some(Fault::Stale { reads }) => {
                if let Some(old) = self.state().stale.old(&key, reads) {
                    return old;
                }
                let at = self.state().stale.now();
                let answer = carry_out(request).await?;
                if call.is_read() {
                    self.state().stale.keep(key, at, &answer);
                }
                Ok(answer)
            }
            Some(Fault::Late { reads, names }) => {
                let asked = late::text(&request);
                if !call.is_read() {
                    let answer = carry_out(request).await?;
                    self.state().young.learn(call, &asked, &answer, &names, reads);
                    return Ok(answer);
                }
                if self.state().young.hides(call, &asked) {
                    return late::not_there(call);
                }
                if let Some(old) = self.state().stale.old(&key, reads) {
                    return old;
                }
                let at = self.state().stale.now();
                let answer = carry_out(request).await?;
                self.state().stale.keep(key, at, &answer);
                Ok(answer)
            }
            Some(Fault::CrashBefore) => Err(ConnectorError::user(Crashed.into())),
            Some(Fault::CrashAfter) => carry_out(request).await.and_then(|_| Err(ConnectorError::user(Crashed.into()))),
        }
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset (thrown in by a test)").into())
}

/// The first half of an answer.
fn cut(mut response: HttpResponse) -> HttpResponse {
    let body = response.body().bytes().unwrap_or_default();
    let half = body[..body.len() / 2].to_vec();
    response.headers_mut().remove("content-length");
    *response.body_mut() = SdkBody::from(half);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str) -> Call {
        let (service, operation) = name.split_once('.').unwrap();
        Call { service: service.into(), operation: operation.into(), attempt: 1, has_token: false }
    }

    #[test]
    fn rules_count_what_they_match() {
        let faults = Faults::new(1).with(Rule::new("ec2.*", Fault::Throttle).changes().after(1).times(2));
        let calls = ["ec2.CreateVpc", "ec2.DescribeVpcs", "rds.CreateDBInstance", "ec2.CreateVpc", "ec2.CreateVpc", "ec2.CreateVpc"];
        let struck: Vec<_> = calls.iter().map(|name| faults.next(&call(name)).is_some()).collect();
        assert_eq!(struck, [false, false, false, true, true, false]);
        assert_eq!((faults.struck(), faults.changes().len()), (vec![2], 5));
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let run = |seed| {
            let faults = Faults::new(seed).with(Rule::new("*", Fault::Throttle).chance(0.3));
            (0..1000).map(|_| faults.next(&call("ec2.CreateVpc")).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let struck = run(7).iter().filter(|struck| **struck).count();
        assert!((250..350).contains(&struck), "{struck}");
    }

    #[test]
    fn nothing_goes_on_after_a_crash() {
        let faults = Faults::new(1).crash_before(2);
        assert_eq!(faults.next(&call("ec2.CreateVpc")), None);
        assert_eq!(faults.next(&call("ec2.DescribeVpcs")), None);
        assert!(!faults.crashed());
        assert_eq!(faults.next(&call("ec2.CreateSubnet")), Some(Fault::CrashBefore));
        assert_eq!(faults.next(&call("ec2.DescribeVpcs")), Some(Fault::CrashBefore));
        assert!(faults.crashed());
    }
}
