//! In which order things are done.

use reeve::model::plan::Plan;
use reeve::model::report::Do;
use reeve::plan::order::steps;
use serde_json::json;

use crate::world::{World, at, to};

/// The steps in an order that respects them, as words.
pub fn walk(plan: &Plan) -> Vec<String> {
    walk_by(plan, |free| free.first().copied())
}

/// The steps in an order that `choose` makes of those that may be next.
pub fn walk_by(plan: &Plan, choose: impl Fn(&[usize]) -> Option<usize>) -> Vec<String> {
    let steps = steps(plan).unwrap();
    let mut done = vec![false; steps.len()];
    let mut order = Vec::new();
    while order.len() < steps.len() {
        let free: Vec<usize> = (0..steps.len()).filter(|at| !done[*at] && steps[*at].needs.iter().all(|need| done[*need])).collect();
        let next = choose(&free).unwrap();
        done[next] = true;
        order.push(format!("{:?} {}", steps[next].what, steps[next].address));
    }
    order
}

pub fn before(order: &[String], first: &str, then: &str) {
    let place = |text: &str| order.iter().position(|one| one == text).unwrap_or_else(|| panic!("no `{text}` in {order:#?}"));
    assert!(place(first) < place(then), "`{first}` should come before `{then}`: {order:#?}");
}

#[test]
fn what_is_needed_is_made_first_and_circles_are_settled_after() {
    let order = walk(&World::network().plan());
    before(&order, "Create vpc.vpc", "Create vpc.private/a");
    // Each names the other: one is whole when it is made, the other is finished after.
    before(&order, "Create vpc.db", "Create vpc.app");
    before(&order, "Create vpc.app", "Settle vpc.db");
    assert!(!order.contains(&"Settle vpc.app".to_owned()), "{order:#?}");
}

