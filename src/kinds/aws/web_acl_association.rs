//! A web ACL in front of a load balancer.
//!
//! API: <https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html>. It bears no tags: a load balancer has one web ACL at
//! most, so what stands before our load balancer is ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::load_balancer::LoadBalancer;
use super::support::wafv2::{front, fronts};
use super::web_acl::WebAcl;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A web ACL in front of a load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebAclAssociation {
    /// The load balancer.
    #[schemars(extend("x-replace" = true, "x-need" = "ready"))]
    pub resource: Ref<LoadBalancer>,
    /// The web ACL.
    pub web_acl: Ref<WebAcl>,
}

impl Named for WebAclAssociation {
    const NAME: &'static str = "aws.web_acl_association";
}

impl Kind for WebAclAssociation {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html";
    const TAGS: Tags = Tags::None;
    const KEY: &'static [&'static str] = &["resource"];

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let fronts = fronts(cx).await?;
        let live = fronts.iter().map(|front| Live {
            id: front.resource.clone(),
            attributes: Attributes::new(),
            shape: Self { resource: Ref::to(&front.resource), web_acl: Ref::to(front.web_acl.arn()) },
            marks: Marks::default(),
            made_at: String::new(),
        });
        Ok(live.collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        associate(cx, &new.want).await?;
        Ok(Made { id: new.want.resource.id().to_owned(), attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        associate(cx, &change.want).await
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.wafv2.disassociate_web_acl().resource_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        front(cx, id).await?.ok_or_else(|| Error::not_found("wafv2.GetWebACLForResource", id))?;
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(_cx: &Aws, _id: &str, _marks: &Marks) -> Result<()> {
        Ok(())
    }
}

async fn associate(cx: &Aws, want: &WebAclAssociation) -> Result<()> {
    cx.wafv2.associate_web_acl().resource_arn(want.resource.id()).web_acl_arn(want.web_acl.id()).send().await?;
    Ok(())
}
