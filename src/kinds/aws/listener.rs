//! A listener of an application load balancer.
//!
//! API: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>.
//! Has one default action, without further rules, certificates or authentication: HAProxy behind it routes. A listener that somebody adds to a
//! load balancer of ours is drift. Rules and certificates that somebody adds to a listener are not observed: ELBv2 lists them of one listener
//! at a time only, which would be up to two more calls for each of them in every plan.

use aws_sdk_elasticloadbalancingv2::types as elb;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::load_balancer::LoadBalancer;
use super::support::elbv2::{balancing, mark, tags};
use super::target_group::{Protocol, TargetGroup};
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The load balancer that listens.
    #[schemars(extend("x-replace" = true))]
    pub load_balancer: Ref<LoadBalancer>,
    /// The port it listens on.
    pub port: u16,
    /// What clients speak. Default: HTTPS.
    #[serde(default)]
    pub protocol: Protocol,
    /// The TLS policy of an HTTPS listener: `ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// The certificate of an HTTPS listener; it has to be issued. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "ready"))]
    pub certificate: Option<Ref<Certificate>>,
    /// What becomes of a request.
    pub default_action: Action,
}

/// What becomes of a request; the part named like its type goes with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What is done.
    pub r#type: ActionType,
    /// Where `forward` sends it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group: Option<Ref<TargetGroup>>,
    /// Where `redirect` sends the client. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// What `fixed-response` answers. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_response: Option<FixedResponse>,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum ActionType {
    Forward,
    Redirect,
    FixedResponse,
}

/// Where a client is sent: the same host, path and query, by another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// Its protocol. Default: HTTPS.
    #[serde(default)]
    pub protocol: Protocol,
    /// Its port. Default: 443.
    #[serde(default = "https_port")]
    pub port: u16,
    /// The answer's status. Default: HTTP_301.
    #[serde(default)]
    pub status_code: RedirectStatus,
}

/// Status of a redirect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(non_camel_case_types, missing_docs, reason = "AWS's own words")]
pub enum RedirectStatus {
    #[default]
    HTTP_301,
    HTTP_302,
}

/// An answer without a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedResponse {
    /// Its status, 200 to 599 (2XX, 4XX or 5XX).
    pub status_code: u16,
    /// Its type. Default: text/plain.
    #[serde(default = "plain")]
    pub content_type: String,
    /// Its body, 1024 characters at most. Default: none.
    #[serde(default)]
    pub message_body: String,
}

fn https_port() -> u16 {
    443
}
fn plain() -> String {
    "text/plain".into()
}

impl Named for Listener {
    const NAME: &'static str = "aws.listener";
}

impl Kind for Listener {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html";
    const TAGS: Tags = Tags::Elbv2;
    const ATTRIBUTES: &'static [&'static str] = &["arn"];
    /// Also one without marks is ours when it is our load balancer's: it stands open to the world.
    const KEY: &'static [&'static str] = &["load_balancer", "port"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let secure = self.protocol == Protocol::Https;
        for (field, there) in [("ssl_policy", self.ssl_policy.is_some()), ("certificate", self.certificate.is_some())] {
            if secure != there {
                wrong.push((
                    field.to_owned(),
                    if secure { "an HTTPS listener needs it".into() } else { "only an HTTPS listener has it".into() },
                ));
            }
        }
        let action = &self.default_action;
        for (field, kind, there) in [
            ("target_group", ActionType::Forward, action.target_group.is_some()),
            ("redirect", ActionType::Redirect, action.redirect.is_some()),
            ("fixed_response", ActionType::FixedResponse, action.fixed_response.is_some()),
        ] {
            if (action.r#type == kind) != there {
                let word = if there { "does not go with" } else { "is needed with" };
                wrong.push((format!("default_action.{field}"), format!("{word} this `type`")));
            }
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let balancing = balancing(cx).await?;
        balancing
            .listeners
            .iter()
            .map(|one| {
                let id = one.it.listener_arn().unwrap_or_default().to_owned();
                let attributes = attributes([("arn", &id)]);
                Ok(Live { attributes, shape: shape(&one.it)?, marks: one.marks.clone(), made_at: String::new(), id })
            })
            .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let out = cx
            .elbv2
            .create_listener()
            .load_balancer_arn(want.load_balancer.id())
            .port(want.port.into())
            .protocol(want.protocol.sdk())
            .set_ssl_policy(want.ssl_policy.clone())
            .set_certificates(certificates(want))
            .default_actions(action(&want.default_action))
            .set_tags(Some(tags(&new.marks)))
            .send()
            .await?;
        let id = out.listeners().first().and_then(elb::Listener::listener_arn);
        let id = id.ok_or_else(|| Error::incomplete("elbv2.CreateListener", "ARN"))?.to_owned();
        Ok(Made { attributes: attributes([("arn", &id)]), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let want = &change.want;
        cx.elbv2
            .modify_listener()
            .listener_arn(&change.id)
            .port(want.port.into())
            .protocol(want.protocol.sdk())
            .set_ssl_policy(want.ssl_policy.clone())
            .set_certificates(certificates(want))
            .default_actions(action(&want.default_action))
            .send()
            .await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.elbv2.delete_listener().listener_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.elbv2.describe_listeners().listener_arns(id).send().await?;
        out.listeners().first().ok_or_else(|| Error::not_found("elbv2.DescribeListeners", id))?;
        Ok(Ready::Yes(attributes([("arn", id)])))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, id, marks).await
    }
}

fn certificates(want: &Listener) -> Option<Vec<elb::Certificate>> {
    want.certificate.as_ref().map(|one| vec![elb::Certificate::builder().certificate_arn(one.id()).build()])
}

fn action(want: &Action) -> elb::Action {
    let action = elb::Action::builder().r#type(match want.r#type {
        ActionType::Forward => elb::ActionTypeEnum::Forward,
        ActionType::Redirect => elb::ActionTypeEnum::Redirect,
        ActionType::FixedResponse => elb::ActionTypeEnum::FixedResponse,
    });
    let redirect = want.redirect.as_ref().map(|to| {
        let redirect = elb::RedirectActionConfig::builder().protocol(to.protocol.sdk().as_str()).port(to.port.to_string());
        // Left out, these three are the request's own.
        let redirect = redirect.host("#{host}").path("/#{path}").query("#{query}");
        redirect
            .status_code(match to.status_code {
                RedirectStatus::HTTP_301 => elb::RedirectActionStatusCodeEnum::Http301,
                RedirectStatus::HTTP_302 => elb::RedirectActionStatusCodeEnum::Http302,
            })
            .build()
    });
    let fixed = want.fixed_response.as_ref().map(|with| {
        let body = (!with.message_body.is_empty()).then(|| with.message_body.clone());
        let fixed = elb::FixedResponseActionConfig::builder().status_code(with.status_code.to_string()).content_type(&with.content_type);
        fixed.set_message_body(body).build()
    });
    action
        .set_target_group_arn(want.target_group.as_ref().map(|group| group.id().to_owned()))
        .set_redirect_config(redirect)
        .set_fixed_response_config(fixed)
        .build()
}

