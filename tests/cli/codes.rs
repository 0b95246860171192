//! Every exit code of the contract.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use reeve::model::Address;
use reeve::model::plan::{Verb, Waiting};
use reeve::record::{LocalFolder, Owner, Record, Store, seal_plan, write_plan};
use reeve::session::{read_saved, seal};

use crate::support::{Asked, Ran, Stack, tenant, writes, yaml};

#[tokio::test]
async fn a_plan_of_a_fresh_account_writes_nothing() {
    let stack = Stack::new("fresh").await;
    stack.write("stack.yaml", &yaml("fresh", "s3"));
    let plan = stack.ends(2, &["plan", stack.dir(), "--stats"]);
    assert_eq!(writes(&plan.stats()), Vec::<String>::new());
    assert!(plan.stats()["actions"]["create"].as_u64().unwrap() > 90);
    for command in ["apply", "destroy"] {
        // Nobody can approve: not even the record's bucket is made.
        let apply = stack.run(&[command, stack.dir(), "--stats"]);
        assert_eq!(writes(&apply.stats()), Vec::<String>::new());
        assert_eq!(apply.code, Some(if command == "apply" { 5 } else { 0 }), "{}", apply.err);
    }
    stack.ends(5, &["apply", stack.dir()]).says(&["no terminal", "nothing was touched", "--auto-approve"]);
    assert!(stack.account().await.s3.list_buckets().send().await.unwrap().buckets().iter().all(|b| !b.name().unwrap().contains("fresh")));
}

#[tokio::test]
async fn zero_two_and_three_a_plan_is_applied_once() {
    let stack = Stack::new("once").await;
    let (dir, saved) = (stack.dir(), stack.path("once.json"));
    let saved = saved.to_str().unwrap();
    let plan = ["plan", dir, "--target", "vpc.vpc", "--out", saved];
    stack.ends(2, &plan);
    stack.ends(5, &["apply", saved]).says(&["--auto-approve"]);
    stack.ends(0, &["apply", saved, "--auto-approve"]);
    stack.ends(3, &["apply", saved, "--auto-approve"]).says(&["already applied"]);
    stack.ends(0, &["plan", dir, "--target", "vpc.vpc"]);
    stack.ends(0, &["drift", dir, "--target", "vpc.vpc"]);

    // The world moves between plan and apply.
    stack.ends(2, &["plan", dir, "--target", "vpc.private/a", "--out", saved]);
    stack.ends(0, &["apply", dir, "--target", "vpc.private/a", "--auto-approve"]);
    let stale = stack.ends(3, &["apply", saved, "--auto-approve", "--stats"]);
    stale.says(&["stale", "vpc.private/a", "nothing was touched", "reeve runbook stale-plan"]);
    assert_eq!(writes(&stale.stats()), Vec::<String>::new());
}

#[tokio::test]
async fn a_saved_plan_that_only_waits_is_not_done() {
    let stack = Stack::new("waits").await;
    let (path, waits) = (stack.path("whole.json"), stack.path("waits.json"));
    stack.ends(2, &["plan", stack.dir(), "--target", "vpc.vpc", "--out", path.to_str().unwrap()]);
    let mut plan = read_saved(&path).unwrap();
    plan.actions.retain(|one| one.action == Verb::NoOp);
    plan.waiting = vec![Waiting { address: Address::parse("vpc.vpc").unwrap(), reason: "it is a test".into() }];
    write_plan(&waits, &seal(&plan).unwrap()).unwrap();
    stack.ends(6, &["apply", waits.to_str().unwrap(), "--auto-approve"]).says(&["it is a test"]);
}

#[tokio::test]
async fn what_only_says_the_drift_is_no_plan() {
    let stack = Stack::new("drifted").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"]);
    let drift = |format| stack.ends(0, &["drift", stack.dir(), "--target", "vpc.vpc", "--format", format]).out;
    let document: serde_json::Value = serde_json::from_str(&drift("json")).unwrap();
    assert_eq!(document["drift"], true);
    let digest = document["digest"].as_str().unwrap();
    assert!(drift("markdown").contains(digest), "each form has the digest of what it shows");
    stack.write("drift.json", &drift("json"));
    let path = stack.path("drift.json");
    stack.ends(64, &["apply", path.to_str().unwrap(), "--auto-approve"]).says(&["only what has drifted", "reeve plan DIR --out FILE"]);
    assert!(stack.ends(0, &["show", path.to_str().unwrap()]).out.contains("Drift"));
}

