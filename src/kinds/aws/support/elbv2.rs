//! What the kinds of Elastic Load Balancing share: listings joined with their tags, and attributes as pairs.
//!
//! ELBv2 listings carry no tags: `DescribeTags` takes 20 ARNs a call.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types as elb;

use super::side_by_side;
use crate::kinds::Named;
use crate::kinds::aws::load_balancer::LoadBalancer;
use crate::kinds::aws::target_group::TargetGroup;
use crate::model::Marks;
use crate::model::marks::key;
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

/// Of `all`, those that this stack owns; and, with empty marks, those that no stack owns and that hang under something, which may be ours.
/// Of the others, those that have a kind and a name are noted.
///
/// # Errors
/// When the tags of one are missing from the answer: a short answer must not read as "not ours".
async fn owned(cx: &Aws, all: &[One]) -> Result<Vec<Owned<One>>> {
    let arns: Vec<String> = all.iter().filter_map(|one| one.arn().map(str::to_owned)).collect();
    let answers = side_by_side(arns.chunks(TAGS_AT_ONCE).map(|chunk| async move {
        let out = cx.elbv2.describe_tags().set_resource_arns(Some(chunk.to_vec())).send().await?;
        Ok::<_, Error>(out.tag_descriptions.unwrap_or_default())
    }))
    .await?;
    let tags: BTreeMap<String, Vec<elb::Tag>> =
        answers.into_iter().flatten().filter_map(|d| Some((d.resource_arn?, d.tags.unwrap_or_default()))).collect();
    let mut ours = Vec::new();
    for one in all {
        let id = one.arn().ok_or_else(|| Error::incomplete("elbv2.Describe", "ARN"))?;
        let tags = tags.get(id).ok_or_else(|| Error::incomplete("elbv2.DescribeTags", &format!("tags of {id}")))?;
        let pairs = tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
        let nobodys = matches!(one, One::Listener(_)) && !tags.iter().any(|tag| tag.key() == Some(key::STACK));
        let marks = match one.named() {
            Some((kind, name)) => cx.marks_or_stranger(kind, (name, id), pairs),
            None => cx.marks(pairs).or_else(|| nobodys.then(Marks::default)),
        };
        if let Some(marks) = marks {
            ours.push(Owned { it: one.clone(), marks });
        }
    }
    Ok(ours)
}

/// Our load balancers, their listeners, and our target groups.
#[derive(Debug, Default)]
pub struct Balancing {
    /// Load balancers of every type.
    pub load_balancers: Vec<Owned<elb::LoadBalancer>>,
    /// Target groups.
    pub target_groups: Vec<Owned<elb::TargetGroup>>,
    /// Listeners of our load balancers; the marks of those that somebody added are empty.
    pub listeners: Vec<Owned<elb::Listener>>,
}

/// Our load balancers, their listeners and our target groups, read once in a pass: together, because `DescribeTags` takes all of them in
/// one call. A load balancer whose name begins as ours do is asked for its listeners before its tags say whether it is ours.
///
/// # Errors
/// What AWS answered.
pub async fn balancing(cx: &Aws) -> Result<Arc<Balancing>> {
    cx.once("elbv2.DescribeLoadBalancers", || async {
        let begin = format!("{}-", cx.estate.stack);
        let (balancers, groups) = futures::try_join!(
            async {
                let call = cx.elbv2.describe_load_balancers().into_paginator().items();
                let all: Vec<elb::LoadBalancer> = call.send().collect::<std::result::Result<_, _>>().await?;
                let likely = all.iter().filter(|one| one.load_balancer_name().is_some_and(|name| name.starts_with(&begin)));
                let listeners = listeners(cx, likely.filter_map(elb::LoadBalancer::load_balancer_arn)).await?;
                Ok::<_, Error>((all, listeners))
            },
            async {
                let call = cx.elbv2.describe_target_groups().into_paginator().items();
                Ok::<_, Error>(call.send().collect::<std::result::Result<Vec<_>, _>>().await?)
            },
        )?;
        let (balancers, first) = balancers;
        let all = balancers.into_iter().map(One::Balancer).chain(groups.into_iter().map(One::Group));
        let all: Vec<One> = all.chain(first.into_iter().map(One::Listener)).collect();
        let mut ours = Balancing::default();
        for Owned { it, marks } in owned(cx, &all).await? {
            match it {
                One::Balancer(it) => ours.load_balancers.push(Owned { it, marks }),
                One::Group(it) => ours.target_groups.push(Owned { it, marks }),
                One::Listener(it) => ours.listeners.push(Owned { it, marks }),
            }
        }
        // Those of other names.
        let rest = ours.load_balancers.iter().filter(|one| !one.it.load_balancer_name().is_some_and(|name| name.starts_with(&begin)));
        let more = listeners(cx, rest.filter_map(|one| one.it.load_balancer_arn())).await?;
        let more: Vec<One> = more.into_iter().map(One::Listener).collect();
        for Owned { it, marks } in owned(cx, &more).await? {
            if let One::Listener(it) = it {
                ours.listeners.push(Owned { it, marks });
            }
        }
        let balancers: BTreeSet<&str> = ours.load_balancers.iter().filter_map(|one| one.it.load_balancer_arn()).collect();
        ours.listeners.retain(|one| one.it.load_balancer_arn().is_some_and(|arn| balancers.contains(arn)));
        Ok(ours)
    })
    .await
}

async fn listeners<'a>(cx: &Aws, balancers: impl Iterator<Item = &'a str>) -> Result<Vec<elb::Listener>> {
    let listed = side_by_side(balancers.map(|arn| async move {
        let pages = cx.elbv2.describe_listeners().load_balancer_arn(arn).into_paginator();
        Ok::<_, Error>(pages.items().send().collect::<std::result::Result<Vec<elb::Listener>, _>>().await?)
    }));
    Ok(listed.await?.into_iter().flatten().collect())
}

#[derive(Clone)]
enum One {
    Balancer(elb::LoadBalancer),
    Group(elb::TargetGroup),
    Listener(elb::Listener),
}

impl One {
    fn arn(&self) -> Option<&str> {
        match self {
            Self::Balancer(one) => one.load_balancer_arn(),
            Self::Group(one) => one.target_group_arn(),
            Self::Listener(one) => one.listener_arn(),
        }
    }

    /// Kind and name of what has one.
    fn named(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Balancer(one) => Some((LoadBalancer::NAME, one.load_balancer_name()?)),
            Self::Group(one) => Some((TargetGroup::NAME, one.target_group_name()?)),
            Self::Listener(_) => None,
        }
    }
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
