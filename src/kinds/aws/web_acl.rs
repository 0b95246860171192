//! A web ACL of WAF v2: what is refused before it reaches a load balancer.
//!
//! API: <https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateWebACL.html>. Rules are AWS's managed groups and limits per address;
//! each has its own metric. Does not touch rule groups of one's own, IP sets, CAPTCHA settings or CloudFront.

mod rules;

use std::collections::BTreeMap;

use aws_sdk_wafv2::types as waf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::side_by_side;
use super::support::wafv2::{fronts, name_and_id, web_acls};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A regional web ACL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebAcl {
    /// What becomes of a request that no rule ends. Default: allow.
    #[serde(default)]
    pub default_action: DefaultAction,
    /// Its rules, the first one first. Default: none.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Samples of requests, with their headers, are kept for three hours for the console. Default: false, since headers hold sessions.
    #[serde(default)]
    pub sampled_requests_enabled: bool,
}

/// What becomes of a request that no rule ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum DefaultAction {
    #[default]
    Allow,
    Block,
}

/// One rule: a managed group or a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, and its metric's.
    pub name: String,
    /// What becomes of a request that matches. Default: block (for a managed group: what the group says, which is mostly block).
    #[serde(default)]
    pub action: RuleAction,
    /// A group of rules that AWS or a vendor keeps. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_rule_group: Option<ManagedRuleGroup>,
    /// A limit on the requests of each address. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_based: Option<RateBased>,
}

/// What becomes of a request that matches a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum RuleAction {
    #[default]
    Block,
    Count,
}

/// A group of rules that AWS or a vendor keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagedRuleGroup {
    /// Whose it is. Default: AWS.
    #[serde(default = "aws")]
    pub vendor_name: String,
    /// Its name: `AWSManagedRulesCommonRuleSet`.
    pub name: String,
    /// Its version. Default: the vendor's current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Rules of the group that do something else than it says: rule and action. Default: none.
    #[serde(default)]
    pub rule_action_overrides: BTreeMap<String, OverrideAction>,
}

/// What a rule of a managed group does instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum OverrideAction {
    Allow,
    Block,
    Count,
}

/// A limit on the requests of each address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateBased {
    /// Requests of one address in the window, 10 to 2000000000.
    pub limit: i64,
    /// The window in seconds: 60, 120, 300 or 600. Default: 300.
    #[serde(default = "window")]
    pub evaluation_window_sec: i64,
}

fn aws() -> String {
    "AWS".into()
}
fn window() -> i64 {
    300
}

impl Named for WebAcl {
    const NAME: &'static str = "aws.web_acl";
}

impl Kind for WebAcl {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateWebACL.html";
    const TAGS: Tags = Tags::Wafv2;
    const NAME_LIMIT: usize = 128;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let mut say = |field: &str, message: &str| wrong.push((format!("rules.{at}{field}"), message.to_owned()));
            if rule.managed_rule_group.is_some() == rule.rate_based.is_some() {
                say("", "is either a `managed_rule_group` or `rate_based`");
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if rule.name.is_empty() || rule.name.len() > 128 || !rule.name.chars().all(plain) {
                say(".name", "has 1 to 128 letters, digits, - and _");
            }
            if !names.insert(&rule.name) {
                say(".name", "is there twice");
            }
            if let Some(rate) = &rule.rate_based {
                if !(10..=2_000_000_000).contains(&rate.limit) {
                    say(".rate_based.limit", "is 10 to 2000000000");
                }
                if ![60, 120, 300, 600].contains(&rate.evaluation_window_sec) {
                    say(".rate_based.evaluation_window_sec", "is 60, 120, 300 or 600");
                }
            }
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        // What stands before a load balancer of ours comes whole with the answer that says so; only others cost a call. When that answer
        // fails, each is read by itself: it is the association that cannot be read then.
        let (ours, fronts) = futures::join!(web_acls(cx), fronts(cx));
        let (ours, fronts) = (ours?, fronts.ok());
        let read = ours.iter().map(|one| async {
            let arn = one.it.arn().unwrap_or_default();
            let read = match fronts.iter().flat_map(|all| all.iter()).find(|front| front.web_acl.arn() == arn) {
                Some(front) => front.web_acl.clone(),
                None => get(cx, arn).await?.0,
            };
            Ok::<_, Error>(Live {
                id: read.arn().to_owned(),
                attributes: known(read.arn(), read.name()),
                shape: rules::shape(&read),
                marks: one.marks.clone(),
                made_at: String::new(),
            })
        });
        side_by_side(read).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = new.name(Self::NAME_LIMIT);
        let call = cx
            .wafv2
            .create_web_acl()
            .name(&name)
            .scope(waf::Scope::Regional)
            .default_action(rules::default_action(&new.want))
            .set_rules(Some(rules::rules(&new.want)?))
            .visibility_config(rules::visibility(&new.want, &name)?)
            .set_tags(Some(tags(&new.marks)));
        let made = call.send().await?.summary.ok_or_else(|| Error::incomplete("wafv2.CreateWebACL", "summary"))?;
        let id = made.arn().ok_or_else(|| Error::incomplete("wafv2.CreateWebACL", "ARN"))?.to_owned();
        Ok(Made { attributes: known(&id, &name), id })
    }

    /// WAF takes a web ACL only as a whole.
    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (acl, lock) = get(cx, &change.id).await?;
        cx.wafv2
            .update_web_acl()
            .name(acl.name())
            .id(acl.id())
            .scope(waf::Scope::Regional)
            .lock_token(lock)
            .default_action(rules::default_action(&change.want))
            .set_rules(Some(rules::rules(&change.want)?))
            .visibility_config(rules::visibility(&change.want, acl.name())?)
            .send()
            .await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some((acl, lock)) = get(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        let call = cx.wafv2.delete_web_acl().name(acl.name()).id(acl.id()).scope(waf::Scope::Regional).lock_token(lock);
        call.send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let (acl, _) = get(cx, id).await?;
        Ok(Ready::Yes(known(acl.arn(), acl.name())))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        cx.wafv2.tag_resource().resource_arn(id).set_tags(Some(tags(marks))).send().await?;
        Ok(())
    }
}

/// A web ACL and the token of its state, without which it cannot be changed.
async fn get(cx: &Aws, arn: &str) -> Result<(waf::WebAcl, String)> {
    let (name, id) = name_and_id(arn)?;
    let out = cx.wafv2.get_web_acl().name(name).id(id).scope(waf::Scope::Regional).send().await?;
    let acl = out.web_acl.ok_or_else(|| Error::incomplete("wafv2.GetWebACL", "web ACL"))?;
    Ok((acl, out.lock_token.unwrap_or_default()))
}

fn known(arn: &str, name: &str) -> Attributes {
    attributes([("arn", arn), ("name", name)])
}

fn tags(marks: &Marks) -> Vec<waf::Tag> {
    marks.to_tags().into_iter().filter_map(|(key, value)| waf::Tag::builder().key(key).value(value).build().ok()).collect()
}