#[tokio::test]
async fn a_saved_plan_of_another_version_is_no_plan_here() {
    let stack = Stack::new("version").await;
    let path = stack.path("plan.json");
    stack.ends(2, &["plan", stack.dir(), "--target", "vpc.vpc", "--out", path.to_str().unwrap()]);
    let plan = serde_json::to_value(read_saved(&path).unwrap()).unwrap();
    for (pointer, value, words) in [
        ("/format_version", serde_json::json!(2), "it has format version 2, this reeve knows 1"),
        ("/actions/0/kind", serde_json::json!("aws.teapot"), "this reeve has no kind aws.teapot"),
    ] {
        let mut other = plan.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        write_plan(&path, &seal_plan(other).unwrap()).unwrap();
        stack.ends(1, &["apply", path.to_str().unwrap(), "--auto-approve"]).says(&[words, "Make a new one"]);
    }
}

#[tokio::test]
async fn a_saved_plan_is_applied_under_the_lock_of_its_own_stack() {
    let (stack, other) = (Stack::new("moved-here").await, Stack::new("another").await);
    let path = stack.path("plan.json");
    let (dir, saved) = (stack.dir(), path.to_str().unwrap());
    stack.ends(0, &["apply", dir, "--target", "vpc.vpc", "--auto-approve"]);
    stack.ends(2, &["plan", dir, "--target", "vpc.private/a", "--out", saved]);
    stack
        .ends(64, &["apply", saved, "--stack", other.dir(), "--auto-approve"])
        .says(&["the plan is for the stack moved-here", "is the stack another"]);
    assert!(!other.path("record").exists());

    // The plan names the record by its folder, which another machine does not have.
    std::fs::rename(stack.path("record"), stack.path("away")).unwrap();
    stack.ends(64, &["apply", saved, "--auto-approve"]).says(&["is not here", "--stack DIR"]);
    assert!(!stack.path("record").exists(), "no second record is begun");
    stack.write("stack.yaml", &yaml("moved-here", "local:away"));
    stack.ends(0, &["apply", saved, "--stack", dir, "--auto-approve"]);
}

/// Sends SIGINT as soon as the command holds the lock, and waits for its end.
async fn interrupted_under_the_lock(stack: &Stack, args: &[&str]) -> Ran {
    let child = stack.command(args).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lease = stack.path("record/lease.json");
    while !std::fs::read_to_string(&lease).is_ok_and(|text| !text.contains("\"released\":{")) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    Ran::of(child.wait_with_output().unwrap(), args)
}

#[tokio::test]
async fn whoever_is_asked_to_stop_under_the_lock_gives_it_back() {
    let stack = Stack::new("heard").await;
    let ran = interrupted_under_the_lock(&stack, &["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"]).await;
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    ran.says(&["interrupted: nothing was touched"]);
    stack.ends(0, &["unlock", stack.dir()]).says(&["nobody held the lock"]);
    // Taking over is one call: once it has begun, it ends by itself.
    let vpc = stack.account().await.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap();
    let id = vpc.vpc.unwrap().vpc_id.unwrap();
    let ran = interrupted_under_the_lock(&stack, &["adopt", stack.dir(), "vpc.vpc", &id]).await;
    assert!(matches!(ran.code, Some(0 | 130)), "done, or not begun: {:?} {}", ran.code, ran.err);
    stack.ends(0, &["unlock", stack.dir()]).says(&["nobody held the lock"]);
}

#[tokio::test]
async fn four_says_who_holds_the_lock_and_since_when() {
    let stack = Stack::new("locked").await;
    let record = Record::new(Store::Local(LocalFolder::new(stack.path("record"))));
    let owner = Owner { who: "arn:aws:iam::123456789012:user/colleague".into(), command: "reeve apply".into() };
    let lease = record.acquire(&owner).await.unwrap();
    let apply = ["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"];
    stack.ends(4, &apply).says(&["user/colleague", "since", "reeve unlock", "reeve runbook locked"]);
    stack.ends(2, &["plan", stack.dir(), "--target", "vpc.vpc"]);
    lease.release().await.unwrap();
    stack.ends(0, &apply);
    stack.ends(0, &["unlock", stack.dir()]).says(&["nobody held the lock"]);
    stack.ends(0, &["journal", "verify", stack.dir()]);
    assert!(stack.ends(0, &["journal", "list", stack.dir()]).out.contains("exit 0"));
}

#[tokio::test]
async fn five_keeps_what_is_protected_and_does_the_rest() {
    let stack = Stack::new("kept").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "files.file_system", "--auto-approve"]);
    let destroy = stack.ends(5, &["destroy", stack.dir(), "--auto-approve"]);
    destroy.says(&["files.file_system", "protected", "--allow-delete files.file_system"]);
    let allow = ["destroy", stack.dir(), "--auto-approve", "--target", "files.file_system", "--allow-delete", "files.file_system"];
    stack.ends(0, &allow);
}

