//! Who is started, given up and put to rest. Pure: what is there and the time come in, what to do goes out.
//!
//! Nothing is remembered: what was decided before stands in the labels of the services ([`Wake`]), and the next look decides from those again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::book::{Book, Rules};
use crate::kinds::docker::service::wake::Wake;

/// So often in a row a start that nobody asks for any more is tried again.
const TRIES: u32 = 5;
/// The first pause after a start that failed; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest.
const LONGEST: Duration = Duration::from_secs(1800);
/// So many at most are being put to rest at the same time.
const RESTING: usize = 8;
/// So long everybody may take to confirm that a tenant is left alone, before it is let live on.
const CONFIRM: Duration = Duration::from_secs(300);
/// So old is what is wanted of one that is not served before it is forgotten: another host may have heard before this one that it is served.
const HEARD: Duration = Duration::from_secs(60);

/// How far a tenant's container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// There is none, and none is to be.
    Down,
    /// There is to be one, and it is not ready yet. What Swarm says of it; empty while it says nothing.
    Coming(String),
    /// It answers, since then.
    Up(Timestamp),
    /// It will never start as it is: why.
    Stuck(String),
}

/// A tenant, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its container is to run.
    pub runs: bool,
    /// How far it is.
    pub phase: Phase,
    /// What is wanted of it.
    pub wake: Wake,
    /// When it was last used, as far as anybody knows.
    pub used: Option<Timestamp>,
    /// All hosts have confirmed that none of its requests goes to its container: since the rest that began then.
    pub left_alone: Option<Timestamp>,
}

/// What to do with a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// Start its container.
    Start,
    /// It answers: nothing is wanted of it any more.
    Arrived,
    /// The start failed: stop it, and try again later.
    GiveUp {
        /// Why.
        why: String,
    },
    /// Send its requests to the waker.
    Rest,
    /// Let it live on.
    Stay,
    /// Stop its container.
    Stop,
    /// It is not served: nothing is wanted of it.
    Forget,
}

/// Whether the leader may put tenants to rest: it may not while a host that routes does not say what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resting {
    /// It may.
    Allowed,
    /// It may not.
    Forbidden,
    /// What hosts say is not known now: nobody is sent to rest and nobody is stopped, and who is about to rest waits for what they say.
    Unknown,
}

/// What to do now, by tenant.
#[must_use]
pub fn decide(now: Timestamp, tenants: &BTreeMap<String, Tenant>, book: &Book, resting: Resting) -> Vec<(String, Do)> {
    let rules = &book.rules;
    let mut todo = Vec::new();
    let served = || tenants.iter().filter(|(name, _)| book.serves(name)).map(|(_, one)| one);
    let mut waking = served().filter(|one| is_waking(one)).count();
    let mut going = served().filter(|one| one.wake.resting.is_some()).count();
    for (name, tenant) in tenants {
        let Some(entry) = book.get(name).filter(|_| book.serves(name)) else {
            todo.extend(is_over(&tenant.wake, now).then(|| (name.clone(), Do::Forget)));
            continue;
        };
        let resting = if entry.may_rest(now) { resting } else { Resting::Forbidden };
        match step(now, tenant, rules, resting) {
            Some(Do::Rest) if going >= RESTING => {}
            Some(Do::Rest) => {
                going += 1;
                todo.push((name.clone(), Do::Rest));
            }
            Some(what) => {
                waking -= usize::from(is_waking(tenant) && matches!(what, Do::Arrived | Do::GiveUp { .. }));
                todo.push((name.clone(), what));
            }
            None => {}
        }
    }
    let free = rules.max_waking.saturating_sub(waking);
    todo.extend(queue(now, tenants, book).into_iter().take(free).map(|name| (name.to_owned(), Do::Start)));
    todo
}

/// Tenants that are served and wait for their start, who came first first. Those whose last start failed are in it once their pause is over.
#[must_use]
pub fn queue<'t>(now: Timestamp, tenants: &'t BTreeMap<String, Tenant>, book: &Book) -> Vec<&'t str> {
    let since = |(name, tenant): (&'t String, &Tenant)| {
        let since = waits_since(tenant).filter(|since| *since <= now && book.serves(name))?;
        Some((since, name.as_str()))
    };
    let mut waiting: Vec<(Timestamp, &str)> = tenants.iter().filter_map(since).collect();
    waiting.sort();
    waiting.into_iter().map(|(_, name)| name).collect()
}

