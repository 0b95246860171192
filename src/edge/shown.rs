//! What the waker can say of each tenant: a picture of the last look, from which every answer is made without asking anybody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::book::Book;
use super::page::State;
use super::policy::{Phase, Tenant, queue};

/// The picture.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    tenants: BTreeMap<String, Tenant>,
    queue: Vec<String>,
    restoring: BTreeSet<String>,
    usual: Usual,
    at: Option<Timestamp>,
}

/// How long starts take, in seconds.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    of: BTreeMap<String, u64>,
}

impl Usual {
    /// One start took so long.
    pub fn took(&mut self, tenant: &str, seconds: u64) {
        self.of.insert(tenant.to_owned(), seconds);
    }

    /// How long this tenant's took the last time, or else the middle one of all.
    #[must_use]
    pub fn of(&self, tenant: &str) -> Option<u64> {
        let middle = || {
            let mut all: Vec<u64> = self.of.values().copied().collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied()
        };
        self.of.get(tenant).copied().or_else(middle)
    }
}

impl Shown {
    /// The picture of a look.
    #[must_use]
    pub fn new(now: Timestamp, tenants: BTreeMap<String, Tenant>, book: &Book, restoring: BTreeSet<String>, usual: Usual) -> Self {
        let queue = queue(now, &tenants, book).into_iter().map(str::to_owned).collect();
        Self { tenants, queue, restoring, usual, at: Some(now) }
    }

    /// How it is with a tenant that was asked for just now; `wakes`: that is a reason to start it.
    #[must_use]
    pub fn state(&self, name: &str, wakes: bool, now: Timestamp) -> State {
        if self.restoring.contains(name) {
            return State::Busy { doing: "Its data is being restored.".to_owned() };
        }
        let Some(tenant) = self.tenants.get(name) else {
            // Nobody has looked yet, or it is not made yet.
            let starting = State::Starting { since: 0, usual: None, step: String::new() };
            return if self.at.is_some() { State::Busy { doing: "It is being set up.".to_owned() } } else { starting };
        };
        match &tenant.phase {
            Phase::Up(_) if tenant.wake.resting.is_some() && !wakes => State::Asleep,
            Phase::Up(_) => State::Ready,
            Phase::Coming(word) if word.contains("no suitable node") => State::NoRoom,
            Phase::Coming(word) => {
                let since = tenant.wake.started.map_or(0, |started| seconds(started, now));
                State::Starting { since, usual: self.usual.of(name), step: sentence(word).to_owned() }
            }
            Phase::Stuck(_) | Phase::Down => self.down(name, tenant, wakes, now),
        }
    }

    fn down(&self, name: &str, tenant: &Tenant, wakes: bool, now: Timestamp) -> State {
        let wake = &tenant.wake;
        if let Some(next) = wake.not_before.filter(|next| *next > now)
            && (wakes || wake.wanted.is_some())
        {
            return State::Failed { why: String::new(), tries: wake.failures, next_try: seconds(now, next) };
        }
        let of = self.queue.len();
        match self.queue.iter().position(|one| one == name) {
            Some(at) => State::Queued { position: count(at + 1), of: count(of) },
            None if wakes || wake.wanted.is_some() => State::Queued { position: count(of + 1), of: count(of + 1) },
            None => State::Asleep,
        }
    }

    /// Who waits to be started, in order.
    #[must_use]
    pub fn queue(&self) -> &[String] {
        &self.queue
    }

    /// Whose last start failed, and why: all that are served and did not come up since.
    #[must_use]
    pub fn failed(&self, book: &Book) -> BTreeMap<String, String> {
        let fail = self.tenants.iter().filter(|(name, one)| one.wake.failures > 0 && book.serves(name));
        fail.map(|(name, one)| (name.clone(), one.wake.why.clone())).collect()
    }

    /// Whether somebody who came for that tenant has to be noted: it is not started by itself.
    #[must_use]
    pub fn is_to_be_wanted(&self, name: &str) -> bool {
        self.tenants.get(name).is_none_or(|tenant| tenant.wake.wanted.is_none() && (!tenant.runs || tenant.wake.resting.is_some()))
    }

    /// How many tenants there are of each phase, for those who watch.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, i64> {
        let mut counts = BTreeMap::from([("asleep", 0), ("queued", 0), ("starting", 0), ("awake", 0), ("failed", 0)]);
        for tenant in self.tenants.values() {
            let word = match &tenant.phase {
                Phase::Up(_) => "awake",
                Phase::Coming(_) => "starting",
                Phase::Stuck(_) => "failed",
                Phase::Down if tenant.wake.failures > 0 => "failed",
                Phase::Down if tenant.wake.wanted.is_some() => "queued",
                Phase::Down => "asleep",
            };
            *counts.entry(word).or_default() += 1;
        }
        counts
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What Swarm's word for a task means to people.
fn sentence(word: &str) -> &'static str {
    match word.split(' ').next().unwrap_or_default() {
        "new" | "pending" | "allocated" => "A host is being looked for.",
        "assigned" | "accepted" | "preparing" | "ready" => "Its programs are being fetched.",
        "starting" => "It is starting up.",
        _ => "",
    }
}