#[tokio::test]
async fn destroy_says_what_stays_and_gives_the_command_that_takes_the_rest() {
    let stack = Stack::new("leaves").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "files.file_system", "fleet.defaults", "--auto-approve"]);
    let destroy = stack.ends(5, &["destroy", stack.dir(), "--auto-approve"]);
    let command = format!("reeve destroy {} --allow-delete files fleet observability", stack.dir());
    destroy.says(&["What stays", &command, "fleet.defaults", "the zone hostedehr.org", &format!("the folder {}/record", stack.dir())]);
    // That command, as it stands, takes all: a module's name is leave for what is protected in it.
    let mut line: Vec<&str> = command.split(' ').skip(1).collect();
    line.push("--auto-approve");
    stack.ends(0, &line).says(&["files.key, fleet.key, observability.key: AWS deletes a key 30 days later"]);
    let again = stack.ends(0, &["destroy", stack.dir(), "--auto-approve"]);
    assert!(!again.err.contains("--allow-delete"), "{}", again.err);

    // A word that names nothing would pass as leave for something else, and there is none for everything.
    stack.ends(64, &["destroy", stack.dir(), "--allow-delete", "fils"]).says(&["neither the YAML nor the account", "did you mean files?"]);
    for word in ["", "*", ".", "/"] {
        stack.ends(64, &["destroy", stack.dir(), "--allow-delete", word]).says(&["no word for the whole stack"]);
    }
}

#[tokio::test]
async fn one_for_what_is_not_there_and_five_for_what_is_somebody_else_s() {
    let stack = Stack::new("absent").await;
    for line in [vec!["show", "nosuch.json"], vec!["apply", "nosuch.json"], vec!["diff", "nosuch.json", "nosuch.json"]] {
        stack.ends(1, &line).says(&["no file and no folder nosuch.json", "--out FILE"]);
    }
    stack.ends(2, &["plan", stack.dir(), "--target", "vpc.vpc", "--out", "kept.json"]);
    stack.ends(1, &["show", "kept.json"]).says(&["did you mean plans/kept.json?"]);
    for command in ["plan", "validate", "graph", "destroy"] {
        stack.ends(1, &[command, "nosuch"]);
    }
    stack.ends(1, &["adopt", stack.dir(), "vpc.vpc", "vpc-0123456789abcdef0"]).says(&["there is no aws.vpc `vpc-0123456789abcdef0`"]);
    stack.ends(64, &["adopt", stack.dir(), "vpc.nosuch", "vpc-0123456789abcdef0"]).says(&["the YAML has no vpc.nosuch"]);
    let other = Stack::new("absent-other").await;
    other.ends(0, &["apply", other.dir(), "--target", "vpc.vpc", "--auto-approve"]);
    let vpcs = other.account().await.ec2.describe_vpcs().send().await.unwrap();
    let is_its = |tag: &aws_sdk_ec2::types::Tag| tag.key() == Some("reeve:stack") && tag.value() == Some("absent-other");
    let vpc = vpcs.vpcs().iter().find(|vpc| vpc.tags().iter().any(is_its)).and_then(|vpc| vpc.vpc_id()).unwrap();
    stack.ends(5, &["adopt", stack.dir(), "vpc.vpc", vpc]).says(&["owned by the stack absent-other"]);
}

