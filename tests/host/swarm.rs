//! One swarm, whoever comes first; a host that is lost is replaced.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ground::{Cloud, Machine, Net, ended};

const SETUP: &[&str] = &["setup", "--only", "network,swarm"];

/// Role and state of each node, sorted.
fn nodes(machine: &Machine) -> Vec<String> {
    let listed = machine.docker("node ls --format {{.ManagerStatus}}/{{.Status}}");
    let mut nodes: Vec<String> = listed.lines().map(|line| line.replace("Leader", "Reachable")).collect();
    nodes.sort();
    nodes
}

/// The instances that nodes bear as labels, sorted.
fn labels(machine: &Machine) -> Vec<String> {
    let ids = machine.docker("node ls --quiet");
    let mut found: Vec<String> = ids
        .lines()
        .map(|id| machine.docker(&format!("node inspect {id}")))
        .map(|text| {
            serde_json::from_str::<Value>(&text).unwrap()[0]["Spec"]["Labels"]["reeve.instance"].as_str().unwrap_or("none").to_owned()
        })
        .collect();
    found.sort();
    found
}

/// What hosts told each other: name, version and type.
async fn board(cloud: &Cloud) -> Vec<(String, i64, String)> {
    let call = cloud.aws.aws.ssm.get_parameters_by_path().path("/reeve/hostedehr/swarm").recursive(true).max_results(10);
    let found = call.send().await.unwrap();
    let of = |one: &aws_sdk_ssm::types::Parameter| (one.name().unwrap().into(), one.version(), one.r#type().unwrap().to_string());
    let mut all: Vec<_> = found.parameters().iter().map(of).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hosts_at_once_make_one_swarm_and_a_lost_one_is_replaced() {
    let cloud = Cloud::start().await;
    let instances = cloud.launch(3).await;
    let mut net = Net::new();
    let mut machines: Vec<Machine> = instances.iter().map(|instance| Machine::start(&mut net, instance)).collect();

    // All at once: one is first.
    let begun: Vec<_> = machines.iter().map(|machine| cloud.begin(machine, SETUP)).collect();
    for child in begun {
        let said = ended(child);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!said.err.contains("SWMTKN") && !said.out.contains("SWMTKN"), "a token was shown");
    }
    assert_eq!(nodes(&machines[0]), ["Reachable/Ready"; 3]);
    // Each is told by its label; whoever came last has seen to it.
    let end = Instant::now() + Duration::from_secs(30);
    let mut wanted = instances.clone();
    wanted.sort();
    while labels(&machines[0]) != wanted {
        assert!(Instant::now() < end, "{:?} {wanted:?}", labels(&machines[0]));
        machines.iter().for_each(|machine| assert_eq!(cloud.reeve(machine, SETUP).code, 0));
    }

    // A second run finds nothing to do.
    let before = board(&cloud).await;
    for machine in &machines {
        let said = cloud.reeve(machine, SETUP);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.err.contains("2 steps are right"), "{}", said.err);
        assert_eq!(cloud.reeve(machine, &["status", "--only", "network,swarm"]).code, 0);
    }
    assert_eq!(board(&cloud).await, before);
    assert_eq!(before.len(), 7, "{before:?}");
    assert!(before.iter().all(|(_, _, r#type)| r#type == "SecureString"), "{before:?}");

    // One loses its power for good; another is launched in its place.
    machines[1].lose_power();
    cloud.terminate(&instances[1]).await;
    let new = cloud.launch(1).await.remove(0);
    machines.push(Machine::start(&mut net, &new));
    let said = cloud.reeve(&machines[3], SETUP);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(nodes(&machines[0]), ["Reachable/Ready"; 3], "the lost one is cleared away");
    let mut wanted = vec![instances[0].clone(), instances[2].clone(), new];
    wanted.sort();
    assert_eq!(labels(&machines[3]), wanted);
    let status = cloud.reeve(&machines[0], &["status", "--only", "swarm", "--format", "json"]);
    let document: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!((status.code, &document["right"]), (0, &Value::Bool(true)), "{}", status.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_gone_before_it_made_the_swarm_holds_nobody_up() {
    let cloud = Cloud::start().await;
    let instances = cloud.launch(2).await;
    let mut net = Net::new();
    let machine = Machine::start(&mut net, &instances[1]);
    // The first one claimed, and was gone.
    let claim = cloud.aws.aws.ssm.put_parameter().name("/reeve/hostedehr/swarm/1/claim").value(&instances[0]);
    claim.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    let status = cloud.reeve(&machine, &["status", "--only", "swarm"]);
    assert_eq!(status.code, 2, "{}", status.out);
    assert!(status.out.contains(&format!("{} makes the swarm", instances[0])), "{}", status.out);
    cloud.terminate(&instances[0]).await;
    let said = cloud.reeve(&machine, SETUP);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(nodes(&machine), ["Reachable/Ready"]);
}
