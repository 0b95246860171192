//! Rules over plans: read and compiled with the stack, held against each plan before anything is touched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::expression::{Expression, Language};
use crate::model::plan::{By, Plan, Refusal, Verb};
use crate::model::problem::{Place, Problems};

/// A rule that every plan of the stack has to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub id: String,
    /// What it demands.
    pub spec: PolicySpec,
    /// Where its name stands.
    pub place: Place,
    /// Where its rule stands.
    pub rule_place: Place,
}

/// The `spec` of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// CEL that has to be true of every action of a plan that changes something. It sees `address`, `kind`, `action` (`create`, `update`,
    /// `replace`, `delete`, `adopt`), `cause` (a list of `change`, `drift`, `follows`), `fields` (the names of the fields that change) and
    /// `spec` (the wish; empty for what is dropped).
    #[schemars(length(min = 1))]
    pub rule: String,
    /// What a refusal says.
    #[schemars(length(min = 1))]
    pub message: String,
}

/// The names that a rule sees.
pub const NAMES: [&str; 6] = ["address", "kind", "action", "cause", "fields", "spec"];

/// Compiles a rule, reporting names that it cannot see.
pub(super) fn compile(language: &Language, rule: &str, place: &Place, problems: &mut Problems) -> Option<Expression> {
    match language.compile(rule, place) {
        Ok(expression) => {
            expression.check_names(NAMES.into_iter(), problems);
            Some(expression)
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// Holds `plan` against `policies`: one refusal for each action that breaks one. With any, nothing of the plan may be applied.
///
/// # Errors
/// When a rule cannot be decided (it reads a field that an action does not have, say): a rule that fails is not a rule that holds.
pub fn judge(policies: &[Policy], plan: &Plan) -> Result<Vec<Refusal>, Problems> {
    let mut problems = Problems::new();
    let mut refusals = Vec::new();
    let language = match Language::new() {
        Ok(language) => language,
        Err(problem) => {
            problems.push(problem);
            return Err(problems);
        }
    };
    for policy in policies {
        let Some(rule) = compile(&language, &policy.spec.rule, &policy.rule_place, &mut problems) else { continue };
        for action in plan.changes() {
            let facts = facts(plan, action);
            let mut scope = language.scope();
            NAMES.iter().for_each(|name| scope.bind(name, &facts[*name]));
            match rule.boolean(&scope) {
                Ok(true) => {}
                Ok(false) => refusals.push(Refusal {
                    address: action.address.clone(),
                    reason: format!("policy {}: {}", policy.id, policy.spec.message),
                    hint: format!("change the YAML, or the policy at {}; until then nothing of this plan is applied", policy.place),
                    by: By::Policy,
                }),
                Err(problem) => {
                    problems.push(problem.help(format!("it cannot be decided for {}", action.address)));
                    break;
                }
            }
        }
    }
    if problems.is_empty() { Ok(refusals) } else { Err(problems) }
}

fn facts(plan: &Plan, action: &crate::model::plan::Action) -> Json {
    let spec =
        plan.wishes.get(&action.address).filter(|_| action.action != Verb::Delete).map_or_else(|| json!({}), |wish| wish.spec.clone());
    let fields: Vec<&str> = action.edits.iter().map(|edit| edit.field.as_str()).collect();
    json!({
        "address": action.address,
        "kind": action.kind,
        "action": action.action,
        "cause": action.cause,
        "fields": fields,
        "spec": spec,
    })
}
