//! A plan, and the look at the world that it was made on: so that another part of the same stack can be planned without looking twice.

use std::collections::BTreeMap;

use tracing::Instrument;

use super::{Error, Session, named_on};
use crate::model::Address;
use crate::model::plan::{Plan, Scope};
use crate::observe::Observed;
use crate::plan::Wished;
use crate::record::{History, Loaded};
use crate::trace;

/// A plan with what it was made on.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The history, as far as it was asked for.
    pub loaded: Loaded,
    observed: Observed,
}

impl Session {
    /// Reads the world and plans. `commit` is the YAML's.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan(
        &self,
        wishes: &BTreeMap<Address, Wished>,
        scope: Scope,
        destroy: bool,
        commit: Option<String>,
    ) -> Result<(Plan, Loaded), Error> {
        let observed = self.seen(wishes, &scope).await;
        let planned = self.planned_on(observed, wishes, scope, destroy, commit).await?;
        Ok((planned.plan, planned.loaded))
    }

    /// Reads what a plan of these is made on.
    pub async fn seen(&self, wishes: &BTreeMap<Address, Wished>, scope: &Scope) -> Observed {
        self.look(&scope.planes, &named_on(wishes, &scope.planes)).await
    }

    /// Plans on what was seen for the same wishes and scope.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn planned_on(
        &self,
        observed: Observed,
        wishes: &BTreeMap<Address, Wished>,
        scope: Scope,
        destroy: bool,
        commit: Option<String>,
    ) -> Result<Planned, Error> {
        let span = trace::plan();
        let planned = self.compared(observed, wishes, scope, destroy, commit).instrument(span.clone()).await;
        match &planned {
            Ok(planned) => trace::planned(&span, &planned.plan),
            Err(error) => trace::failed(&span, "plan", error),
        }
        planned
    }

    async fn compared(
        &self,
        observed: Observed,
        wishes: &BTreeMap<Address, Wished>,
        scope: Scope,
        destroy: bool,
        commit: Option<String>,
    ) -> Result<Planned, Error> {
        // The history only says why something differs: where nothing does, it is not asked for.
        let without = Loaded { history: History::default(), warnings: Vec::new() };
        let draft = self.draft(wishes, &observed, &without, scope.clone(), destroy)?;
        if draft.is_empty() && draft.waiting.is_empty() && draft.refusals.is_empty() {
            return Ok(Planned { plan: self.sealed(draft, commit)?, loaded: without, observed });
        }
        let loaded = self.record().history().await?;
        let draft = self.draft(wishes, &observed, &loaded, scope, destroy)?;
        Ok(Planned { plan: self.sealed(draft, commit)?, loaded, observed })
    }

    /// A plan of the same wishes on the same look, without what is at `exclude` and what needs it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn without<'a>(
        &self,
        planned: &Planned,
        wishes: &BTreeMap<Address, Wished>,
        exclude: impl IntoIterator<Item = &'a Address>,
    ) -> Result<Plan, Error> {
        let span = trace::plan().entered();
        let mut scope = planned.plan.scope.clone();
        scope.exclude.extend(exclude.into_iter().map(ToString::to_string));
        let draft = self.draft(wishes, &planned.observed, &planned.loaded, scope, planned.plan.destroy)?;
        let plan = self.sealed(draft, planned.plan.made.commit.clone())?;
        trace::planned(&span, &plan);
        Ok(plan)
    }
}