fn shape(one: &elb::Listener) -> Result<Listener> {
    // An action that this kind does not know (a login, say) comes before the last one: it reads as no forward at all, so it is drift.
    let last = one.default_actions().last().ok_or_else(|| Error::incomplete("elbv2.DescribeListeners", "default action"))?;
    let alone = one.default_actions().len() == 1;
    let port = |text: Option<&str>| text.and_then(|port| port.parse().ok()).unwrap_or_default();
    let default_action = match last.r#type() {
        Some(elb::ActionTypeEnum::Redirect) => {
            let to = last.redirect_config();
            let same = to.is_some_and(|to| to.host() == Some("#{host}") && to.path() == Some("/#{path}") && to.query() == Some("#{query}"));
            let redirect = to.filter(|_| same && alone).map(|to| Redirect {
                protocol: if to.protocol() == Some("HTTP") { Protocol::Http } else { Protocol::Https },
                port: port(to.port()),
                status_code: match to.status_code() {
                    Some(elb::RedirectActionStatusCodeEnum::Http302) => RedirectStatus::HTTP_302,
                    _ => RedirectStatus::HTTP_301,
                },
            });
            Action { r#type: ActionType::Redirect, target_group: None, redirect, fixed_response: None }
        }
        Some(elb::ActionTypeEnum::FixedResponse) => {
            let fixed_response = last.fixed_response_config().filter(|_| alone).map(|with| FixedResponse {
                status_code: port(with.status_code()),
                content_type: with.content_type().unwrap_or("text/plain").to_owned(),
                message_body: with.message_body().unwrap_or_default().to_owned(),
            });
            Action { r#type: ActionType::FixedResponse, target_group: None, redirect: None, fixed_response }
        }
        _ => {
            let groups = last.forward_config().map(elb::ForwardActionConfig::target_groups).unwrap_or_default();
            let first = last.target_group_arn().or_else(|| groups.first()?.target_group_arn());
            let target_group = first.filter(|_| alone && groups.len() <= 1).map(Ref::to);
            Action { r#type: ActionType::Forward, target_group, redirect: None, fixed_response: None }
        }
    };
    let protocol = Protocol::read(one.protocol());
    let tls = protocol == Protocol::Https;
    Ok(Listener {
        load_balancer: Ref::to(one.load_balancer_arn().unwrap_or_default()),
        port: one.port().and_then(|port| port.try_into().ok()).unwrap_or_default(),
        ssl_policy: one.ssl_policy().filter(|policy| tls && !policy.is_empty()).map(str::to_owned),
        protocol,
        // What is left of a certificate on a listener that no longer speaks TLS is not its certificate.
        certificate: one.certificates().first().filter(|_| tls).and_then(elb::Certificate::certificate_arn).map(Ref::to),
        default_action,
    })
}
