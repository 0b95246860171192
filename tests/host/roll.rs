//! A changed launch template rolls the fleet: host after host, each only when its replacement is there.

use std::time::{Duration, Instant};

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, Tag};
use aws_sdk_ec2::types::RequestLaunchTemplateData;

use reeve::host::swarm::LABEL;
use serde_json::Value;

use crate::ground::{Cloud, Machine, Net, STACK, ended};

const SETUP: &[&str] = &["setup", "--only", "network,swarm"];

/// What is to run on some host all the time.
const TENANT: &str = "service create --detach --name clinic --network host --no-resolve-image --restart-delay 1s --stop-grace-period 1s \
                      sleeper:1 /usr/bin/sleep 1000000";

/// The instances on which the tenant runs, as one of the machines that are left has it.
fn homes(machine: &Machine) -> Vec<String> {
    let tasks = machine.docker("service ps clinic --filter desired-state=running --format {{.CurrentState}}|{{.Node}}|{{.ID}}");
    let running = tasks.lines().filter(|line| line.starts_with("Running"));
    let node = |line: &str| {
        let task = line.rsplit('|').next().unwrap_or_default();
        let node = machine.docker(&format!("inspect --type task --format {{{{.NodeID}}}} {task}"));
        let node: Value = serde_json::from_str(&machine.docker(&format!("node inspect {}", node.trim()))).unwrap();
        node[0]["Spec"]["Labels"][LABEL].as_str().unwrap_or_default().to_owned()
    };
    running.map(node).collect()
}

fn data(script: &str) -> RequestLaunchTemplateData {
    RequestLaunchTemplateData::builder()
        .image_id("ami-12c6146b")
        .instance_type(aws_sdk_ec2::types::InstanceType::R5dXlarge)
        .user_data(script)
        .build()
}

/// The group's hosts: instance and version of the template.
async fn hosts(cloud: &Cloud) -> Vec<(String, String)> {
    let found = cloud.aws.aws.autoscaling.describe_auto_scaling_groups().send().await.unwrap();
    let of = |one: &aws_sdk_autoscaling::types::Instance| {
        (one.instance_id().unwrap().to_owned(), one.launch_template().unwrap().version().unwrap().to_owned())
    };
    found.auto_scaling_groups()[0].instances().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_template_replaces_one_host_after_the_other() {
    let cloud = Cloud::start().await;
    let aws = &cloud.aws.aws;
    let made = aws.ec2.create_launch_template().launch_template_name("fleet").launch_template_data(data("b25l")).send().await.unwrap();
    let template = made.launch_template().unwrap().launch_template_id().unwrap().to_owned();
    let zones = aws.ec2.describe_availability_zones().send().await.unwrap();
    let tags = [("reeve:stack", STACK), ("reeve:address", "fleet.managers")];
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).propagate_at_launch(true).build());
    let group = aws.autoscaling.create_auto_scaling_group().auto_scaling_group_name("managers").min_size(3).max_size(3);
    let group = group.availability_zones(zones.availability_zones()[0].zone_name().unwrap()).set_tags(Some(tags.into()));
    let group = group.launch_template(LaunchTemplateSpecification::builder().launch_template_id(&template).version("$Default").build());
    group.send().await.unwrap();

    let mut net = Net::new();
    let old = hosts(&cloud).await;
    assert_eq!(old.len(), 3, "{old:?}");
    let mut machines: Vec<(String, Machine)> = Vec::new();
    for (instance, _) in &old {
        machines.push((instance.clone(), Machine::start(&mut net, instance)));
    }
    let begun: Vec<_> = machines.iter().map(|(_, machine)| cloud.begin(machine, SETUP)).collect();
    for child in begun {
        let said = ended(child);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    for (_, machine) in &machines {
        machine.image("sleeper:1");
    }
    machines[0].1.docker(TENANT);
    let end = Instant::now() + Duration::from_secs(30);
    while homes(&machines[0].1).is_empty() {
        assert!(Instant::now() < end, "{}", machines[0].1.docker("service ps --no-trunc clinic"));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let me = machines[0].0.clone();
    let look = cloud.roll(&machines[0].1, &["--look"]).wait_with_output().unwrap();
    assert_eq!(look.status.code(), Some(0), "{}", String::from_utf8_lossy(&look.stderr));

    // A new version; whoever is launched from now on has it.
    aws.ec2.create_launch_template_version().launch_template_id(&template).launch_template_data(data("dHdv")).send().await.unwrap();
    aws.ec2.modify_launch_template().launch_template_id(&template).default_version("2").send().await.unwrap();
    let look = cloud.roll(&machines[0].1, &["--look"]).wait_with_output().unwrap();
    assert_eq!(look.status.code(), Some(2), "{}", String::from_utf8_lossy(&look.stderr));

    let mut rolling = cloud.roll(&machines[0].1, &[]);
    let (mut gone, end) = (Vec::new(), Instant::now() + Duration::from_secs(240));
    while gone.len() < 3 {
        assert!(Instant::now() < end, "gone: {gone:?}");
        let now = hosts(&cloud).await;
        let lost: Vec<String> =
            machines.iter().map(|(instance, _)| instance.clone()).filter(|instance| !now.iter().any(|(one, _)| one == instance)).collect();
        assert!(lost.len() <= 1, "two hosts are away: {lost:?}");
        for instance in lost {
            // Its instance is terminated: the machine goes, and what the group launched in its place comes up.
            let at = machines.iter().position(|(one, _)| *one == instance).unwrap();
            if instance == me {
                rolling.kill().unwrap();
            }
            // Before it went, its tenants had moved.
            let home = homes(&machines[usize::from(at == 0)].1);
            assert!(home.len() == 1 && home[0] != instance, "{home:?} of {instance}");
            machines.remove(at).1.lose_power();
            gone.push(instance);
            let known = |instance: &String| machines.iter().any(|(one, _)| one == instance);
            let new = now.iter().map(|(one, _)| one.clone()).find(|one| !known(one)).expect("the group launched another");
            let machine = Machine::start(&mut net, &new);
            let said = cloud.reeve(&machine, SETUP);
            assert_eq!(said.code, 0, "{}", said.err);
            machine.image("sleeper:1");
            machines.push((new, machine));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let _ = rolling.wait();
    assert_eq!(gone.last(), Some(&me), "the host that it ran on goes last");
    assert!(hosts(&cloud).await.iter().all(|(_, version)| version == "2"));
    let nodes = machines[0].1.docker("node ls --format {{.Status}}/{{.Availability}}/{{.ManagerStatus}}");
    assert_eq!(nodes.lines().filter(|line| line.starts_with("Ready/Active/")).count(), 3, "{nodes}");
    let look = cloud.roll(&machines[0].1, &["--look"]).wait_with_output().unwrap();
    assert_eq!(look.status.code(), Some(0), "{}", String::from_utf8_lossy(&look.stderr));
}
