//! One step, carried out.

mod create;
mod patience;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::known::Known;
use super::look::{Look, emptied};
use super::slots::Slots;
use super::{Halt, Options};
use crate::kinds::info::Need;
use crate::kinds::row::{AnyChange, AnyGone};
use crate::model::marks::{Applied, short};
use crate::model::plan::{Action, Plan, Seen, Verb, Wish};
use crate::model::report::{Do, Event, Stop};
use crate::model::{Address, Marks, hole};
use crate::plan::Forms;
use crate::plan::order::{Step, goes_first};
use crate::planes::{Class, Error, Planes, Result};
use crate::record::Lease;

/// What came of a step.
#[derive(Debug)]
pub enum Performed {
    /// It is done: the object's id, and the applied mark that it bears now.
    Done {
        /// The id.
        id: String,
        /// The mark.
        applied: Option<String>,
    },
    /// It was told to go, and was still there when the waiting ended.
    Going {
        /// The object.
        id: String,
        /// Why it was waited for no longer.
        end: End,
    },
    /// It failed.
    Failed(Error),
    /// Its attempt could not be written down, so it was not begun.
    NotRecorded(String),
    /// It is not ready yet, and is waited for no longer.
    Awaited {
        /// The object.
        id: String,
    },
    /// The walk was to stop, for this reason.
    Left {
        /// Why.
        why: Stop,
        /// It was only waited for by then; else it was not begun.
        begun: bool,
    },
}

/// What ended the waiting for something that goes.
#[derive(Debug)]
pub enum End {
    /// The walk was to stop.
    Stopped(Stop),
    /// It takes too long, or cannot be asked about.
    Failed(Error),
}

/// Carries out steps.
#[derive(Debug)]
pub struct Performer<'a> {
    pub plan: &'a Plan,
    pub planes: &'a Planes,
    pub known: Known,
    pub look: Look<'a>,
    pub slots: Slots,
    pub events: UnboundedSender<Event>,
    pub options: &'a Options,
    pub run: String,
    pub lease: &'a Lease,
    pub halt: watch::Receiver<Halt>,
    /// Whether nothing is to be waited for any more.
    pub enough: watch::Sender<bool>,
    /// How many changes wait until what they change is ready for them.
    pub waiting: AtomicUsize,
}

