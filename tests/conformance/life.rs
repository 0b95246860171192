//! The whole life of an estate: nothing, applied, unchanged, drifted, mended, changed, unchanged.

use reeve::desired::SourceFile;
use reeve::model::edit::Cause;
use serde_json::json;

use crate::support::{Estate, Wishes, at, changes, wishes};

/// What the stack of this name wishes.
pub fn estate(name: &str, domain: &str) -> Wishes {
    let text = include_str!("estate.yaml").replace("RUN", name).replace("DOMAIN", domain);
    let mut wishes = wishes(&[SourceFile { path: "tests/conformance/estate.yaml".into(), text }]);
    // The account's own settings would outlive the run.
    wishes.retain(|_, wish| wish.kind.name != "aws.ec2_defaults");
    wishes
}

/// Lives it. Panics at the first thing that is not as it should be; destroying is the caller's.
pub async fn live(estate: &mut Estate) {
    say("applying all of it to nothing");
    estate.apply().await;
    estate.is_converged().await;

    say("a port is opened behind our back");
    let group = estate.object("fleet.group").await;
    let ec2 = &estate.session.connection.aws.ec2;
    let open = ec2.authorize_security_group_ingress().group_id(&group.id).ip_protocol("tcp").from_port(22).to_port(22);
    open.cidr_ip("192.0.2.0/24").send().await.expect("somebody opens a port");
    let plan = estate.plan().await;
    assert!(plan.changes().any(|one| one.address == at("fleet.group") && one.cause == [Cause::Drift].into()), "{:#?}", changes(&plan));
    assert_eq!(plan.changes().count(), 1, "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;

    say("two fields are changed");
    estate.spec("database.server")["backup_retention_period"] = json!(2);
    estate.spec("edge.alb")["idle_timeout"] = json!(90);
    let plan = estate.plan().await;
    assert!(plan.changes().all(|one| one.cause == [Cause::Change].into()), "{:#?}", changes(&plan));
    assert_eq!(plan.changes().count(), 2, "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
}

/// One line on stderr.
pub fn say(text: &str) {
    eprintln!("conformance: {text}");
}
