//! The fleet grows when a tenant finds no room, shrinks when there has been too much for long, and replaces a worker that dies: real engines, one turn
//! of the policy after the other, with short times.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, Tag};
use aws_sdk_ec2::types::{InstanceType, RequestLaunchTemplateData};
use jiff::{SignedDuration, Timestamp};
use reeve::host::swarm::LABEL;
use reeve::model::Access;
use reeve::planes::aws::gate::{Gate, May};
use reeve::planes::aws::stats::Stats;
use reeve::planes::error::Class;
use reeve::planes::{Facts, Planes};
use reeve::scaling::live::Said;
use reeve::scaling::{Memory, Settings, Step, turn};
use serde_json::{Value, json};

use crate::ground::{Cloud, Machine, Net, STACK, ended};

const SETUP: &[&str] = &["setup", "--only", "network,swarm"];
const IMAGE: &str = "sleeper:1";

/// A manager that decides, and its workers.
struct Fleet {
    cloud: Cloud,
    net: Net,
    manager: Machine,
    workers: Vec<(String, Machine)>,
    planes: Planes,
    memory: Memory,
    /// Whether changes may be sent, and how often that was asked.
    open: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Fleet {
    async fn start() -> Self {
        let cloud = Cloud::start().await;
        let aws = &cloud.aws.aws;
        let data = RequestLaunchTemplateData::builder().image_id("ami-12c6146b").instance_type(InstanceType::R5dXlarge).build();
        let made = aws.ec2.create_launch_template().launch_template_name("fleet").launch_template_data(data).send().await.unwrap();
        let template = made.launch_template().unwrap().launch_template_id().unwrap().to_owned();
        let zones = aws.ec2.describe_availability_zones().send().await.unwrap();
        for (name, min, max) in [("managers", 1, 1), ("workers", 0, 2)] {
            let tags = [("reeve:stack", STACK.to_owned()), ("reeve:address", format!("fleet.{name}"))];
            let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).propagate_at_launch(true).build());
            let group = aws.autoscaling.create_auto_scaling_group().auto_scaling_group_name(name).min_size(min).max_size(max);
            let group = group.availability_zones(zones.availability_zones()[0].zone_name().unwrap()).set_tags(Some(tags.into()));
            let launched = LaunchTemplateSpecification::builder().launch_template_id(&template).version("$Default").build();
            group.launch_template(launched).send().await.unwrap();
        }
        let mut net = Net::new();
        let manager = Machine::start(&mut net, &instances(&cloud, "managers").await[0]);
        manager.image(IMAGE);
        let said = cloud.reeve(&manager, SETUP);
        assert_eq!(said.code, 0, "{}", said.err);

        let (open, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let keeper = (open.clone(), asked.clone());
        let gate = Gate::new(move || {
            keeper.1.fetch_add(1, Ordering::SeqCst);
            if keeper.0.load(Ordering::SeqCst) { May::Send } else { May::Never("another leads".into()) }
        });
        let facts: Facts = serde_json::from_value(json!({ "docker": manager.socket() })).unwrap();
        let planes = Planes::new(aws.clone(), &Access::default(), Some(&facts), &Stats::default());
        let planes = planes.gated(cloud.aws.gated(gate.clone()), &gate);
        Self { cloud, net, manager, workers: Vec::new(), planes, memory: Memory::default(), open, asked }
    }

    async fn try_turn(&mut self, queued: &[&str]) -> reeve::planes::error::Result<Vec<Said>> {
        let seconds = SignedDuration::from_secs;
        let (quiet, linger, worker_down) = (seconds(3), seconds(3), seconds(2));
        let settings = Settings { quiet, linger, worker_down, ..Settings::default() };
        let queued: BTreeSet<String> = queued.iter().map(|name| (*name).to_owned()).collect();
        turn(&self.planes.fresh(), &settings, &queued, &mut self.memory, Timestamp::now()).await
    }

    /// What one turn did.
    async fn turn(&mut self) -> Vec<Step> {
        let said = self.try_turn(&[]).await.unwrap();
        let failed: Vec<String> = said.iter().filter(|said| matches!(said, Said::Failed(..))).map(ToString::to_string).collect();
        assert!(failed.is_empty(), "{failed:?}");
        said.into_iter().filter_map(|said| if let Said::Done(step) = said { Some(step) } else { None }).collect()
    }

