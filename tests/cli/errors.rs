//! Each error says what, where and what to do, on one screen, and ends with the right code.

use std::time::{Duration, Instant};

use crate::support::{Ran, Stack, bare, yaml};

/// Lines of one screen.
const SCREEN: usize = 24;

fn says(ran: &Ran, words: &[&str]) {
    ran.says(words);
    assert!(ran.err.starts_with("error:"), "{}", ran.err);
    assert!(ran.err.lines().count() <= SCREEN, "{}", ran.err);
}

#[tokio::test]
async fn folders_and_yaml() {
    let stack = Stack::new("wrong").await;
    says(&stack.ends(1, &["plan", "nowhere"]), &["nowhere", "name the folder of a stack"]);
    std::fs::create_dir(stack.path("empty")).unwrap();
    says(&stack.ends(1, &["validate", "empty"]), &["no stack", "kind: Stack"]);
    stack.write("stack.yaml", &yaml("wrong", "local:record").replace("region:", "regoin:"));
    for command in ["validate", "plan", "drift", "graph", "destroy"] {
        says(&stack.ends(1, &[command, stack.dir()]), &["stack.yaml:5:3", "regoin: us-east-1", "did you mean `region`?"]);
    }
    stack.write("stack.yaml", "a: [1\n");
    says(&stack.ends(1, &["validate", stack.dir()]), &["stack.yaml:1:4", "no YAML"]);
    std::fs::write(stack.path("stack.yaml"), [0xff, 0xfe, 0, 1]).unwrap();
    says(&stack.ends(1, &["validate", stack.dir()]), &["stack.yaml"]);
    stack.write("stack.yaml", &yaml("wrong", "gcs"));
    says(&stack.ends(1, &["plan", stack.dir()]), &["stack.yaml:7:11", "gcs", "local:"]);
}

#[tokio::test]
async fn aws_out_of_reach() {
    let mut stack = Stack::new("unreached").await;
    let began = Instant::now();
    let alive = std::mem::replace(&mut stack.endpoint, "http://127.0.0.1:9".into());
    says(&stack.ends(1, &["plan", stack.dir()]), &["http://127.0.0.1:9", "reeve sandbox", "reeve runbook unreachable"]);
    assert!(began.elapsed() < Duration::from_secs(20));
    stack.endpoint = alive;

    let nobody = bare(&["plan", stack.dir()]).env("AWS_ENDPOINT_URL", &stack.endpoint).output().unwrap();
    says(&Ran::of(nobody, &["plan"]), &["no credentials were found", "AWS_PROFILE", "reeve runbook unreachable"]);

    let text = yaml("unreached", "local:record").replace("  region:", "  account: \"999999999999\"\n  region:");
    stack.write("stack.yaml", &text);
    for command in ["plan", "apply", "destroy"] {
        says(&stack.ends(1, &[command, stack.dir()]), &["999999999999", "123456789012", "refusing"]);
    }
}

#[tokio::test]
async fn credentials_and_endpoints_are_named_and_nothing_hangs() {
    let stack = Stack::new("settings").await;
    let config = stack.path("config");
    std::fs::write(&config, "[profile other]\nregion = us-east-1\n[profile slow]\ncredential_process = /bin/false\n").unwrap();
    let args = ["plan", stack.dir()];
    let run = |settings: &[(&str, &str)]| {
        let mut command = bare(&args);
        command.env("AWS_CONFIG_FILE", &config).envs(settings.iter().copied());
        let began = Instant::now();
        let ran = Ran::of(command.output().unwrap(), &args);
        assert!(began.elapsed() < Duration::from_secs(20), "{settings:?}: {}", ran.err);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        ran
    };
    let endpoint = ("AWS_ENDPOINT_URL", stack.endpoint.as_str());
    let file = config.to_str().unwrap();
    says(&run(&[endpoint, ("AWS_PROFILE", "nosuch")]), &["AWS_PROFILE=nosuch", file]);
    says(&run(&[endpoint, ("AWS_PROFILE", "slow")]), &["the profile `slow`", file]);
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    for wrong in ["127.0.0.1:4566", "localhost", "ftp://localhost"] {
        says(&run(&[keys[0], keys[1], ("AWS_ENDPOINT_URL", wrong)]), &[&format!("AWS_ENDPOINT_URL={wrong}"), "http://127.0.0.1:4566"]);
    }
}