#[tokio::test]
async fn one_when_a_kind_cannot_be_read_and_nothing_of_it_is_touched() {
    let stack = Stack::new("unread").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "files.file_system", "--auto-approve"]);
    let aws = stack.account().await;
    let systems = async || {
        let all = aws.efs.describe_file_systems().send().await.unwrap();
        let is_ours = |tag: &aws_sdk_efs::types::Tag| tag.key() == "reeve:stack" && tag.value() == "unread";
        let mut ours: Vec<_> = all
            .file_systems()
            .iter()
            .filter(|one| one.tags().iter().any(is_ours))
            .map(|one| format!("{} {:?}", one.file_system_id(), one.tags()))
            .collect();
        ours.sort();
        ours
    };
    let before = systems().await;
    assert_eq!(before.len(), 1);

    // EFS says no, the rest of AWS answers.
    let denied = denies();
    let run = |code: i32, args: &[&str]| {
        let ran = Ran::of(stack.command(args).env("AWS_ENDPOINT_URL_EFS", &denied).output().unwrap(), args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
        ran
    };
    let scope = ["--target", "files.file_system", "files.mount", "vpc.private", "--stats"];
    let plan = run(1, &[&["plan", stack.dir()], &scope[..]].concat());
    assert!(plan.out.contains("aws.file_system") && plan.out.contains("nothing of it is touched"), "{}", plan.out);
    assert_eq!(writes(&plan.stats()), Vec::<String>::new());
    let apply = run(6, &[&["apply", stack.dir(), "--auto-approve"], &scope[..]].concat());
    let made = writes(&apply.stats());
    assert!(made.contains(&"ec2.CreateSubnet".to_owned()), "the rest is done: {made:?}");
    assert!(made.iter().all(|call| !call.starts_with("efs.")), "{made:?}");
    // Not even when everything is to go.
    let all = ["destroy", stack.dir(), "--auto-approve", "--allow-delete", "files.file_system", "--stats"];
    let destroy = stack.command(&all).env("AWS_ENDPOINT_URL_EFS", &denied).output().unwrap();
    let destroy = Ran::of(destroy, &all);
    assert!(writes(&destroy.stats()).iter().all(|call| !call.starts_with("efs.")), "{}", destroy.err);
    assert_ne!(destroy.code, Some(0), "{}", destroy.err);
    assert_eq!(systems().await, before);
}

/// A service that refuses every call, for as long as the test lasts.
fn denies() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0_usize);
                while lines.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
                        length = number.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                let _ = lines.read_exact(&mut body);
                let body = r#"{"__type":"AccessDeniedException","message":"not allowed"}"#;
                let head = "content-type: application/json\r\nx-amzn-errortype: AccessDeniedException\r\nconnection: close\r\n";
                let _ = write!(&stream, "HTTP/1.1 403 Forbidden\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
            });
        }
    });
    endpoint
}

#[tokio::test]
async fn six_names_what_failed_and_how_to_go_on() {
    let stack = Stack::new("partly").await;
    stack.write("tenants.yaml", &tenant("alpha"));
    let (ssm, name) = (stack.account().await.ssm, "/reeve/partly/tenant/alpha.secret");
    let secret = aws_sdk_ssm::types::ParameterType::SecureString;
    ssm.put_parameter().name(name).r#type(secret).value("by hand").send().await.unwrap();
    let target = ["--target", "tenant/alpha", "--auto-approve", "--stats"];
    let apply = stack.ends(6, &[&["apply", stack.dir()], &target[..]].concat());
    let adopt = format!("reeve adopt {} tenant/alpha.secret {name}", stack.dir());
    apply.says(&[
        "Failed: 1 resource",
        "tenant/alpha.secret",
        "already exists",
        &adopt,
        "choose another name",
        "reeve runbook partial-apply",
    ]);
    assert!(apply.stats()["wall_ms"].as_u64().is_some());

    // The command works as it stands, and that is all there was to do.
    stack.ends(0, &adopt.split(' ').skip(1).collect::<Vec<_>>());
    stack.ends(0, &[&["apply", stack.dir()], &target[..]].concat());
    stack.ends(0, &["plan", stack.dir(), "--target", "tenant/alpha"]);
    let kept = ssm.get_parameter().name(name).with_decryption(true).send().await.unwrap().parameter.unwrap().value;
    assert_eq!(kept.as_deref(), Some("by hand"));
}

#[tokio::test]
async fn five_when_something_of_that_name_is_there_and_is_not_ours() {
    let stack = Stack::new("taken").await;
    let (logs, name) = (stack.account().await.logs, "/reeve/taken/vpc.flow_log_group");
    logs.create_log_group().log_group_name(name).send().await.unwrap();
    let plan = stack.ends(5, &["plan", stack.dir(), "--target", "vpc.flow_log"]);
    for words in [
        "is there already",
        &format!("reeve adopt {} vpc.flow_log_group {name}", stack.dir()),
        "it needs vpc.flow_log_group, whose name is taken",
    ] {
        assert!(plan.out.contains(words), "no `{words}` in:\n{}", plan.out);
    }
    let apply = stack.ends(5, &["apply", stack.dir(), "--target", "vpc.flow_log", "--auto-approve", "--stats"]);
    assert!(!writes(&apply.stats()).iter().any(|call| call.starts_with("logs.")), "{}", apply.err);
}