impl Performer<'_> {
    /// Carries out `step`.
    pub async fn perform(&self, step: &Step, attempt: &str) -> Performed {
        if let Some(why) = self.is_stopped() {
            return Performed::Left { why, begun: false };
        }
        let _ = self.events.send(Event::Started { address: step.address.clone(), what: step.what });
        let outcome = match step.what {
            Do::Create => self.create(step, attempt).await,
            Do::Settle => self.settle(step).await,
            Do::Update => self.update(step).await,
            Do::Ready => self.ready(step).await,
            Do::Retire => self.retire(step).await,
            Do::Cut => self.cut(step).await,
            Do::Delete => match self.delete(step).await {
                Ok((id, _)) if step.kind.lingers => match (self.until_gone(step, &id).await, self.is_stopped()) {
                    (Ok(()), _) => Ok((id, None)),
                    (Err(_), Some(why)) => return Performed::Going { id, end: End::Stopped(why) },
                    (Err(error), None) => return Performed::Going { id, end: End::Failed(error) },
                },
                done => done,
            },
        };
        match (outcome, self.is_stopped()) {
            (Ok((id, applied)), _) => Performed::Done { id, applied },
            (Err(error), Some(Stop::Waits)) => match self.id_of(step).filter(|_| error.class == Class::InUse) {
                Some(id) => Performed::Awaited { id },
                None => Performed::Failed(error),
            },
            // What it was to wait for had not come yet.
            (Err(error), Some(why)) if step.what == Do::Ready || matches!(error.class, Class::InUse | Class::Early) => {
                Performed::Left { why, begun: true }
            }
            (Err(error), _) => Performed::Failed(error),
        }
    }

    /// Why nothing more is to begin, and nothing more to be waited for.
    fn is_stopped(&self) -> Option<Stop> {
        if self.lease.check().is_err() {
            return Some(Stop::LeaseLost);
        }
        if *self.halt.borrow() != Halt::No {
            return Some(Stop::Interrupted);
        }
        self.enough.borrow().then_some(Stop::Waits)
    }

    /// The object that is asked whether it is ready, where a step may leave that to others.
    pub(super) fn id_of(&self, step: &Step) -> Option<String> {
        match step.what {
            Do::Ready => self.known.get(&step.address).map(|object| object.id),
            Do::Update => self.seen(step).ok().map(|seen| seen.id.clone()),
            _ => None,
        }
    }

    fn action(&self, step: &Step) -> Option<&Action> {
        self.action_at(&step.address)
    }

    /// Actions stand in the order of their addresses.
    fn action_at(&self, address: &Address) -> Option<&Action> {
        self.plan.actions.binary_search_by(|action| action.address.cmp(address)).ok().map(|at| &self.plan.actions[at])
    }

    fn wish(&self, step: &Step) -> Result<&Wish> {
        self.plan.wishes.get(&step.address).ok_or_else(|| internal(step, "the plan has no wish for it"))
    }

    fn seen(&self, step: &Step) -> Result<&Seen> {
        let seen = match step.leftover {
            Some(at) => self.plan.leftovers.get(at).map(|leftover| &leftover.seen),
            None => self.plan.seen.get(&step.address),
        };
        seen.ok_or_else(|| internal(step, "the plan has not seen it"))
    }

    /// A replacement that stands beside the old one needs a name of its own.
    fn is_beside_old(&self, step: &Step) -> bool {
        step.action == Verb::Replace && !self.action(step).is_some_and(|action| goes_first(self.plan, action))
    }

    fn render(&self, step: &Step, spec: &Value) -> Result<Forms> {
        Forms::render(step.kind, spec, |hole| self.known.value(hole)).map_err(|hole| {
            let what = hole::text(&hole.address, hole.attribute.as_deref());
            internal(step, &format!("{what} is not known though everything that it needs was done"))
        })
    }

    /// The applied mark of the whole wish. Texts that still have a hole are hashed when they are settled.
    fn mark_of(&self, step: &Step, wish: &Wish, compare: &Value) -> Applied {
        let whole = Forms::render(step.kind, &wish.spec, |hole| self.known.value(hole)).map(|forms| forms.compare);
        let compare = whole.as_ref().unwrap_or(compare);
        Applied::of(step.kind.info().set_fields(compare))
    }

    async fn settle(&self, step: &Step) -> Result<(String, Option<String>)> {
        let wish = self.wish(step)?;
        let object = self.known.get(&step.address).ok_or_else(|| internal(step, "it was not made"))?;
        let forms = self.render(step, &wish.spec)?;
        let info = step.kind.info();
        let fields: BTreeSet<String> = info.fields.iter().filter(|(_, f)| f.need == Need::Settle).map(|(name, _)| name.clone()).collect();
        let mut bare = forms.call.clone();
        if let Some(spec) = bare.as_object_mut() {
            fields.iter().for_each(|field| {
                spec.remove(field);
            });
        }
        let bare = (step.kind.canonical)(&bare).unwrap_or_else(|_| forms.call.clone());
        let mut marks = object.marks.clone();
        self.call_update(step, &object.id, object.attributes, bare, forms.call, fields, &marks).await?;
        marks.applied = self.mark_of(step, wish, &forms.compare);
        self.call_mark(step, &object.id, &marks).await?;
        Ok((object.id, Some(marks.applied.to_string())))
    }

    async fn update(&self, step: &Step) -> Result<(String, Option<String>)> {
        let (wish, seen) = (self.wish(step)?, self.seen(step)?);
        self.look.may_be_changed(step.kind, seen).await?;
        let action = self.action(step).ok_or_else(|| internal(step, "it has no action"))?;
        let forms = self.render(step, &wish.spec)?;
        let info = step.kind.info();
        let fields: BTreeSet<String> =
            action.edits.iter().map(|edit| edit.field.clone()).filter(|field| info.fields.contains_key(field)).collect();
        let bears_marks = seen.marks.address.is_some() || action.action == Verb::Adopt;
        let mut marks = Marks {
            stack: self.plan.stack.clone(),
            address: Some(step.address.clone()),
            protect: wish.protect,
            retiring: false,
            stays: seen.marks.retiring,
            ..seen.marks.clone()
        };
        let unfinished = seen.marks.applied == Applied::Unfinished;
        let fields = if unfinished && fields.is_empty() {
            info.fields.iter().filter(|(_, f)| !f.replace).map(|(n, _)| n.clone()).collect()
        } else {
            fields
        };
        if !fields.is_empty() {
            let says_so = bears_marks && (fields.len() > 1 || step.kind.many_calls) && !unfinished;
            if says_so {
                marks.applied = Applied::Unfinished;
                self.call_mark(step, &seen.id, &marks).await?;
            }
            let have = seen.shape.clone().ok_or_else(|| internal(step, "the plan has not kept its shape"))?;
            let changed = self.call_update(step, &seen.id, seen.attributes.clone(), have, forms.call, fields, &marks).await;
            if changed.is_err() && self.is_stopped() == Some(Stop::Waits) && says_so && !step.kind.many_calls {
                // It is as it was, and who made it so is to be told by the next plan, too.
                let _ = self.call_mark(step, &seen.id, &seen.marks).await;
            }
            changed?;
        }
        marks.applied = self.mark_of(step, wish, &forms.compare);
        if bears_marks {
            self.call_mark(step, &seen.id, &marks).await?;
        }
        Ok((seen.id.clone(), Some(marks.applied.to_string())))
    }

    #[allow(clippy::too_many_arguments)] // the parts of one `AnyChange`, put together in one place
    async fn call_update(
        &self,
        step: &Step,
        id: &str,
        attributes: BTreeMap<String, String>,
        have: Value,
        want: Value,
        fields: BTreeSet<String>,
        marks: &Marks,
    ) -> Result<()> {
        let token = token(&self.plan.stack, &step.address, &short(want.to_string().as_bytes(), 10), &self.run);
        let change =
            AnyChange { address: step.address.clone(), id: id.to_owned(), attributes, have, want, fields, marks: marks.clone(), token };
        let may_be_left = step.what == Do::Update;
        self.patiently_or_later(step, may_be_left, || (step.kind.update)(self.planes, change.clone())).await
    }

    async fn call_mark(&self, step: &Step, id: &str, marks: &Marks) -> Result<()> {
        self.patiently(step, || (step.kind.mark)(self.planes, id.to_owned(), marks.clone())).await
    }

    async fn retire(&self, step: &Step) -> Result<(String, Option<String>)> {
        let seen = self.seen(step)?;
        self.look.is_as_seen(step.kind, seen, &BTreeSet::new()).await?;
        if seen.marks.address.is_some() {
            self.call_mark(step, &seen.id, &Marks { retiring: true, ..seen.marks.clone() }).await?;
        }
        Ok((seen.id.clone(), None))
    }

    async fn cut(&self, step: &Step) -> Result<(String, Option<String>)> {
        let seen = self.seen(step)?;
        self.look.may_be_changed(step.kind, seen).await?;
        let have = seen.shape.clone().ok_or_else(|| internal(step, "the plan has not kept its shape"))?;
        let want = emptied(step.kind, &have, &step.cuts).map_err(|error| internal(step, &error))?;
        match self.call_update(step, &seen.id, seen.attributes.clone(), have, want, step.cuts.clone(), &seen.marks).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok((seen.id.clone(), None)),
        }
    }

    async fn delete(&self, step: &Step) -> Result<(String, Option<String>)> {
        let seen = self.seen(step)?;
        let have = seen.shape.clone().ok_or_else(|| internal(step, "the plan has not kept its shape"))?;
        if self.is_beside_old(step) {
            // Its shape was looked at before its successor was made, which may have taken things over from it.
            self.look.is_still_ours(step.kind, seen).await?;
        } else {
            self.look.is_as_seen(step.kind, seen, &step.cuts).await?;
        }
        let gone = AnyGone { address: step.address.clone(), id: seen.id.clone(), attributes: seen.attributes.clone(), have };
        self.patiently(step, || (step.kind.delete)(self.planes, gone.clone())).await?;
        Ok((seen.id.clone(), None))
    }
}

/// A client token: 36 characters at most of `[a-z0-9-]`, the same for the same attempt.
fn token(stack: &str, address: &Address, salt: &str, attempt: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(format!("{stack}|{address}|{salt}|{attempt}"));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn internal(step: &Step, what: &str) -> Error {
    Error::new(Class::Invalid, step.kind.name, format!("{what} (a fault of reeve: please report it)"))
}