    /// Turn after turn, until that many steps were taken.
    async fn steps(&mut self, number: usize, within: u64) -> Vec<Step> {
        let (mut all, end) = (Vec::new(), Instant::now() + Duration::from_secs(within));
        while all.len() < number {
            assert!(Instant::now() < end, "{all:?}; {}", self.manager.docker("node ls"));
            all.extend(self.turn().await);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        all
    }

    /// What the group launched comes up, joins and is known.
    async fn boot(&mut self) {
        let launched = instances(&self.cloud, "workers").await;
        let new: Vec<String> = launched.into_iter().filter(|one| !self.workers.iter().any(|(known, _)| known == one)).collect();
        for instance in &new {
            let machine = Machine::start_as(&mut self.net, instance, false);
            machine.image(IMAGE);
            self.workers.push((instance.clone(), machine));
        }
        let begun: Vec<_> = self.workers.iter().rev().take(new.len()).map(|(_, machine)| self.cloud.begin(machine, SETUP)).collect();
        begun.into_iter().map(ended).for_each(|said| assert_eq!(said.code, 0, "{}", said.err));
        self.keep();
    }

    /// What each manager does every few minutes: labels, and what is left of who is gone.
    fn keep(&self) {
        let said = self.cloud.reeve(&self.manager, SETUP);
        assert_eq!(said.code, 0, "{}", said.err);
    }

    fn lose(&mut self, instance: &str) -> Machine {
        let at = self.workers.iter().position(|(one, _)| one == instance).expect("a worker");
        let (_, mut machine) = self.workers.remove(at);
        machine.lose_power();
        machine
    }

    /// Makes a tenant that reserves so many MiB and runs all the time.
    fn tenant(&self, name: &str, mib: u64) {
        self.manager.docker(&format!(
            "service create --detach --name {name} --network host --no-resolve-image --restart-delay 1s --stop-grace-period 1s \
             --reserve-memory {mib}m {IMAGE} /usr/bin/sleep 1000000"
        ));
    }

    /// The instance that a tenant runs on.
    fn home(&self, tenant: &str) -> Option<String> {
        let tasks =
            self.manager.docker(&format!("service ps {tenant} --filter desired-state=running --format {{{{.CurrentState}}}}|{{{{.ID}}}}"));
        let task = tasks.lines().find(|line| line.starts_with("Running"))?.rsplit('|').next()?.to_owned();
        let node = self.manager.docker(&format!("inspect --type task --format {{{{.NodeID}}}} {task}"));
        let node: Value = serde_json::from_str(&self.manager.docker(&format!("node inspect {}", node.trim()))).unwrap();
        Some(node[0]["Spec"]["Labels"][LABEL].as_str()?.to_owned())
    }

    async fn runs(&self, tenant: &str) -> String {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(home) = self.home(tenant) {
                return home;
            }
            assert!(Instant::now() < end, "{}", self.manager.docker(&format!("service ps --no-trunc {tenant}")));
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn size(&self) -> i32 {
        group(&self.cloud, "workers").await.desired_capacity().unwrap()
    }
}

async fn group(cloud: &Cloud, name: &str) -> aws_sdk_autoscaling::types::AutoScalingGroup {
    let found = cloud.aws.aws.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(name).send().await.unwrap();
    found.auto_scaling_groups()[0].clone()
}

async fn instances(cloud: &Cloud, name: &str) -> Vec<String> {
    group(cloud, name).await.instances().iter().map(|one| one.instance_id().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_grows_for_a_tenant_without_room_shrinks_after_quiet_and_replaces_a_dead_worker() {
    let mut fleet = Fleet::start().await;
    let memory: u64 = fleet.manager.docker("info --format {{.MemTotal}}").trim().parse().unwrap();
    let percent = |share: u64| (memory >> 20) * share / 100;

    // Two tenants that each take most of a host: one runs, the other waits, and room for a third is spare.
    fleet.tenant("first", percent(60));
    let manager = fleet.runs("first").await;
    fleet.tenant("second", percent(60));
    fleet.open.store(false, Ordering::SeqCst);
    let refused = fleet.try_turn(&[]).await.unwrap_err();
    assert!(refused.class == Class::LeaseLost && refused.to_string().contains("another leads"), "{refused}");
    assert_eq!(fleet.size().await, 0, "no change without the lease");
    fleet.open.store(true, Ordering::SeqCst);
    assert_eq!(fleet.turn().await, [Step::Grow { to: 2 }]);
    assert_eq!(fleet.size().await, 2);
    assert_eq!(fleet.turn().await, [], "they are on their way");
    fleet.boot().await;
    let second = fleet.runs("second").await;
    assert!(second != manager);
    fleet.tenant("third", percent(5));
    let third = fleet.runs("third").await;
    assert!(third != manager && third != second, "where the fewest are");
    assert_eq!(fleet.turn().await, [], "as it should be");

    // The second goes: there is too much. One host is put away, its tenant has moved before it ends, and no other is touched.
    fleet.manager.docker("service rm second");
    fleet.tenant("fourth", percent(5));
    assert_eq!(fleet.runs("fourth").await, second);
    let begun = Instant::now();
    assert!(matches!(&fleet.steps(1, 30).await[..], [Step::Pause { .. }]));
    assert!(begun.elapsed() >= Duration::from_secs(3), "not before it has lasted");
    let Step::Drain { host: gone, .. } = fleet.steps(1, 30).await.remove(0) else { panic!("not drained") };
    assert!(gone == second || gone == third, "{gone}");
    assert_eq!(fleet.steps(1, 30).await, [Step::Shrink { host: gone.clone() }]);
    for tenant in ["first", "third", "fourth"] {
        assert_ne!(fleet.runs(tenant).await, gone);
    }
    assert_eq!(fleet.size().await, 1);
    let left = instances(&fleet.cloud, "workers").await;
    assert!(left.len() == 1 && left[0] != gone, "{left:?}");
    drop(fleet.lose(&gone));
    fleet.keep();
    assert_eq!(fleet.turn().await, [], "at rest");

    // The last worker loses its power; its instance seems to be fine.
    let dead = left[0].clone();
    let machine = fleet.lose(&dead);
    let done = fleet.steps(2, 60).await;
    let expected = [Step::Drain { host: dead.clone(), why: reeve::scaling::world::Away::Replace }, Step::Replace { host: dead.clone() }];
    assert_eq!(done, expected);
    let now = instances(&fleet.cloud, "workers").await;
    assert!(now.len() == 1 && now[0] != dead && fleet.size().await == 1, "{now:?}");
    fleet.boot().await;
    assert_eq!(fleet.turn().await, [], "as it should be");
    assert!(fleet.workers.iter().any(|(one, _)| *one == now[0]));
    let nodes = fleet.manager.docker("node ls --format {{.Status}}/{{.Availability}}");
    assert_eq!(nodes.lines().collect::<Vec<_>>(), ["Ready/Active"; 2], "{nodes}");
    for tenant in ["first", "third", "fourth"] {
        assert_ne!(fleet.runs(tenant).await, dead);
    }
    assert!(fleet.asked.load(Ordering::SeqCst) >= 6, "each change asked first");
    drop(machine);
}