#[tokio::test]
async fn a_lock_is_released_and_a_journal_read_while_the_yaml_is_wrong() {
    let stack = Stack::new("broken").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"]);
    stack.write("tenant.yaml", "kind: Tenant\nspec: [\n");
    let text = yaml("broken", "local:record").replace("domain:", "domian:");
    stack.write("stack.yaml", &text);
    stack.ends(1, &["plan", stack.dir()]);
    std::fs::write(stack.path("record/lease.json"), "garbage").unwrap();
    stack.ends(0, &["unlock", stack.dir()]).says(&["it was replaced"]);
    assert!(stack.ends(0, &["journal", "list", stack.dir()]).out.contains("1 of 1 resource done"));
    stack.ends(0, &["journal", "verify", stack.dir()]).says(&["the journal is whole: 1 run"]);
    // What says which stack it is must be right.
    stack.write("stack.yaml", &text.replace("region:", "regoin:"));
    says(&stack.ends(1, &["unlock", stack.dir()]), &["stack.yaml", "no `region`"]);
    stack.write("stack.yaml", &text.replace("name: broken", "name: Not A Label"));
    says(&stack.ends(1, &["journal", "list", stack.dir()]), &["Not A Label", "DNS label"]);
}

#[tokio::test]
async fn what_is_to_be_typed_names_the_folder_as_it_was_written() {
    let stack = Stack::new("pasted").await;
    std::fs::create_dir(stack.path("my stack")).unwrap();
    std::fs::rename(stack.path("stack.yaml"), stack.path("my stack/stack.yaml")).unwrap();
    let apply = ["apply", "my stack", "--target", "vpc.vpc", "--parallelism", "4"];
    says(
        &stack.ends(5, &[&apply[..], &["--format", "json"]].concat()),
        &["`reeve plan 'my stack' --target vpc.vpc --out FILE`", "`reeve apply FILE --auto-approve --parallelism 4`"],
    );
    std::fs::create_dir(stack.path("my stack/record")).unwrap();
    std::fs::write(stack.path("my stack/record/lease.json"), "garbage").unwrap();
    says(&stack.ends(1, &[&apply[..], &["--auto-approve"]].concat()), &["lease.json is damaged", "`reeve unlock 'my stack'`"]);
}

#[tokio::test]
async fn a_sandbox_that_cannot_be_had_says_so_in_a_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = |args: &[&str]| {
        Ran::of(
            bare(args).envs(std::env::var_os("REEVE_SANDBOX_PYTHON").map(|path| ("REEVE_SANDBOX_PYTHON", path))).output().unwrap(),
            args,
        )
    };
    let ran = run(&["sandbox", "--port", &port]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(1), 1), "{}", ran.err);
    says(&ran, &[&format!("127.0.0.1:{port}"), "--port"]);
    for zone in ["bad zone!", "org", "a..org", "-a.org", "A.org", ""] {
        assert_eq!(run(&["sandbox", "--port", &port, "--zone", zone]).code, Some(64), "{zone}");
    }
}

#[tokio::test]
async fn a_domain_without_a_zone_holds_up_only_what_needs_the_zone() {
    let stack = Stack::new("zoneless").await;
    stack.write("stack.yaml", &yaml("zoneless", "local:record").replace("hostedehr.org", "nowhere.example"));
    let plan = stack.ends(1, &["plan", stack.dir()]);
    assert!(plan.out.contains("there is no public hosted zone `nowhere.example`") && plan.out.contains("correct `domain`"), "{}", plan.out);
    let wait: Vec<&str> = plan.out.lines().filter(|line| line.contains("which is not there")).collect();
    assert!(!plan.out.contains("needs lookup.account") && !wait.is_empty() && wait.len() < 12, "{wait:#?}");
    assert!(wait.iter().all(|line| line.trim_start().starts_with("edge.")), "{wait:#?}");
}