/// Since when it waits for its start: a time to come while it pauses after one that failed.
fn waits_since(tenant: &Tenant) -> Option<Timestamp> {
    let since = tenant.wake.wanted.filter(|_| !tenant.runs && tenant.wake.started.is_none())?;
    Some(tenant.wake.not_before.map_or(since, |not_before| since.max(not_before)))
}

/// How soon there is something to do for somebody; zero: it goes on now. `None`: for nobody, until something happens.
#[must_use]
pub fn next(now: Timestamp, tenants: &BTreeMap<String, Tenant>, book: &Book) -> Option<Duration> {
    let soon = |tenant: &Tenant| {
        let goes_on = tenant.wake.resting.is_some() || tenant.wake.started.is_some();
        let until = |since: Timestamp| Duration::try_from(since.duration_since(now)).unwrap_or_default();
        if goes_on { Some(Duration::ZERO) } else { waits_since(tenant).map(until) }
    };
    tenants.iter().filter(|(name, _)| book.serves(name)).filter_map(|(_, tenant)| soon(tenant)).min()
}

/// Whether that label says something which nobody can have meant just now.
pub(super) fn is_over(wake: &Wake, now: Timestamp) -> bool {
    let last = [wake.wanted, wake.started, wake.resting].into_iter().flatten().max();
    *wake != Wake::default() && last.is_none_or(|last| now.duration_since(last) > signed(HEARD))
}

/// Whether it takes one of the places of those that start. Only what was started here does: what dies again and again by itself would keep everybody waiting.
fn is_waking(tenant: &Tenant) -> bool {
    tenant.runs && tenant.wake.started.is_some() && !matches!(tenant.phase, Phase::Up(_))
}

fn step(now: Timestamp, tenant: &Tenant, rules: &Rules, resting: Resting) -> Option<Do> {
    let Tenant { runs, phase, wake, .. } = tenant;
    let idle = |up: Timestamp| now.duration_since(tenant.used.map_or(up, |used| used.max(up))) >= signed(rules.after);
    if let Some(since) = wake.resting {
        let up = if let Phase::Up(up) = phase { *up } else { since };
        return match runs {
            // It was stopped meanwhile: nothing is left to be done but to say so.
            false => Some(Do::Stay),
            // Somebody came, also just before the others heard of it.
            _ if wake.wanted.is_some() || !idle(up) => Some(Do::Stay),
            _ if resting == Resting::Forbidden || now.duration_since(since) > signed(CONFIRM) => Some(Do::Stay),
            _ if resting == Resting::Allowed && tenant.left_alone == Some(since) => Some(Do::Stop),
            _ => None,
        };
    }
    match phase {
        Phase::Up(_) if *wake != Wake::default() => Some(Do::Arrived),
        Phase::Up(up) if *runs && resting == Resting::Allowed => idle(*up).then_some(Do::Rest),
        Phase::Stuck(why) if *runs && wake.started.is_some() => Some(Do::GiveUp { why: why.clone() }),
        Phase::Coming(word) if *runs => {
            let late = wake.started.is_some_and(|started| now.duration_since(started) > signed(rules.wake_timeout));
            let why = if word.is_empty() { "it did not become ready in time" } else { word };
            late.then(|| Do::GiveUp { why: why.to_owned() })
        }
        // Somebody stopped it while it started.
        Phase::Down if !runs && wake.started.is_some() => Some(Do::Arrived),
        _ => None,
    }
}

/// What is to be written for a start that failed. `jitter` is 0 to 1: tenants that failed together are not tried together.
#[must_use]
pub fn failed(wake: &Wake, why: &str, now: Timestamp, jitter: f64) -> Wake {
    let failures = wake.failures.saturating_add(1);
    let pause = PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0);
    let not_before = now.saturating_add(pause).ok();
    // Who asks again has it tried again; until then it is left alone some day.
    let wanted = if failures < TRIES { wake.wanted.or(Some(now)) } else { None };
    Wake { wanted, failures, not_before, why: why.to_owned(), ..Wake::default() }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
