//! How long what fails is left alone: twice as long each time, up to a quarter of an hour, and never for the same time twice. Pure: clock and chance come in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// After the first failure.
const FIRST: Duration = Duration::from_secs(10);
/// The longest.
const CAP: Duration = Duration::from_secs(15 * 60);

/// What failed, and until when each is left alone.
#[derive(Debug, Clone)]
pub struct Backoff<K> {
    first: Duration,
    failing: BTreeMap<K, Failing>,
}

#[derive(Debug, Clone)]
struct Failing {
    times: u32,
    until: Instant,
    why: String,
}

impl<K: Ord + Clone> Default for Backoff<K> {
    fn default() -> Self {
        Self::new(FIRST)
    }
}

impl<K: Ord + Clone> Backoff<K> {
    /// `first`: how long something rests that failed once.
    #[must_use]
    pub fn new(first: Duration) -> Self {
        Self { first, failing: BTreeMap::new() }
    }

    /// It failed, and why. `chance` is from 0 to 1: it rests for half of the time at least, so that many that failed at once are not tried again at once.
    /// Answers how long it rests.
    pub fn failed(&mut self, what: K, why: String, now: Instant, chance: f64) -> Duration {
        let times = self.failing.get(&what).map_or(0, |one| one.times).saturating_add(1);
        let whole = self.first.saturating_mul(1 << (times - 1).min(20)).min(CAP);
        let rests = whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        self.failing.insert(what, Failing { times, until: now + rests, why });
        rests
    }

    /// It succeeded: its next failure is a first one.
    pub fn succeeded(&mut self, what: &K) {
        self.failing.remove(what);
    }

    /// Only what `keep` says is remembered.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.failing.retain(|what, _| keep(what));
    }

    /// Everything is tried again at once: somebody changed what is wished, or asked for it.
    pub fn forget(&mut self) {
        self.failing.clear();
    }

    /// What is left alone now.
    #[must_use]
    pub fn resting(&self, now: Instant) -> BTreeSet<K> {
        self.failing.iter().filter(|(_, one)| one.until > now).map(|(what, _)| what.clone()).collect()
    }

    /// What failed when it was last tried, and why.
    pub fn failing(&self) -> impl Iterator<Item = (&K, &str)> {
        self.failing.iter().map(|(what, one)| (what, one.why.as_str()))
    }

    /// When the next one is tried again.
    #[must_use]
    pub fn next(&self, now: Instant) -> Option<Instant> {
        self.failing.values().map(|one| one.until).filter(|until| *until > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_rests_twice_as_long_up_to_the_cap() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let rests: Vec<u64> = (0..10).map(|_| backoff.failed("a", String::new(), now, 1.0).as_secs()).collect();
        assert_eq!(rests, [10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
        for _ in 0..100 {
            assert_eq!(backoff.failed("a", String::new(), now, 1.0), CAP);
        }
    }

    #[test]
    fn chance_shortens_it_by_half_at_most() {
        let now = Instant::now();
        let rests = |chance| Backoff::default().failed("a", String::new(), now, chance);
        assert_eq!((rests(0.0), rests(0.5), rests(1.0)), (Duration::from_secs(5), Duration::from_millis(7500), Duration::from_secs(10)));
        assert_eq!((rests(-3.0), rests(7.0)), (rests(0.0), rests(1.0)));
    }

    #[test]
    fn each_rests_for_itself_and_a_success_is_a_new_beginning() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.failed("a", "denied".into(), now, 1.0);
        backoff.failed("a", "denied again".into(), now, 1.0);
        backoff.failed("b", "no".into(), now, 1.0);
        assert_eq!(backoff.resting(now), ["a", "b"].into());
        let later = now + Duration::from_secs(11);
        assert_eq!(backoff.resting(later), ["a"].into());
        assert_eq!(backoff.next(later), Some(now + Duration::from_secs(20)));
        assert_eq!(backoff.failing().collect::<Vec<_>>(), [(&"a", "denied again"), (&"b", "no")]);
        backoff.succeeded(&"a");
        assert_eq!(backoff.failed("a", String::new(), later, 1.0), FIRST);
        backoff.retain(|what| *what == "a");
        assert_eq!(backoff.failing().count(), 1);
        backoff.forget();
        assert_eq!((backoff.resting(now).len(), backoff.next(now)), (0, None));
    }
}
