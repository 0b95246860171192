//! Where a web ACL logs the requests that it sees.
//!
//! API: <https://docs.aws.amazon.com/waf/latest/APIReference/API_PutLoggingConfiguration.html>. The group's name has to begin with
//! `aws-waf-logs-`. It bears no tags: a web ACL has one at most. Does not touch filters, buckets and streams.

use std::collections::BTreeSet;

use aws_sdk_wafv2::types as waf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::log_group::LogGroup;
use super::support::wafv2::web_acls;
use super::support::yes;
use super::web_acl::WebAcl;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// The log of a web ACL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebAclLogging {
    /// The web ACL.
    #[schemars(extend("x-replace" = true))]
    pub web_acl: Ref<WebAcl>,
    /// The log group, its name beginning with `aws-waf-logs-`.
    pub log_group: Ref<LogGroup>,
    /// Headers whose values are left out, in lower case. Default: authorization and cookie, which hold sessions.
    #[serde(default = "secret_headers")]
    pub redacted_headers: BTreeSet<String>,
    /// The query string is left out: it may hold what was searched for, such as a patient's name. Default: true.
    #[serde(default = "yes")]
    pub redact_query_string: bool,
}

fn secret_headers() -> BTreeSet<String> {
    ["authorization", "cookie"].map(str::to_owned).into()
}
impl Named for WebAclLogging {
    const NAME: &'static str = "aws.web_acl_logging";
}

impl Kind for WebAclLogging {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/waf/latest/APIReference/API_PutLoggingConfiguration.html";
    const TAGS: Tags = Tags::None;
    const KEY: &'static [&'static str] = &["web_acl"];

    fn check(&self) -> Vec<(String, String)> {
        let upper = self.redacted_headers.iter().filter(|name| name.chars().any(char::is_uppercase));
        upper.map(|name| ("redacted_headers".into(), format!("`{name}` has to be in lower case"))).collect()
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = web_acls(cx).await?;
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let page = cx.wafv2.list_logging_configurations().scope(waf::Scope::Regional).limit(100).set_next_marker(marker).send().await?;
            let listed = page.logging_configurations.unwrap_or_default();
            let last = listed.is_empty() || page.next_marker.as_deref().unwrap_or_default().is_empty();
            found.extend(listed.into_iter().filter(|one| ours.iter().any(|acl| acl.it.arn() == Some(one.resource_arn()))));
            marker = page.next_marker;
            if last {
                break;
            }
        }
        Ok(found
            .iter()
            .map(|one| Live {
                id: one.resource_arn().to_owned(),
                attributes: Attributes::new(),
                shape: shape(one),
                marks: Marks::default(),
                made_at: String::new(),
            })
            .collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        put(cx, &new.want).await?;
        Ok(Made { id: new.want.web_acl.id().to_owned(), attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        put(cx, &change.want).await
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.wafv2.delete_logging_configuration().resource_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.wafv2.get_logging_configuration().resource_arn(id).send().await?;
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(_cx: &Aws, _id: &str, _marks: &Marks) -> Result<()> {
        Ok(())
    }
}

async fn put(cx: &Aws, want: &WebAclLogging) -> Result<()> {
    let broken = |error: aws_smithy_types::error::operation::BuildError| Error::new(Class::Invalid, WebAclLogging::NAME, error.to_string());
    let estate = &cx.estate;
    let group = format!("arn:{}:logs:{}:{}:log-group:{}", estate.partition, estate.region, estate.account, want.log_group.id());
    let mut one = waf::LoggingConfiguration::builder().resource_arn(want.web_acl.id()).log_destination_configs(group);
    for name in &want.redacted_headers {
        let header = waf::SingleHeader::builder().name(name).build().map_err(broken)?;
        one = one.redacted_fields(waf::FieldToMatch::builder().single_header(header).build());
    }
    if want.redact_query_string {
        one = one.redacted_fields(waf::FieldToMatch::builder().query_string(waf::QueryString::builder().build()).build());
    }
    cx.wafv2.put_logging_configuration().logging_configuration(one.build().map_err(broken)?).send().await?;
    Ok(())
}

fn shape(one: &waf::LoggingConfiguration) -> WebAclLogging {
    let target = one.log_destination_configs().first().map(String::as_str).unwrap_or_default();
    let group = target.split_once(":log-group:").map_or(target, |(_, name)| name.trim_end_matches(":*"));
    let redacted = one.redacted_fields();
    WebAclLogging {
        web_acl: Ref::to(one.resource_arn()),
        log_group: Ref::to(group),
        redacted_headers: redacted.iter().filter_map(waf::FieldToMatch::single_header).map(|h| h.name().to_ascii_lowercase()).collect(),
        redact_query_string: redacted.iter().any(|field| field.query_string().is_some()),
    }
}
