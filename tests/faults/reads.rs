//! A read that fails or comes short is not absence.

use std::collections::BTreeSet;

use futures::StreamExt;
use reeve::kinds::lookup;
use reeve::model::plan::{Plan, Scope, Verb};
use reeve::planes::aws::faults::{Fault, Faults, Rule};

use crate::support::{Wishes, World, changes, small, whole};

/// How many plans are made at the same time.
const SIDE_BY_SIDE: usize = 16;

/// The calls that a plan makes, but for the one that every connection begins with.
async fn reads(world: &World) -> Vec<String> {
    let session = world.session().await;
    crate::support::plan(&session, &world.wishes).await;
    session.connection.stats.calls().into_keys().filter(|call| call != "sts.GetCallerIdentity").collect()
}

/// The plan when `call` answers with `fault` whenever it is asked.
async fn plan_without(world: &World, wishes: &Wishes, call: &str, fault: Fault, destroy: bool) -> Plan {
    let session = world.faulty(&Faults::new(1).with(Rule::new(call, fault))).await;
    session.plan(wishes, Scope::default(), destroy, None).await.unwrap_or_else(|error| panic!("{call}: {error}")).0
}

fn verbs(plan: &Plan, verb: Verb) -> Vec<(String, String)> {
    plan.changes().filter(|one| one.action == verb).map(|one| (one.kind.clone(), one.address.to_string())).collect()
}

/// Nothing of a kind that could not be read is made or dropped, nor is anything dropped that it may use, and the plan names the kind.
fn touches_nothing_unreadable(call: &str, plan: &Plan) {
    let unreadable: BTreeSet<&str> = plan.unreadable.iter().map(|one| one.kind.as_str()).collect();
    assert!(!unreadable.is_empty(), "{call} was refused, and everything is said to be readable");
    for verb in [Verb::Create, Verb::Delete, Verb::Replace] {
        let touched: Vec<_> = verbs(plan, verb).into_iter().filter(|(kind, _)| unreadable.contains(kind.as_str())).collect();
        assert!(touched.is_empty(), "{call}: {verb:?} of what could not be read: {touched:?}");
    }
    let may_use =
        |kind: &str| unreadable.iter().filter_map(|unread| lookup(unread)).any(|row| row.info().refers_to.iter().any(|to| to == kind));
    let used: Vec<_> =
        [verbs(plan, Verb::Delete), verbs(plan, Verb::Replace)].concat().into_iter().filter(|(kind, _)| may_use(kind)).collect();
    assert!(used.is_empty(), "{call}: dropped though {unreadable:?} may use it: {used:?}");
}

#[tokio::test]
async fn nothing_of_a_kind_is_touched_when_its_listing_is_refused() {
    let world = World::new(whole()).await;
    let (_, report) = world.apply(&world.session().await).await;
    assert!(report.is_whole(), "{report:#?}");
    let denied = || Fault::Refuse { status: 403, code: "AccessDenied".into() };
    let calls = reads(&world).await;
    assert!(calls.len() > 40, "{calls:?}");
    let mut checks = futures::stream::iter(&calls)
        .map(|call| {
            let world = &world;
            async move {
                let plan = plan_without(world, &world.wishes, call, denied(), false).await;
                touches_nothing_unreadable(call, &plan);
                let made: Vec<_> = [verbs(&plan, Verb::Create), verbs(&plan, Verb::Delete), verbs(&plan, Verb::Replace)].concat();
                assert!(made.is_empty(), "{call}: the estate is whole, yet: {:#?} unreadable {:?}", changes(&plan), plan.unreadable);
                touches_nothing_unreadable(call, &plan_without(world, &world.wishes, call, denied(), true).await);
            }
        })
        .buffer_unordered(SIDE_BY_SIDE);
    while checks.next().await.is_some() {}
}

#[tokio::test]
async fn nothing_of_a_kind_is_touched_when_its_pages_break_off() {
    let world = World::new(small()).await;
    let (_, report) = world.apply(&world.session().await).await;
    assert!(report.is_whole(), "{report:#?}");
    // Each of these is tried again for half a minute before it counts as unreadable: a few, of each of the protocols.
    let mut checks = futures::stream::iter([
        "ec2.DescribeVpcs",
        "ec2.DescribeSubnets",
        "rds.DescribeDBInstances",
        "efs.DescribeFileSystems",
        "kms.ListAliases",
        "logs.DescribeLogGroups",
        "iam.ListRoles",
        "elbv2.DescribeLoadBalancers",
        "route53.ListResourceRecordSets",
        "s3.ListBuckets",
    ])
    .map(|call| {
        let world = &world;
        async move {
            let plan = plan_without(world, &world.wishes, call, Fault::ShortPage, false).await;
            touches_nothing_unreadable(call, &plan);
        }
    })
    .buffer_unordered(SIDE_BY_SIDE);
    while checks.next().await.is_some() {}
}