#[tokio::test]
async fn sixty_four_is_a_wrong_line_or_what_comes_later() {
    let stack = Stack::new("usage").await;
    let dir = stack.dir();
    for line in [
        vec!["plan"],
        vec!["plan", dir, "--formt", "json"],
        vec!["plan", dir, "--format", "yaml"],
        vec!["plan", dir, "--allow-delete", "Not An Address"],
        vec!["apply", dir, "--parallelism", "0"],
        vec!["frobnicate"],
        vec!["tenant", "restore", dir, "ckwc"],
        vec!["tenant", "status", dir, "nobody"],
        vec!["schema", "aws.nothing"],
    ] {
        stack.ends(64, &line);
    }
    for line in [
        vec!["audit", dir, "--format", "sarif"],
        vec!["approve", "plan.json", "--key", "id_ed25519"],
        vec!["plan", dir, "--format", "html"],
        vec!["show", "plan.json", "--format", "terraform"],
        vec!["drift", dir, "--format", "sarif"],
    ] {
        stack.ends(64, &line).says(&["later release"]);
    }
    stack.ends(64, &["plan", dir, "--plane", "docker,mysql"]).says(&["not observed: docker, mysql"]);
    let mixed = stack.ends(2, &["plan", dir, "--plane", "aws,docker", "--target", "vpc.vpc"]);
    assert!(mixed.says(&["not observed: docker"]).out.contains("Not observed: docker"));
}

#[tokio::test]
async fn a_hundred_and_thirty_finishes_what_runs_and_the_same_command_goes_on() {
    let stack = Stack::new("stopped").await;
    let apply = ["apply", stack.dir(), "--target", "vpc", "--auto-approve", "--parallelism", "1"];
    let mut child = stack.command(&apply).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut heard = String::new();
    while !heard.contains("created") {
        assert!(lines.read_line(&mut heard).unwrap() > 0, "it ended too soon: {heard}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    lines.read_to_string(&mut heard).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{heard}");
    assert!(heard.contains("stopping") && heard.contains("Interrupted") && heard.contains("To go on: reeve apply"), "{heard}");

    stack.ends(0, &["apply", stack.dir(), "--target", "vpc", "--auto-approve"]);
    stack.ends(0, &["plan", stack.dir(), "--target", "vpc"]);
}

#[tokio::test]
async fn a_question_can_be_left_and_the_lock_is_free_again() {
    let stack = Stack::new("asked").await;
    for (answer, code, words) in [
        (&b"\x03"[..], 130, "interrupted: nothing was touched"),
        (b"y\n", 5, "not approved: nothing was touched"),
        (b"yes\n", 0, "Applied: 1 resource"),
    ] {
        let (status, heard) = Asked::of(&stack, "apply --target vpc.vpc").answer(answer);
        assert_eq!(status, Some(code), "{heard}");
        assert!(heard.contains(words) && heard.contains("\u{1b}[1mPlan for asked"), "{heard}");
    }
}

#[tokio::test]
async fn three_when_the_world_moves_while_a_person_reads_the_plan() {
    let stack = Stack::new("read").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"]);
    let asked = Asked::of(&stack, "apply --target vpc.private/a");
    let ec2 = stack.account().await.ec2;
    let vpcs = ec2.describe_vpcs().send().await.expect("VPCs");
    let is_ours = |tag: &aws_sdk_ec2::types::Tag| tag.key() == Some("reeve:stack") && tag.value() == Some("read");
    let vpc = vpcs.vpcs().iter().find(|vpc| vpc.tags().iter().any(is_ours)).and_then(|vpc| vpc.vpc_id()).expect("ours");
    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
    ec2.modify_vpc_attribute().vpc_id(vpc).enable_dns_hostnames(off).send().await.expect("a change by hand");
    let (status, heard) = asked.answer(b"yes\n");
    assert_eq!(status, Some(3), "{heard}");
    for words in ["stale", "vpc.vpc", "has changed", "nothing was touched", "reeve runbook stale-plan"] {
        assert!(heard.contains(words), "no `{words}` in:\n{heard}");
    }
    let mine = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(vpc).build();
    assert_eq!(ec2.describe_subnets().filters(mine).send().await.expect("subnets").subnets().len(), 0, "nothing was made");
    // Read again, it is applied, and the lock was given back.
    let (status, heard) = Asked::of(&stack, "apply --target vpc.private/a").answer(b"yes\n");
    assert_eq!(status, Some(0), "{heard}");
}

#[tokio::test]
async fn help_and_what_derives_from_the_table() {
    let stack = Stack::new("help").await;
    for line in [vec!["--help"], vec!["plan", "--help"], vec!["--version"], vec!["man"], vec!["completions", "bash"]] {
        let Ran { out, err, .. } = stack.ends(0, &line);
        assert!(!out.is_empty() && err.is_empty(), "{line:?}: {err}");
    }
}
