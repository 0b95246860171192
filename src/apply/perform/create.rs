//! Making an object: its first call, the calls after it, and the search for what a lost answer may have made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::known::{Known, Object};
use super::super::wait::Backoff;
use super::patience::passes;
use super::{Performer, token};
use crate::kinds::info::Need;
use crate::kinds::row::AnyNew;
use crate::kinds::{AnyLive, Made, Naming, Row, Tags};
use crate::model::marks::{Applied, short};
use crate::model::{Marks, Namesake, Stranger, Whose, hole};
use crate::plan::order::Step;
use crate::planes::aws::owner::Owned;
use crate::planes::owner::owner;
use crate::planes::{Class, Error, Result};

/// How long a lost answer is looked for, when the object may not be visible yet.
const LOST_ANSWER: Duration = Duration::from_secs(20);
/// How long it is looked whether what is there already is what this attempt made.
const NAMESAKE: Duration = Duration::from_secs(2);
/// How often a creation is tried when its answers are lost, or when something that is not of this plan is said not to be there.
const CREATE_TRIES: usize = 4;

impl Performer<'_> {
    pub(super) async fn create(&self, step: &Step, attempt: &str) -> Result<(String, Option<String>)> {
        let wish = self.wish(step)?;
        let (bare, unsettled) = without_unknown(step.kind, &wish.spec, &self.known);
        let forms = self.render(step, &bare)?;
        let final_mark = self.mark_of(step, wish, &forms.compare);
        let unfinished = step.kind.many_calls || unsettled;
        let marks = Marks {
            stack: self.plan.stack.clone(),
            address: Some(step.address.clone()),
            applied: if unfinished { Applied::Unfinished } else { final_mark.clone() },
            protect: wish.protect,
            attempt: attempt.to_owned(),
            retiring: false,
            stays: false,
        };
        let salt = self.salt(step, &forms.call);
        let new = AnyNew {
            address: step.address.clone(),
            want: forms.call.clone(),
            marks: marks.clone(),
            token: token(&self.plan.stack, &step.address, &salt, attempt),
            naming: Naming { stack: self.plan.stack.clone(), salt: if self.is_beside_old(step) { salt } else { String::new() } },
        };
        let made = self.create_once(step, new).await?;
        let attributes: BTreeMap<String, String> = made.attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.known.put(&step.address, Object { id: made.id.clone(), attributes: attributes.clone(), marks: marks.clone() });
        if step.kind.many_calls {
            return self.finish(step, made.id, attributes, marks).await;
        }
        Ok((made.id, (!unsettled).then(|| final_mark.to_string())))
    }

    /// The calls after the first of what takes many. Only now is known what refers to itself.
    async fn finish(
        &self,
        step: &Step,
        id: String,
        attributes: BTreeMap<String, String>,
        mut marks: Marks,
    ) -> Result<(String, Option<String>)> {
        let wish = self.wish(step)?;
        let (spec, unsettled) = without_unknown(step.kind, &wish.spec, &self.known);
        let forms = self.render(step, &spec)?;
        let fields = step.kind.info().fields.iter().filter(|(_, field)| !field.replace).map(|(name, _)| name.clone()).collect();
        let mark = self.mark_of(step, wish, &forms.compare);
        self.call_update(step, &id, attributes, forms.call.clone(), forms.call, fields, &marks).await?;
        if unsettled {
            return Ok((id, None));
        }
        marks.applied = mark;
        self.call_mark(step, &id, &marks).await?;
        Ok((id, Some(marks.applied.to_string())))
    }

    /// Creates; where the answer was lost, or says that it is there already, looks for what this very attempt made. Once an answer was lost,
    /// no later one says that nothing was made.
    async fn create_once(&self, step: &Step, new: AnyNew) -> Result<Made> {
        let mut lost = false;
        self.try_to_create(step, new, &mut lost).await.map_err(|error| match lost {
            true => Error { class: Class::Ambiguous, ..error },
            false => error,
        })
    }

    /// `lost` turns true with the first answer that was.
    async fn try_to_create(&self, step: &Step, new: AnyNew, lost: &mut bool) -> Result<Made> {
        let (began, mut backoff) = (Instant::now(), Backoff::new(self.options.patience));
        let new_parent = self.leans_on_new(step);
        let mut tries = 0;
        loop {
            tries += 1;
            self.may_call(step)?;
            let error = match (step.kind.create)(self.planes, new.clone()).await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let unanswered = error.class == Class::Ambiguous;
            *lost |= unanswered;
            if unanswered || error.class == Class::AlreadyExists {
                let patience = if unanswered { LOST_ANSWER } else { NAMESAKE };
                match self.find(step, &new.marks, &new.want, patience).await {
                    Ok(Some(found)) => return Ok(found),
                    Ok(None) => {}
                    // Where it cannot be looked for, it is not made a second time; what the listing said is not what became of the creation.
                    Err(_) => return Err(error),
                }
            }
            let again = tries < CREATE_TRIES && (unanswered || error.class == Class::NotFound);
            if !(again || passes(error.class, new_parent, began)) {
                let namesake = if error.class == Class::AlreadyExists { self.namesake(step, &new).await } else { None };
                return Err(Error { namesake: namesake.map(Box::new), ..error });
            }
            self.waiting(step, &error);
            if !self.pause(&mut backoff).await {
                return Err(error);
            }
        }
    }

    /// Who bears the name that a creation was refused. What cannot be read is not told: there is an error to report already.
    async fn namesake(&self, step: &Step, new: &AnyNew) -> Option<Namesake> {
        let planes = self.planes.fresh();
        let name = (step.kind.name_of)(new.clone())?;
        (step.kind.fetch)(&planes).await.ok()?;
        let seen = planes.strangers().into_iter().find(|one| one.kind == step.kind.name && one.name == name);
        if let Some(Stranger { id, whose, .. }) = seen {
            return Some(Namesake { id, whose });
        }
        let id = (step.kind.namesake)(&planes, new.clone()).await.ok()??;
        let whose = match owner(&planes, step.kind.tags, &id).await.ok()? {
            Owned::No => Whose::Nobody,
            Owned::By(stack) if stack != self.plan.stack => Whose::Stack(stack),
            Owned::By(_) | Owned::Unknown => return None,
        };
        Some(Namesake { id, whose })
    }

    /// The object that bears this address and attempt (or, without marks, this key), if it becomes visible in time. The error is that of the
    /// last listing.
    async fn find(&self, step: &Step, marks: &Marks, want: &Value, patience: Duration) -> Result<Option<Made>> {
        let mut backoff = Backoff::new(patience.min(self.options.patience));
        loop {
            let planes = self.planes.fresh();
            let listed = (step.kind.fetch)(&planes).await;
            let is_it = |one: &&AnyLive| {
                let same_key = !step.kind.key.is_empty() && step.kind.key.iter().all(|field| one.shape.get(*field) == want.get(*field));
                match &one.marks.address {
                    Some(address) => *address == step.address && one.marks.attempt == marks.attempt && !one.marks.retiring,
                    // What bears tags is known by them: one without is somebody's.
                    None => same_key && step.kind.tags == Tags::None,
                }
            };
            if let Some(one) = listed.iter().flatten().find(is_it) {
                let attributes =
                    step.kind.attributes.iter().chain(step.kind.late).filter_map(|name| Some((*name, one.attributes.get(*name)?.clone())));
                return Ok(Some(Made { id: one.id.clone(), attributes: attributes.collect() }));
            }
            if !self.pause(&mut backoff).await {
                return listed.map(|_| None);
            }
        }
    }

    /// A hash of what cannot change in place, with ids resolved.
    fn salt(&self, step: &Step, call: &Value) -> String {
        let info = step.kind.info();
        let fixed: BTreeMap<&String, &Value> =
            call.as_object().into_iter().flatten().filter(|(name, _)| info.fields.get(*name).is_some_and(|field| field.replace)).collect();
        // Two replacements in a row with the same fixed fields (forced by hand) still differ by what they replace.
        let old = self.plan.seen.get(&step.address).map(|seen| seen.id.as_str()).unwrap_or_default();
        short(format!("{}|{old}", serde_json::to_string(&fixed).unwrap_or_default()).as_bytes(), 10)
    }
}

/// `spec` without settle fields that refer to what is not there yet; whether any was left out.
fn without_unknown(kind: &Row, spec: &Value, known: &Known) -> (Value, bool) {
    let info = kind.info();
    let mut unknown = BTreeSet::new();
    info.visit(spec, &mut |leaf, text| {
        let settle = info.fields.get(leaf.field).is_some_and(|field| field.need == Need::Settle);
        if settle && hole::all(text).iter().any(|hole| known.value(hole).is_none()) {
            unknown.insert(leaf.field.to_owned());
        }
    });
    if unknown.is_empty() {
        return (spec.clone(), false);
    }
    let mut bare = spec.clone();
    if let Some(object) = bare.as_object_mut() {
        unknown.iter().for_each(|field| {
            object.remove(field);
        });
    }
    ((kind.canonical)(&bare).unwrap_or(bare), true)
}
