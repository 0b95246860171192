//! What the kinds of Elastic Load Balancing share: listings joined with their tags, and attributes as pairs.
//!
//! ELBv2 listings carry no tags: `DescribeTags` takes 20 ARNs a call.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types as elb;

use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// A listed object with its marks.
#[derive(Debug, Clone)]
pub struct Owned<T> {
    /// As it was listed.
    pub it: T,
    /// Its marks: ours.
    pub marks: Marks,
}

/// ARNs in one `DescribeTags`.
const TAGS_AT_ONCE: usize = 20;

/// Of `all`, those that this stack owns.
///
/// # Errors
/// When the tags of one are missing from the answer: a short answer must not read as "not ours".
pub async fn owned<T: Clone>(cx: &Aws, all: &[T], arn: impl Fn(&T) -> Option<&str>) -> Result<Vec<Owned<T>>> {
    let arns: Vec<String> = all.iter().filter_map(|one| arn(one).map(str::to_owned)).collect();
    let answers = futures::future::try_join_all(arns.chunks(TAGS_AT_ONCE).map(|chunk| async move {
        let out = cx.elbv2.describe_tags().set_resource_arns(Some(chunk.to_vec())).send().await?;
        Ok::<_, Error>(out.tag_descriptions.unwrap_or_default())
    }))
    .await?;
    let tags: BTreeMap<String, Vec<elb::Tag>> =
        answers.into_iter().flatten().filter_map(|d| Some((d.resource_arn?, d.tags.unwrap_or_default()))).collect();
    let mut ours = Vec::new();
    for one in all {
        let id = arn(one).ok_or_else(|| Error::incomplete("elbv2.Describe", "ARN"))?;
        let tags = tags.get(id).ok_or_else(|| Error::incomplete("elbv2.DescribeTags", &format!("tags of {id}")))?;
        let pairs = tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
        if let Some(marks) = cx.marks(pairs) {
            ours.push(Owned { it: one.clone(), marks });
        }
    }
    Ok(ours)
}

/// Our load balancers, read once in a pass.
///
/// # Errors
/// What AWS answered.
pub async fn load_balancers(cx: &Aws) -> Result<Arc<Vec<Owned<elb::LoadBalancer>>>> {
    cx.once("elbv2.DescribeLoadBalancers", || async {
        let all: Vec<elb::LoadBalancer> =
            cx.elbv2.describe_load_balancers().into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        owned(cx, &all, elb::LoadBalancer::load_balancer_arn).await
    })
    .await
}

/// Marks as tags.
pub fn tags(marks: &Marks) -> Vec<elb::Tag> {
    marks.to_tags().into_iter().map(|(key, value)| elb::Tag::builder().key(key).value(value).build()).collect()
}

/// Rewrites the marks of any ELBv2 object.
///
/// # Errors
/// What AWS answered.
pub async fn mark(cx: &Aws, arn: &str, marks: &Marks) -> Result<()> {
    cx.elbv2.add_tags().resource_arns(arn).set_tags(Some(tags(marks))).send().await?;
    Ok(())
}

/// The part of an ARN that CloudWatch's dimensions name an object by: `app/NAME/ID`, `targetgroup/NAME/ID`.
pub fn full_name(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use super::full_name;

    #[test]
    fn cloudwatch_names_objects_by_a_part_of_their_arn() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
        assert_eq!(full_name(arn), "app/edge/50dc6c495c0c9188");
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/edge/50dc6c495c0c9188";
        assert_eq!(full_name(arn), "targetgroup/edge/50dc6c495c0c9188");
    }
}