/// A key whose policy names a role, and a log group that it encrypts.
fn sealed_logs() -> World {
    let mut world = World::default();
    let trust =
        json!({ "Statement": [{ "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    world.wish("logs.role", "aws.role", json!({ "assume_role_policy_document": trust }));
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": to("logs.role") }, "Action": "kms:*", "Resource": "*" }] });
    world.wish("logs.key", "aws.key", json!({ "policy": policy }));
    world.wish("logs.group", "aws.log_group", json!({ "kms_key": to("logs.key") }));
    world
}

#[test]
fn what_could_be_settled_later_is_whole_at_once_where_nothing_points_back() {
    let order = walk(&sealed_logs().plan());
    before(&order, "Create logs.role", "Create logs.key");
    before(&order, "Create logs.key", "Create logs.group");
    assert!(!order.iter().any(|step| step.starts_with("Settle")), "{order:#?}");
}

#[test]
fn what_points_back_is_still_settled_later() {
    let mut world = sealed_logs();
    // Now the role's policy needs the key, whose policy needs the role.
    let document = json!({ "Statement": [{ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": to("logs.key") }] });
    world.wish("logs.policy", "aws.policy", json!({ "policy_document": document }));
    world.spec("logs.role")["managed_policies"] = json!([to("logs.policy")]);
    let order = walk(&world.plan());
    before(&order, "Create logs.key", "Create logs.role");
    before(&order, "Create logs.role", "Settle logs.key");
}

#[test]
fn what_refers_to_itself_is_settled_on_the_way_or_in_a_step_of_its_own() {
    let mut world = World::default();
    let arn = |address: &str| format!("${{ref(\"{address}\").arn}}");
    let policy = |action: &str, address: &str| json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": action, "Resource": arn(address) }] });
    // One call makes a topic; many make a bucket.
    world.wish("logs.topic", "aws.topic", json!({ "policy": policy("sns:Publish", "logs.topic") }));
    world.wish("logs.bucket", "aws.bucket", json!({ "policy": policy("s3:*", "logs.bucket") }));
    let order = walk(&world.plan());
    before(&order, "Create logs.topic", "Settle logs.topic");
    assert!(!order.contains(&"Settle logs.bucket".to_owned()), "{order:#?}");
}

/// Hosts that mount files, and the doors that they mount them by.
fn hosts() -> World {
    let mut world = World::files();
    world.wish("fleet.role", "aws.role", json!({ "assume_role_policy_document": { "Statement": [] } }));
    world.wish("fleet.profile", "aws.instance_profile", json!({ "role": to("fleet.role") }));
    world.wish(
        "fleet.template",
        "aws.launch_template",
        json!({ "image_id": "ami-1", "instance_type": "r5d.large", "iam_instance_profile": to("fleet.profile"), "security_groups": [] }),
    );
    world.wish(
        "fleet.workers",
        "aws.autoscaling_group",
        json!({ "launch_template": to("fleet.template"), "subnets": [to("vpc.private/a")], "min_size": 1, "max_size": 1,
            "waits_for": { "mount_targets": [to("files.mount/a"), to("files.mount/b")] } }),
    );
    world
}

#[test]
fn what_is_waited_for_is_ready_before_and_is_never_compared() {
    let order = walk(&hosts().plan());
    before(&order, "Ready files.mount/a", "Create fleet.workers");
    before(&order, "Ready files.mount/b", "Create fleet.workers");

    // A door is made anew: the group stands, and has nothing to do with it.
    let mut world = hosts().applied();
    world.shape("fleet.workers")["waits_for"] = json!({});
    assert!(world.plan().is_empty(), "the live group cannot say what it waited for");
    world.vanish("files.mount/a");
    let plan = world.plan();
    assert_eq!(plan.changes().map(|one| one.address.to_string()).collect::<Vec<_>>(), ["files.mount/a"]);
    // Changed, it waits for nobody.
    world = hosts().applied();
    world.spec("fleet.workers")["max_size"] = json!(2);
    assert_eq!(walk(&world.plan()), ["Update fleet.workers", "Ready fleet.workers"]);
    // Made again itself, it waits also for what stands already.
    world = hosts().applied();
    world.vanish("fleet.workers");
    before(&walk(&world.plan()), "Ready files.mount/b", "Create fleet.workers");
}

/// A server and the group of its log, each of which names the other.
fn server() -> World {
    let mut world = World::default();
    world.wish(
        "database.server",
        "aws.db_instance",
        json!({ "engine": "mariadb", "engine_version": "10.11", "db_instance_class": "db.r6g.large", "allocated_storage": 100,
            "db_subnet_group": "g", "vpc_security_groups": [], "log_groups": [to("database.log")] }),
    );
    let name = "/aws/rds/instance/${ref(\"database.server\").name}/error";
    world.wish("database.log", "aws.log_group", json!({ "log_group_name": name }));
    world
}

#[test]
fn a_server_s_log_groups_have_its_name_and_go_after_it() {
    let order = walk(&server().plan());
    before(&order, "Create database.server", "Create database.log");
    before(&order, "Create database.log", "Settle database.server");

    let mut world = server().applied();
    world.destroy = true;
    let order = walk(&world.plan());
    before(&order, "Delete database.server", "Delete database.log");
}

#[test]
fn what_is_new_waits_for_the_change_of_what_it_refers_to() {
    let mut world = sealed_logs().applied();
    world.vanish("logs.group");
    world.spec("logs.key")["rotation_period_in_days"] = json!(180);
    let order = walk(&world.plan());
    before(&order, "Update logs.key", "Create logs.group");
}

#[test]
fn what_must_be_ready_is_waited_for() {
    let order = walk(&World::files().plan());
    before(&order, "Ready files.file_system", "Create files.mount/a");
}

#[test]
fn users_go_before_what_they_use_and_circles_are_cut() {
    let mut world = World::files().applied();
    world.scope.allow_delete.insert("files.file_system".into());
    world.destroy = true;
    let order = walk(&world.plan());
    before(&order, "Delete files.mount/a", "Delete files.file_system");
    before(&order, "Delete files.mount/a", "Delete vpc.private/a");
    before(&order, "Delete vpc.private/a", "Delete vpc.vpc");
    before(&order, "Cut vpc.app", "Delete vpc.db");
    before(&order, "Cut vpc.db", "Delete vpc.app");
    // Loosening early is an outage: not before those who rely on the group are gone.
    before(&order, "Delete files.mount/a", "Cut vpc.app");
}

#[test]
fn a_cut_empties_what_runs_in_the_circle_and_nothing_else() {
    let mut world = World::network().applied();
    world.destroy = true;
    let steps = steps(&world.plan()).unwrap();
    let cuts = |what: Do, address: &str| {
        let step = steps.iter().find(|step| step.what == what && step.address == at(address)).unwrap();
        step.cuts.iter().map(String::as_str).collect::<Vec<_>>()
    };
    for group in ["vpc.app", "vpc.db"] {
        assert_eq!(cuts(Do::Cut, group), ["ingress"]);
        assert_eq!(cuts(Do::Delete, group), ["ingress"], "its drop knows what it will find");
    }
    assert_eq!(cuts(Do::Delete, "vpc.vpc"), Vec::<&str>::new());
}

#[test]
fn new_is_made_users_are_moved_then_old_is_dropped() {
    let mut world = World::network().applied();
    world.spec("vpc.app")["description"] = json!("another");
    let order = walk(&world.plan());
    before(&order, "Retire vpc.app", "Create vpc.app");
    before(&order, "Create vpc.app", "Update vpc.db");
    before(&order, "Update vpc.db", "Delete vpc.app");
}

#[test]
fn what_cannot_stand_beside_its_successor_goes_first() {
    let mut world = World::files().applied();
    world.spec("vpc.private/a")["availability_zone"] = json!("us-east-1d");
    let order = walk(&world.plan());
    before(&order, "Delete files.mount/a", "Delete vpc.private/a");
    before(&order, "Delete vpc.private/a", "Create vpc.private/a");
    before(&order, "Create vpc.private/a", "Create files.mount/a");
}

#[test]
fn a_new_vpc_takes_everything_along() {
    let mut world = World::files().applied();
    world.spec("vpc.vpc")["cidr_block"] = json!("10.30.0.0/16");
    let order = walk(&world.plan());
    before(&order, "Create vpc.vpc", "Create vpc.private/a");
    before(&order, "Create vpc.private/a", "Delete vpc.private/a");
    before(&order, "Delete vpc.private/a", "Delete vpc.vpc");
}

#[test]
fn what_goes_first_does_not_wait_for_users_that_wait_for_its_successor() {
    // A NAT gateway cannot stand beside its successor (one address); the route table that names it is replaced the other way round.
    let mut world = World::network();
    world.wish("vpc.igw", "aws.internet_gateway", json!({ "vpc": to("vpc.vpc") }));
    world.wish("vpc.ip", "aws.elastic_ip", json!({}));
    world.wish(
        "vpc.nat",
        "aws.nat_gateway",
        json!({ "subnet": to("vpc.private/a"), "allocation": to("vpc.ip"), "internet_gateway": to("vpc.igw") }),
    );
    let routes = json!([{ "destination_cidr_block": "0.0.0.0/0", "nat_gateway": to("vpc.nat") }]);
    world.wish("vpc.routes", "aws.route_table", json!({ "vpc": to("vpc.vpc"), "routes": routes, "subnets": [to("vpc.private/b")] }));
    let mut world = world.applied();
    world.spec("vpc.vpc")["cidr_block"] = json!("10.30.0.0/16");
    let order = walk(&world.plan());
    before(&order, "Delete vpc.nat", "Create vpc.nat");
    before(&order, "Create vpc.nat", "Create vpc.routes");
    before(&order, "Create vpc.routes", "Delete vpc.routes");
}

#[test]
fn what_is_live_and_not_ready_yet_is_waited_for() {
    // An earlier apply was interrupted between the file system and its mount targets.
    let mut world = World::files().applied();
    world.vanish("files.mount/a");
    let order = walk(&world.plan());
    before(&order, "Ready files.file_system", "Create files.mount/a");
    assert_eq!(order.iter().filter(|step| step.ends_with("files.file_system")).count(), 1, "{order:?}");
}

#[test]
fn leftovers_go_when_nobody_uses_them() {
    let mut world = World::network().applied();
    let mut old = world.live("vpc.app").clone();
    old.id = "id:old".into();
    old.marks.retiring = true;
    world.observed.live.push(old);
    world.shape("vpc.db")["ingress"][0]["group"] = json!("id:old");
    let plan = world.plan();
    let order = walk(&plan);
    before(&order, "Update vpc.db", "Delete vpc.app");
    assert_eq!(steps(&plan).unwrap().iter().filter(|step| step.what == Do::Delete).count(), 1);
    assert!(plan.actions.iter().any(|action| action.address == at("vpc.db")));
}

#[test]
fn another_kind_at_an_address_is_in_nobodys_way() {
    // A group becomes a subnet, which could not stand beside another subnet: the users of the group move first all the same.
    let mut world = World::network();
    world.spec("vpc.db")["ingress"] = json!([]);
    world.wish("vpc.routes", "aws.route_table", json!({ "vpc": to("vpc.vpc"), "subnets": [to("vpc.private/a")] }));
    let mut world = world.applied();
    world.wish("vpc.db", "aws.subnet", json!({ "vpc": to("vpc.vpc"), "availability_zone": "us-east-1c", "cidr_block": "10.20.32.0/20" }));
    world.spec("vpc.app")["ingress"] = json!([]);
    world.spec("vpc.routes")["subnets"] = json!([to("vpc.db")]);
    let order = walk(&world.plan());
    before(&order, "Create vpc.db", "Update vpc.routes");
    before(&order, "Update vpc.app", "Delete vpc.db");
    before(&order, "Update vpc.routes", "Delete vpc.db");
}

#[test]
fn a_plan_with_a_kind_of_another_version_has_no_steps() {
    let mut world = World::network().applied();
    world.spec("vpc.private/a")["map_public_ip_on_launch"] = json!(true);
    let mut old = world.live("vpc.app").clone();
    old.id = "id:old".into();
    old.marks.retiring = true;
    world.observed.live.push(old);
    let plan = world.plan();
    steps(&plan).unwrap();
    let mut other = plan.clone();
    let at = other.actions.iter().position(|one| one.action == reeve::model::plan::Verb::Update).unwrap();
    other.actions[at].kind = "aws.subnet_of_tomorrow".into();
    assert!(steps(&other).unwrap_err().to_string().contains("aws.subnet_of_tomorrow"));
    let mut other = plan.clone();
    other.leftovers[0].seen.kind = "aws.group_of_tomorrow".into();
    assert!(steps(&other).unwrap_err().to_string().contains("aws.group_of_tomorrow"));
    let mut other = plan;
    other.actions[at].action = reeve::model::plan::Verb::Delete;
    other.seen.remove(&crate::world::at("vpc.private/a"));
    assert!(steps(&other).unwrap_err().to_string().contains("vpc.private/a"));
}

/// A tenant with what its container uses.
fn tenant() -> World {
    let mut world = World::default();
    world.wish("tenant/a.secret", "aws.parameter", json!({ "generate": { "length": 32 } }));
    world.wish("tenant/a.schema", "mysql.schema", json!({ "server": "db-1" }));
    let fingerprint = "${ref(\"tenant/a.secret\").fingerprint}";
    let user = json!({ "schema": to("tenant/a.schema"), "password": to("tenant/a.secret"), "fingerprint": fingerprint });
    world.wish("tenant/a.user", "mysql.user", user);
    let credentials =
        json!({ "secrets": { "password": to("tenant/a.secret") }, "user": to("tenant/a.user"), "fingerprints": [fingerprint] });
    world.wish("tenant/a.credentials", "docker.secret", credentials);
    world.wish("fleet.network", "docker.network", json!({}));
    let name = |address: &str| format!("${{ref(\"{address}\").name}}");
    world.wish(
        "tenant/a.service",
        "docker.service",
        json!({ "tenant": "a", "image": format!("i@sha256:{}", "0".repeat(64)), "command": ["run"], "network": to("fleet.network"), "port": 8080,
            "memory_reservation": 1, "memory_limit": 2, "health": { "ready": "/", "live": "/", "start_seconds": 1 },
            "database": { "host": "db", "port": "3306", "schema": name("tenant/a.schema"), "secret": to("tenant/a.credentials"),
                "secret_name": name("tenant/a.credentials") } }),
    );
    world
}

#[test]
fn a_rotated_tenant_keeps_its_old_user_and_secret_until_its_new_container_is_ready() {
    let mut world = tenant().applied();
    let other = "another fingerprint".to_owned();
    world.live("tenant/a.secret").attributes.insert("fingerprint".into(), other);
    let plan = world.plan();
    // In whatever order what is free is taken.
    for order in [walk(&plan), walk_by(&plan, |free| free.last().copied())] {
        before(&order, "Create tenant/a.user", "Create tenant/a.credentials");
        before(&order, "Create tenant/a.credentials", "Update tenant/a.service");
        before(&order, "Ready tenant/a.service", "Delete tenant/a.credentials");
        before(&order, "Ready tenant/a.service", "Delete tenant/a.user");
        before(&order, "Delete tenant/a.credentials", "Delete tenant/a.user");
    }
}
