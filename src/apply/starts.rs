//! How many containers start at a time. Whoever would be one too many is put off until another one is ready, or has taken too long.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::model::plan::Plan;
use crate::model::report::Do;
use crate::model::{Address, Starts};
use crate::plan::order::{Step, steps};

/// Whether a step starts a container.
pub(super) fn is_start(plan: &Plan, step: &Step) -> bool {
    let wish = || plan.wishes.get(&step.address);
    matches!(step.what, Do::Create | Do::Update) && wish().is_some_and(|wish| (step.kind.starts)(&wish.spec))
}

/// Whether nothing of `plan` can begin before something is ready that starts already, since when `starting` says.
#[must_use]
pub fn is_put_off(plan: &Plan, starting: &BTreeMap<Address, Instant>) -> bool {
    let (now, mut starting) = (Instant::now(), Starting::<()>::new(plan.starts, starting.clone()));
    let steps = steps(plan).unwrap_or_default();
    let mut first = steps.iter().filter(|step| step.needs.is_empty()).peekable();
    first.peek().is_some() && first.all(|step| is_start(plan, step) && !starting.take(&step.address, now))
}

/// Who starts, and who was put off.
#[derive(Debug)]
pub(super) struct Starting<T> {
    rule: Starts,
    since: BTreeMap<Address, Instant>,
    put_off: Vec<T>,
}

impl<T> Starting<T> {
    /// Those start already.
    pub(super) const fn new(rule: Starts, since: BTreeMap<Address, Instant>) -> Self {
        Self { rule, since, put_off: Vec::new() }
    }

    /// Takes a place for it, when one is free. What starts already and is changed keeps its own.
    pub(super) fn take(&mut self, address: &Address, now: Instant) -> bool {
        let others = self.since.iter().filter(|(one, since)| *one != address && self.counts(**since, now)).count();
        let is_free = others < self.rule.at_a_time.max(1) as usize;
        if is_free {
            self.since.insert(address.clone(), now);
        }
        is_free
    }

    fn counts(&self, since: Instant, now: Instant) -> bool {
        now.saturating_duration_since(since) < self.rule.within()
    }

    /// It is tried again when a place may have become free.
    pub(super) fn put_off(&mut self, one: T) {
        self.put_off.push(one);
    }

    /// Whether somebody was put off.
    pub(super) const fn is_waited_for(&self) -> bool {
        !self.put_off.is_empty()
    }

    /// It does not start any more. Answers whom to try again.
    pub(super) fn over(&mut self, address: &Address) -> Vec<T> {
        if self.since.remove(address).is_some() { std::mem::take(&mut self.put_off) } else { Vec::new() }
    }

    /// When the next one has taken too long, for whoever was put off.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let ends = self.since.values().filter(|since| self.counts(**since, now)).map(|since| *since + self.rule.within());
        if self.is_waited_for() { ends.min() } else { None }
    }

    /// Whom to try again, because somebody has taken too long.
    pub(super) fn lapse(&mut self) -> Vec<T> {
        std::mem::take(&mut self.put_off)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_few_start_at_a_time_and_who_takes_too_long_gives_up_the_place() {
        let at = |text: &str| Address::parse(text).unwrap();
        let (first, rule) = (Instant::now(), Starts { at_a_time: 2, within: 60 });
        let mut starting = Starting::new(rule, BTreeMap::from([(at("t.a"), first)]));
        assert!(starting.take(&at("t.b"), first + Duration::from_secs(10)));
        assert!(!starting.take(&at("t.c"), first + Duration::from_secs(10)));
        assert!(starting.take(&at("t.b"), first + Duration::from_secs(20)), "who starts already is no second one");
        assert_eq!(starting.next(first), None, "nobody waits");
        starting.put_off("c");
        assert_eq!(starting.next(first), Some(first + Duration::from_secs(60)));
        assert!(starting.over(&at("t.x")).is_empty(), "no place became free");
        assert_eq!(starting.over(&at("t.b")), ["c"]);
        assert!(starting.take(&at("t.c"), first + Duration::from_secs(30)) && !starting.take(&at("t.d"), first + Duration::from_secs(30)));
        starting.put_off("d");
        let late = first + Duration::from_secs(60);
        assert_eq!((starting.lapse(), starting.take(&at("t.d"), late)), (vec!["d"], true));
    }
}
