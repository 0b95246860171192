//! `access: ssm://`, through the emulated AWS's Session Manager.

use std::fs;

use aws_sdk_ssm::types::SessionState;
use reeve::planes::Aws;
use reeve::planes::aws::connect::{Options, connect};
use serde_json::{Value, json};

use crate::fleet_ground::{Fleet, until};
use crate::outside::{Outside, lines, signal};
use crate::sshd::mute;

/// What the stand-in is told.
fn standin(outside: &Outside<'_>, more: Value) {
    let engine = outside.fleet.engine().docker.display().to_string();
    let mut settings = json!({ "ports": { "2375": engine } });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fs::write(outside.path("bin/standin.json"), settings.to_string()).expect("a file");
}

async fn aws(fleet: &Fleet) -> Aws {
    let options = Options {
        stack: "hostedehr".into(),
        region: "us-east-1".into(),
        endpoint: Some(fleet.sandbox.endpoint.clone()),
        credentials: Some(aws_credential_types::Credentials::new("test", "test", None, None, "tests")),
        ..Options::default()
    };
    connect(options).await.expect("AWS answers").aws
}

async fn sessions(aws: &Aws, state: SessionState) -> usize {
    aws.ssm.describe_sessions().state(state).send().await.expect("sessions").sessions().len()
}

async fn managers(aws: &Aws) -> Vec<String> {
    let groups = aws.autoscaling.describe_auto_scaling_groups().send().await.expect("groups");
    let leads =
        |group: &&aws_sdk_autoscaling::types::AutoScalingGroup| group.tags().iter().any(|tag| tag.value() == Some("fleet.managers"));
    let all = groups.auto_scaling_groups().iter().filter(leads).flat_map(|group| group.instances());
    all.filter_map(|one| one.instance_id().map(str::to_owned)).collect()
}

#[tokio::test]
async fn engine_and_database_are_reached_by_session_manager_and_nothing_is_left_behind() {
    let fleet = Fleet::start(1).await;
    let outside = Outside::of(&fleet).await;
    let aws = aws(&fleet).await;
    // Each program that carries a session, and the shell that keeps one, has its host among its arguments.
    let all = managers(&aws).await;
    let both = format!("{{ docker: \"ssm://\", mysql: \"ssm://\", mysql_ca: {} }}", fleet.parts.authority().display());
    outside.program("session-manager-plugin", include_str!("plugin_standin.py"));
    standin(&outside, json!({}));

    outside.stack(0, &both);
    let seen = outside.plan(0).await;
    assert_eq!(seen.unobserved(), ["files", "haproxy"]);
    outside.moves_the_tenant(1, &both).await;
    let carried = lines(&outside.path("bin/standin.log"));
    assert!(carried.iter().any(|line| line.ends_with("AWS-StartSSHSession")), "{carried:#?}");
    assert!(carried.iter().any(|line| line.ends_with("AWS-StartPortForwardingSessionToRemoteHost")), "{carried:#?}");
    outside.nobody_is_left(&all[0]).await;
    assert_eq!(sessions(&aws, SessionState::Active).await, 0, "a session was not given back");
    assert!(sessions(&aws, SessionState::History).await > 3);

    // One manager by its name, and one that is none.
    outside.stack(1, &format!("{{ docker: \"ssm://{}\" }}", all[1]));
    outside.plan(0).await;
    assert!(lines(&outside.path("bin/standin.log")).last().is_some_and(|line| line.contains(&all[1])));
    outside.stack(1, "{ docker: \"ssm://i-0123456789abcdef0\" }");
    outside.is_silent(&["i-0123456789abcdef0 is no manager of the stack hostedehr that runs", &all[0]]).await;

    // Killed, and stopped by a Ctrl-C, while a way hangs.
    outside.stack(1, &both);
    standin(&outside, json!({ "ports": { "2375": format!("127.0.0.1:{}", mute().await) } }));
    for how in ["KILL", "INT"] {
        let mut child = outside.command(&["plan", "stack"]).spawn().expect("reeve");
        // The engine's plugin; the database's, and its shell.
        until("both ways are open", 30, async || outside.running(&all[0]).len() == 3).await;
        signal(child.id().expect("it runs"), how).await;
        let _ = child.wait().await;
        outside.nobody_is_left(&all[0]).await;
    }

    // What a person has to mend is named.
    outside.stack(1, "{ docker: \"ssm://\" }");
    standin(&outside, json!({ "ports": { "2375": "/nowhere/docker.sock" } }));
    outside.is_silent(&["No such file", "`reeve host setup` opens it", "docker-down"]).await;
    standin(&outside, json!({ "silent": true }));
    outside.is_silent(&["`session-manager-plugin` says nothing for 20 s"]).await;
    outside.nobody_is_left(&all[0]).await;
    standin(&outside, json!({ "version": "1.2.497.0" }));
    outside.is_silent(&["the Session Manager plugin 1.2.497.0 is too old", "install it"]).await;
    fs::remove_file(outside.path("bin/session-manager-plugin")).expect("it was there");
    outside.is_silent(&["the Session Manager plugin cannot be started", "install it", "docker.service"]).await;
    outside.program("session-manager-plugin", include_str!("plugin_standin.py"));
    standin(&outside, json!({}));
    // Sessions of the run that was killed are the only ones left.
    let before = sessions(&aws, SessionState::Active).await;
    outside.plan(0).await;
    assert_eq!(sessions(&aws, SessionState::Active).await, before);

    // Stopped in the middle of an apply: it finishes what runs, through the way that it has.
    outside.stack(0, &both);
    let mut apply = outside.command(&["apply", "stack", "--auto-approve"]).spawn().expect("reeve");
    let run = lines(&outside.path("bin/standin.log")).len();
    until("it has its ways", 60, async || lines(&outside.path("bin/standin.log")).len() > run + 1).await;
    signal(apply.id().expect("it runs"), "INT").await;
    let code = apply.wait().await.expect("it ends").code();
    assert!(matches!(code, Some(0 | 130)), "{code:?}");
    outside.nobody_is_left(&all[0]).await;
    outside.reeve(&["apply", "stack", "--auto-approve"]).await;
    outside.plan(0).await;

    // Hosts whose agent is not connected; a stack that has none.
    let profiles = aws.ec2.describe_iam_instance_profile_associations().send().await.expect("profiles");
    for one in profiles.iam_instance_profile_associations() {
        aws.ec2.disassociate_iam_instance_profile().association_id(one.association_id().unwrap()).send().await.expect("it goes");
    }
    outside.is_silent(&["is not connected to Session Manager", "`ssmmessages`", "reeve runbook unreachable"]).await;
    let file = outside.path("stack/stack.yaml");
    let text = fs::read_to_string(&file).expect("the stack").replace("name: hostedehr ", "name: other ");
    fs::write(file, text).expect("a file");
    outside.is_silent(&["no manager of the stack other runs", "--plane aws"]).await;
}
