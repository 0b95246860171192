//! What the kinds of WAF share: our web ACLs, which of them stand before our load balancers, and the parts of their ARNs.

use std::sync::Arc;

use aws_sdk_wafv2::types as waf;

use super::elbv2::{Owned, balancing};
use super::side_by_side;
use crate::kinds::Named;
use crate::kinds::aws::web_acl::WebAcl;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// Our regional web ACLs, read once in a pass.
///
/// # Errors
/// What AWS answered.
pub async fn web_acls(cx: &Aws) -> Result<Arc<Vec<Owned<waf::WebAclSummary>>>> {
    cx.once("wafv2.ListWebACLs", || async {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let page = cx.wafv2.list_web_acls().scope(waf::Scope::Regional).limit(100).set_next_marker(marker).send().await?;
            let acls = page.web_acls.unwrap_or_default();
            // WAF answers a marker with a full last page too: an empty page ends it.
            let last = acls.is_empty() || page.next_marker.as_deref().unwrap_or_default().is_empty();
            all.extend(acls);
            marker = page.next_marker;
            if last {
                break;
            }
        }
        let owned = side_by_side(all.into_iter().map(|it| async move {
            let arn = it.arn().ok_or_else(|| Error::incomplete("wafv2.ListWebACLs", "ARN"))?;
            let out = cx.wafv2.list_tags_for_resource().resource_arn(arn).limit(100).send().await?;
            let info = out.tag_info_for_resource.ok_or_else(|| Error::incomplete("wafv2.ListTagsForResource", "tags"))?;
            let tags = info.tag_list().iter().map(|tag| (tag.key(), tag.value()));
            let marks = cx.marks_or_stranger(WebAcl::NAME, (it.name().unwrap_or_default(), arn), tags);
            Ok::<_, Error>(marks.map(|marks| Owned { it, marks }))
        }))
        .await?;
        Ok(owned.into_iter().flatten().collect())
    })
    .await
}

/// A web ACL before a load balancer.
#[derive(Debug)]
pub struct Front {
    /// The load balancer's ARN.
    pub resource: String,
    /// The web ACL, whole.
    pub web_acl: waf::WebAcl,
}

/// The web ACLs before our load balancers, read once in a pass.
///
/// # Errors
/// What AWS answered.
pub async fn fronts(cx: &Aws) -> Result<Arc<Vec<Front>>> {
    cx.once("wafv2.GetWebACLForResource", || async {
        let balancing = balancing(cx).await?;
        let resources = balancing.load_balancers.iter().filter_map(|one| one.it.load_balancer_arn());
        let all = side_by_side(resources.map(|resource| async move {
            let acl = front(cx, resource).await?;
            Ok::<_, Error>(acl.map(|web_acl| Front { resource: resource.to_owned(), web_acl }))
        }));
        Ok(all.await?.into_iter().flatten().collect())
    })
    .await
}

/// The web ACL before `resource`, whole.
///
/// # Errors
/// What AWS answered.
pub async fn front(cx: &Aws, resource: &str) -> Result<Option<waf::WebAcl>> {
    let out = cx.wafv2.get_web_acl_for_resource().resource_arn(resource).send().await.map_err(Error::from).absent_ok()?;
    Ok(out.and_then(|out| out.web_acl))
}

/// Name and id in the ARN of a web ACL: `...:regional/webacl/NAME/ID`.
///
/// # Errors
/// When it is no such ARN.
pub fn name_and_id(arn: &str) -> Result<(&str, &str)> {
    arn.rsplit_once('/')
        .and_then(|(rest, id)| Some((rest.rsplit_once('/')?.1, id)))
        .ok_or_else(|| Error::new(Class::Invalid, "aws.web_acl", format!("`{arn}` is not the ARN of a web ACL")))
}