#[tokio::test]
async fn names_that_nothing_bears() {
    let stack = Stack::new("names").await;
    let dir = stack.dir();
    says(&stack.ends(64, &["plan", dir, "--target", "vpc.vpc", "vpc.privte"]), &["--target", "vpc.privte", "did you mean vpc.private?"]);
    says(&stack.ends(64, &["apply", "--exclude", "fleeet", dir]), &["--exclude", "did you mean fleet?"]);
    says(&stack.ends(64, &["destroy", dir, "--allow-delete", "database.servr"]), &["did you mean database.server?"]);
    says(&stack.ends(64, &["why", dir, "vpc.vpcs"]), &["did you mean vpc.vpc?"]);
    says(&stack.ends(64, &["adopt", dir, "vpc.nothing", "vpc-1"]), &["vpc.nothing"]);
    says(&stack.ends(1, &["adopt", dir, "vpc.vpc", "vpc-0123"]), &["there is no aws.vpc `vpc-0123` in us-east-1", "API_CreateVpc"]);
    says(&stack.ends(1, &["apply", "nowhere.json"]), &["nowhere.json"]);
}

#[tokio::test]
async fn a_bucket_that_is_somebody_elses() {
    let stack = Stack::new("foreign").await;
    stack.write("stack.yaml", &yaml("foreign", "s3"));
    let s3 = stack.account().await.s3;
    let bucket = "reeve-123456789012-us-east-1-foreign";
    s3.create_bucket().bucket(bucket).send().await.unwrap();
    s3.put_object().bucket(bucket).key("theirs").send().await.unwrap();
    let ran = stack.ends(1, &["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"]);
    says(&ran, &[bucket, "is not this stack's record", "Nothing was written"]);
}

#[tokio::test]
async fn a_plan_file_that_was_altered() {
    let stack = Stack::new("altered").await;
    stack.ends(2, &["plan", stack.dir(), "--target", "vpc.vpc", "--out", "plans/p.json"]);
    let text = std::fs::read_to_string(stack.path("plans/p.json")).unwrap();
    let altered =
        [text.replace("10.", "11."), format!(" {text}"), text[..text.len() / 2].to_owned(), "{}".into(), String::new(), "[]".into()];
    for altered in altered {
        stack.write("q.json", &altered);
        for command in [vec!["show", "q.json"], vec!["apply", "q.json", "--auto-approve"], vec!["diff", "plans/p.json", "q.json"]] {
            says(&stack.ends(1, &command), &["q.json is not a plan as reeve wrote it", "reeve plan DIR --out FILE"]);
        }
    }
    says(&stack.ends(1, &["show", "nowhere.json"]), &["nowhere.json"]);
}

#[tokio::test]
async fn a_journal_that_was_damaged() {
    let stack = Stack::new("damaged").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "vpc.vpc", "--auto-approve"]);
    stack.ends(0, &["journal", "verify", stack.dir()]);
    let mut entries = Vec::new();
    for run in std::fs::read_dir(stack.path("record/journal")).unwrap() {
        entries.extend(std::fs::read_dir(run.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    entries.sort();
    let text = std::fs::read_to_string(&entries[1]).unwrap();
    std::fs::write(&entries[1], text.replacen("vpc.vpc", "vpc.xyz", 1)).unwrap();
    let ran = stack.ends(1, &["journal", "verify", stack.dir()]);
    ran.says(&["the journal is not whole", "reeve runbook journal"]);
    // The record only labels: the estate can still be planned.
    stack.ends(0, &["plan", stack.dir(), "--target", "vpc.vpc"]);
}
