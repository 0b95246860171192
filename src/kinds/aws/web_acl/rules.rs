//! Rules in our words and in WAF's.

use aws_sdk_wafv2::types as waf;
use aws_smithy_types::error::operation::BuildError;

use super::{DefaultAction, ManagedRuleGroup, OverrideAction, RateBased, Rule, RuleAction, WebAcl, window};
use crate::planes::error::{Class, Error, Result};

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: BuildError) -> Error {
    Error::new(Class::Invalid, "aws.web_acl", error.to_string())
}

/// What becomes of a request that no rule ends.
pub fn default_action(want: &WebAcl) -> waf::DefaultAction {
    match want.default_action {
        DefaultAction::Allow => waf::DefaultAction::builder().allow(waf::AllowAction::builder().build()).build(),
        DefaultAction::Block => waf::DefaultAction::builder().block(waf::BlockAction::builder().build()).build(),
    }
}

/// A metric of that name, and samples where they are wished.
pub fn visibility(want: &WebAcl, metric: &str) -> Result<waf::VisibilityConfig> {
    waf::VisibilityConfig::builder()
        .cloud_watch_metrics_enabled(true)
        .sampled_requests_enabled(want.sampled_requests_enabled)
        .metric_name(metric)
        .build()
        .map_err(broken)
}

/// All rules; their place in the list is their priority.
pub fn rules(want: &WebAcl) -> Result<Vec<waf::Rule>> {
    let rules = want.rules.iter().zip(0..).map(|(rule, priority)| {
        let built = waf::Rule::builder().name(&rule.name).priority(priority).visibility_config(visibility(want, &rule.name)?);
        let statement = waf::Statement::builder();
        if let Some(group) = &rule.managed_rule_group {
            let instead = match rule.action {
                RuleAction::Block => waf::OverrideAction::builder().none(waf::NoneAction::builder().build()).build(),
                RuleAction::Count => waf::OverrideAction::builder().count(waf::CountAction::builder().build()).build(),
            };
            let statement = statement.managed_rule_group_statement(managed(group)?).build();
            return built.override_action(instead).statement(statement).build().map_err(broken);
        }
        let action = match rule.action {
            RuleAction::Block => waf::RuleAction::builder().block(waf::BlockAction::builder().build()).build(),
            RuleAction::Count => waf::RuleAction::builder().count(waf::CountAction::builder().build()).build(),
        };
        let rate = rule.rate_based.as_ref().map(rate).transpose()?;
        built.action(action).statement(statement.set_rate_based_statement(rate).build()).build().map_err(broken)
    });
    rules.collect()
}

fn managed(group: &ManagedRuleGroup) -> Result<waf::ManagedRuleGroupStatement> {
    let overrides = group.rule_action_overrides.iter().map(|(rule, action)| {
        let action = match action {
            OverrideAction::Allow => waf::RuleAction::builder().allow(waf::AllowAction::builder().build()),
            OverrideAction::Block => waf::RuleAction::builder().block(waf::BlockAction::builder().build()),
            OverrideAction::Count => waf::RuleAction::builder().count(waf::CountAction::builder().build()),
        };
        waf::RuleActionOverride::builder().name(rule).action_to_use(action.build()).build().map_err(broken)
    });
    let overrides = overrides.collect::<Result<Vec<_>>>()?;
    waf::ManagedRuleGroupStatement::builder()
        .vendor_name(&group.vendor_name)
        .name(&group.name)
        .set_version(group.version.clone())
        .set_rule_action_overrides((!overrides.is_empty()).then_some(overrides))
        .build()
        .map_err(broken)
}

fn rate(rate: &RateBased) -> Result<waf::RateBasedStatement> {
    waf::RateBasedStatement::builder()
        .limit(rate.limit)
        .evaluation_window_sec(rate.evaluation_window_sec)
        .aggregate_key_type(waf::RateBasedStatementAggregateKeyType::Ip)
        .build()
        .map_err(broken)
}

