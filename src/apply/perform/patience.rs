//! Waiting: for what is busy, for what is not known everywhere yet, for what becomes ready and for what goes.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::super::wait::Backoff;
use super::super::{EVERYWHERE, Halt};
use super::{Performer, internal};
use crate::kinds::Ready;
use crate::model::plan::Verb;
use crate::model::report::{Do, Event};
use crate::plan::order::Step;
use crate::planes::{Class, Error, Result};

impl Performer<'_> {
    /// Repeats a call that may be repeated: while the object is busy, when the answer was lost (also when a repeat of it was told that it is
    /// done already: an update reads what is there before it writes), and for a while when it, or what it leans on, is not known everywhere yet.
    pub(super) async fn patiently<F: Future<Output = Result<()>>>(&self, step: &Step, call: impl Fn() -> F) -> Result<()> {
        self.patiently_or_later(step, false, call).await
    }

    /// The same; where it `may_be_left`, the walk may leave it to a later one as long as what it changes is busy with becoming ready.
    pub(super) async fn patiently_or_later<F: Future<Output = Result<()>>>(
        &self,
        step: &Step,
        mut may_be_left: bool,
        call: impl Fn() -> F,
    ) -> Result<()> {
        let (began, mut backoff) = (Instant::now(), Backoff::new(self.options.patience));
        let just_made = matches!(step.what, Do::Create | Do::Settle);
        let new = just_made || step.what == Do::Update && self.leans_on_new(step);
        let mut tries = 0;
        let mut waits = None;
        loop {
            tries += 1;
            self.may_call(step)?;
            let error = match call().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let again = tries < 6 && matches!(error.class, Class::Ambiguous | Class::AlreadyExists);
            if !(again || passes(error.class, new, began)) {
                return Err(error);
            }
            self.waiting(step, &error);
            // What was not answered may have been done.
            may_be_left &= error.class != Class::Ambiguous;
            let is_left = may_be_left && error.class == Class::InUse && (waits.is_some() || self.is_unready(step).await);
            waits = is_left.then(|| waits.take().unwrap_or_else(|| Waiting::new(&self.waiting)));
            if !self.pause_until_enough(&mut backoff, waits.is_some()).await {
                return Err(error);
            }
        }
    }

    /// Whether what it changes says of itself that it is not ready, in a walk that is not to wait for that.
    async fn is_unready(&self, step: &Step) -> bool {
        let Some(id) = self.id_of(step).filter(|_| self.options.waits.is_some()) else { return false };
        matches!((step.kind.ready)(self.planes, id).await, Ok(Ready::NotYet(_)))
    }

    /// Whether it refers to what this very plan makes.
    pub(super) fn leans_on_new(&self, step: &Step) -> bool {
        let Some(wish) = self.plan.wishes.get(&step.address) else { return false };
        let mut new = false;
        crate::plan::references(step.kind.info(), &wish.spec, |_, hole| {
            new |= self.action_at(&hole.address).is_some_and(|action| matches!(action.action, Verb::Create | Verb::Replace));
        });
        new
    }

    /// Nothing is tried again without the lease: whoever took it over meanwhile is the one writer. Between two calls of one try, the
    /// wire asks (`planes::aws::gate`).
    pub(super) fn may_call(&self, step: &Step) -> Result<()> {
        match &*self.lease.lost().borrow() {
            None => Ok(()),
            Some(why) => Err(Error::new(Class::LeaseLost, step.kind.name, why.unsent())),
        }
    }

    /// Pauses; `false` when patience is at its end, or the walk is to stop.
    pub(super) async fn pause(&self, backoff: &mut Backoff) -> bool {
        self.pause_until_enough(backoff, false).await
    }

    /// The same; where it `heeds` that, it also ends when nothing is to be waited for any more.
    async fn pause_until_enough(&self, backoff: &mut Backoff, heeds: bool) -> bool {
        let (mut halt, mut lost, mut enough) = (self.halt.clone(), self.lease.lost(), self.enough.subscribe());
        let wait = async {
            tokio::select! {
                more = backoff.pause() => more,
                _ = halt.wait_for(|halt| *halt != Halt::No) => false,
                _ = lost.wait_for(Option::is_some) => false,
                _ = enough.wait_for(|enough| *enough), if heeds => false,
            }
        };
        self.slots.waiting(wait).await
    }

    pub(super) fn waiting(&self, step: &Step, error: &Error) {
        self.tell(step, state_of(error));
    }

    fn tell(&self, step: &Step, state: String) {
        let _ = self.events.send(Event::Waiting { address: step.address.clone(), what: step.what, state });
    }

    pub(super) async fn ready(&self, step: &Step) -> Result<(String, Option<String>)> {
        let object = self.known.get(&step.address).ok_or_else(|| internal(step, "it was not made"))?;
        let (began, mut backoff) = (Instant::now(), Backoff::new(self.options.patience));
        loop {
            // No later plan may be made before it is seen everywhere: it would be made once more.
            let mut is_seen = true;
            let state = match (step.kind.ready)(self.planes, object.id.clone()).await {
                Ok(Ready::Yes(attributes)) => {
                    self.known.learn(&step.address, attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
                    return Ok((object.id, None));
                }
                Ok(Ready::NotYet(state)) => state,
                Ok(Ready::Failed(why)) => {
                    return Err(Error::new(Class::Invalid, step.kind.name, format!("{} will never be ready: {why}", object.id)));
                }
                Err(error) if error.is_not_found() && began.elapsed() < EVERYWHERE => {
                    is_seen = false;
                    "not visible yet".to_owned()
                }
                Err(error) if matches!(error.class, Class::Ambiguous | Class::Throttled) => state_of(&error),
                Err(error) => return Err(error),
            };
            self.tell(step, state.clone());
            if !self.pause_until_enough(&mut backoff, is_seen).await {
                return Err(Error::new(Class::InUse, step.kind.name, format!("{} is still {state}", object.id)));
            }
        }
    }

    /// Waits until what was dropped is not there any more.
    pub(super) async fn until_gone(&self, step: &Step, id: &str) -> Result<()> {
        let mut backoff = Backoff::new(self.options.patience);
        loop {
            let state = match (step.kind.ready)(self.planes, id.to_owned()).await {
                Ok(Ready::NotYet(state)) => state,
                Ok(Ready::Yes(_) | Ready::Failed(_)) => "still there".to_owned(),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) if matches!(error.class, Class::Ambiguous | Class::Throttled) => state_of(&error),
                Err(error) => return Err(error),
            };
            self.tell(step, state.clone());
            if !self.pause(&mut backoff).await {
                return Err(Error::new(Class::InUse, step.kind.name, format!("{id} was dropped and is not gone yet: {state}")));
            }
        }
    }
}

/// A change that waits until what it changes is ready for it, counted while it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(all: &'a AtomicUsize) -> Self {
        all.fetch_add(1, Relaxed);
        Self(all)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// What a refusal says of the state that is waited for, in a word where there is one.
fn state_of(error: &Error) -> String {
    if error.code.is_empty() { error.message.clone() } else { error.code.clone() }
}

/// Whether the same call may be taken a little later. What is `new` may be unknown to some of AWS's servers at first.
pub(super) fn passes(class: Class, new: bool, began: Instant) -> bool {
    match class {
        Class::InUse | Class::Throttled => true,
        Class::Early => began.elapsed() < EVERYWHERE,
        Class::NotFound => new && began.elapsed() < EVERYWHERE,
        _ => false,
    }
}
