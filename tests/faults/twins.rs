//! Two live objects with one address, and a saved plan whose world moved.

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use reeve::model::plan::Scope;
use reeve::planes::aws::faults::Faults;
use reeve::session::{Error, Session};

use crate::support::{World, changes, plan, run, small, walk};

/// Makes another VPC that bears the tags of ours, `change` made to each; answers the id of ours and its own.
async fn twin(session: &Session, change: impl Fn(&str, &str) -> String) -> (String, String) {
    let ec2 = &session.connection.aws.ec2;
    let vpcs = ec2.describe_vpcs().send().await.expect("VPCs");
    let ours = vpcs.vpcs().iter().find(|vpc| vpc.tags().iter().any(|tag| tag.key() == Some("reeve:address"))).expect("ours");
    let tags = ours.tags().iter().map(|tag| {
        let (key, value) = (tag.key().unwrap_or_default(), tag.value().unwrap_or_default());
        Tag::builder().key(key).value(change(key, value)).build()
    });
    let tags = TagSpecification::builder().resource_type(ResourceType::Vpc).set_tags(Some(tags.collect())).build();
    let made = ec2.create_vpc().cidr_block("10.20.0.0/16").tag_specifications(tags).send().await.expect("a VPC");
    let made = made.vpc.and_then(|vpc| vpc.vpc_id).expect("an id");
    (ours.vpc_id().unwrap_or_default().to_owned(), made)
}

#[tokio::test]
async fn of_two_made_by_one_attempt_the_unused_one_goes() {
    let mut world = World::new(small()).await;
    let (want, _) = world.clean().await;
    let session = world.session().await;
    assert!(world.apply(&session).await.1.is_whole());
    // Ids are random and EC2 does not say when a VPC was made: with several turns, either comes first in some.
    for turn in 0..5 {
        let (ours, twin) = twin(&session, |_, value| value.to_owned()).await;
        let told = plan(&session, &world.wishes).await;
        let over: Vec<_> = told.leftovers.iter().map(|one| one.seen.id.as_str()).collect();
        assert_eq!(over, [twin.as_str()], "turn {turn}: {ours} is the one in use");
        assert!(told.changes().next().is_none(), "{:?}", changes(&told));
        assert!(run(&session, &world.wishes).await.expect("an apply").1.is_whole());
        world.is_converged(&want, "after a twin").await;
    }
}

#[tokio::test]
async fn of_two_made_by_two_attempts_both_are_named() {
    let world = World::new(small()).await;
    let session = world.session().await;
    assert!(world.apply(&session).await.1.is_whole());
    let (ours, twin) = twin(&session, |key, value| if key == "reeve:attempt" { "another".into() } else { value.to_owned() }).await;
    let error = session.plan(&world.wishes, Scope::default(), false, None).await.expect_err("two of one address");
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains(&ours) && text.contains(&twin) && text.contains("vpc.vpc"), "{text}");
}

#[tokio::test]
async fn a_plan_is_stale_when_the_world_moved() {
    let mut world = World::new(small()).await;
    let faults = Faults::new(1);
    let session = world.faulty(&faults).await;
    assert!(world.apply(&session).await.1.is_whole());
    let gone = world.wishes.keys().find(|address| address.to_string().starts_with("files.mount")).cloned().expect("a mount target");
    let wish = world.wishes.remove(&gone).expect("its wish");
    let saved = plan(&session, &world.wishes).await;
    assert!(!saved.is_empty());
    session.check(&saved).await.expect("the world is as it was");

    let ec2 = &world.session().await.connection.aws.ec2;
    let vpc = saved.seen.values().find(|seen| seen.kind == "aws.vpc").expect("the VPC").id.clone();
    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
    ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(off).send().await.expect("a change by hand");
    let before = faults.changes().len();
    match session.check(&saved).await {
        Err(Error::Stale(moved)) => assert!(moved.iter().any(|line| line.contains("vpc.vpc") && line.contains("changed")), "{moved:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(faults.changes().len(), before, "nothing was touched");

    // As the command does: a new plan holds, is applied once, and is stale from then on.
    let saved = plan(&session, &world.wishes).await;
    session.check(&saved).await.expect("it is new");
    let held = session.hold("test").await.expect("the lease");
    let (_halt, halt) = tokio::sync::watch::channel(reeve::apply::Halt::No);
    let report = walk(&session, &saved, &held, halt, |_| {}).await.expect("an apply");
    assert!(report.is_whole(), "{report:#?}");
    assert!(matches!(session.check(&saved).await, Err(Error::Stale(_))));
    held.release().await.expect("the lease goes back");
    world.wishes.insert(gone, wish);
}