/// The comparable form. A rule that holds what this kind does not write keeps only its name and action, so that it differs.
pub fn shape(acl: &waf::WebAcl) -> WebAcl {
    let mut live: Vec<&waf::Rule> = acl.rules().iter().collect();
    live.sort_by_key(|rule| rule.priority());
    let blocks = acl.default_action().is_some_and(|action| action.block().is_some());
    WebAcl {
        default_action: if blocks { DefaultAction::Block } else { DefaultAction::Allow },
        rules: live.into_iter().map(rule_shape).collect(),
        // One setting for the whole: a rule that differs is drift.
        sampled_requests_enabled: acl
            .visibility_config()
            .into_iter()
            .chain(acl.rules().iter().filter_map(waf::Rule::visibility_config))
            .any(waf::VisibilityConfig::sampled_requests_enabled),
    }
}

fn rule_shape(rule: &waf::Rule) -> Rule {
    let counts = rule.action().is_some_and(|action| action.count().is_some())
        || rule.override_action().is_some_and(|action| action.count().is_some());
    let blocks = rule.action().is_some_and(|action| action.block().is_some())
        || rule.override_action().is_some_and(|action| action.none().is_some());
    let measured = rule.visibility_config().is_some_and(waf::VisibilityConfig::cloud_watch_metrics_enabled);
    let statement = rule.statement().filter(|_| measured && (counts || blocks));
    Rule {
        name: rule.name().to_owned(),
        action: if counts { RuleAction::Count } else { RuleAction::Block },
        managed_rule_group: statement.and_then(waf::Statement::managed_rule_group_statement).and_then(managed_shape),
        rate_based: statement.and_then(waf::Statement::rate_based_statement).and_then(rate_shape),
    }
}

fn managed_shape(group: &waf::ManagedRuleGroupStatement) -> Option<ManagedRuleGroup> {
    if group.scope_down_statement().is_some() || !group.managed_rule_group_configs().is_empty() {
        return None;
    }
    let overrides = group.rule_action_overrides().iter().map(|one| {
        let action = one.action_to_use()?;
        let action = match (action.allow(), action.block(), action.count()) {
            (Some(_), ..) => OverrideAction::Allow,
            (_, Some(_), _) => OverrideAction::Block,
            (.., Some(_)) => OverrideAction::Count,
            _ => return None,
        };
        Some((one.name().to_owned(), action))
    });
    Some(ManagedRuleGroup {
        vendor_name: group.vendor_name().to_owned(),
        name: group.name().to_owned(),
        version: group.version().map(str::to_owned),
        rule_action_overrides: overrides.collect::<Option<_>>()?,
    })
}

fn rate_shape(rate: &waf::RateBasedStatement) -> Option<RateBased> {
    let by_address = *rate.aggregate_key_type() == waf::RateBasedStatementAggregateKeyType::Ip;
    (by_address && rate.scope_down_statement().is_none()).then(|| RateBased {
        limit: rate.limit(),
        // Zero is what the SDK says for an answer that leaves it out.
        evaluation_window_sec: if rate.evaluation_window_sec() == 0 { window() } else { rate.evaluation_window_sec() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn acl(rules: &[waf::Rule]) -> waf::WebAcl {
        waf::WebAcl::builder().name("a").id("i").arn("arn").set_rules(Some(rules.to_vec())).build().unwrap()
    }

    #[test]
    fn a_narrowed_rule_is_drift() {
        let want: WebAcl = serde_json::from_value(json!({ "rules": [
            { "name": "rate", "rate_based": { "limit": 100 } },
            { "name": "common", "action": "count", "managed_rule_group": {
                "name": "AWSManagedRulesCommonRuleSet", "rule_action_overrides": { "SizeRestrictions_BODY": "count" } } },
        ] }))
        .unwrap();
        let mut live = rules(&want).unwrap();
        assert_eq!(shape(&acl(&live)), want);
        let narrow = waf::Statement::builder().build();
        let statement = live[0].statement.as_mut().unwrap();
        statement.rate_based_statement.as_mut().unwrap().scope_down_statement = Some(Box::new(narrow));
        assert_ne!(shape(&acl(&live)), want);
    }
}
