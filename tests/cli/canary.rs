//! No secret leaves its place: neither those that are generated nor the credentials that a run is given.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reeve::sandbox::{Options, Sandbox};

use crate::support::{Ran, Stack, example};

const KEY: &str = "canarySecretAccessKey0123456789abcdefghij";
const TOKEN: &str = "canarySessionToken9876543210zyxwvutsrqpon";

/// Prints every secret of the account, decrypted.
const TELL: &str = r#"
import boto3, os
boto3.setup_default_session(region_name="us-east-1")
ssm = boto3.client("ssm")
for page in ssm.get_paginator("describe_parameters").paginate():
    for one in page["Parameters"]:
        if one["Type"] == "SecureString":
            print(ssm.get_parameter(Name=one["Name"], WithDecryption=True)["Parameter"]["Value"].replace("\n", " "))
secrets = boto3.client("secretsmanager")
for one in secrets.list_secrets()["SecretList"]:
    print(secrets.get_secret_value(SecretId=one["ARN"])["SecretString"])
"#;

fn secrets(endpoint: &str) -> BTreeSet<String> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sandbox/venv/bin/python");
    let python = std::env::var_os("REEVE_SANDBOX_PYTHON").map_or(venv, PathBuf::from);
    let output = Command::new(python)
        .args(["-c", TELL])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A secret may be a document: each long word of it counts.
    let words = text.split(|c: char| c.is_whitespace() || "\"{}:,".contains(c)).filter(|word| word.len() >= 16);
    words.map(str::to_owned).collect()
}

/// What any process on this machine shows of itself: its arguments, and for `environments` also its environment.
fn shown_by_processes(environments: bool) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        for file in if environments { &["cmdline", "environ"][..] } else { &["cmdline"] } {
            if let Ok(bytes) = std::fs::read(entry.path().join(file)) {
                let _ = write!(text, "{}", String::from_utf8_lossy(&bytes));
            }
        }
    }
    text
}

fn files(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), into);
        } else {
            into.push((entry.path().display().to_string(), String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned()));
        }
    }
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let mut stack = Stack::at("hostedehr", &sandbox.endpoint);
    stack.secret = KEY.into();
    let yaml = std::fs::read_to_string(example().join("stack.yaml")).unwrap();
    assert!(yaml.contains("record: s3"));
    stack.write("stack.yaml", &yaml.replace("record: s3", "record: local:record"));
    stack.write("clinics.yaml", &std::fs::read_to_string(example().join("tenants/clinics.yaml")).unwrap());
    let dir = stack.dir().to_owned();
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut run = |code: i32, args: &[&str]| {
        let ran = Ran::of(stack.command(args).env("AWS_SESSION_TOKEN", TOKEN).output().unwrap(), args);
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        seen.push((args.join(" "), ran.out + &ran.err));
    };
    run(2, &["plan", &dir, "--out", "plans/first.json", "--stats"]);

    // A name that is taken makes a creation fail, so that there is an error to look into; the arguments of all processes are watched.
    let account = stack.account().await;
    account.logs.create_log_group().log_group_name("/reeve/hostedehr/fleet.log_group").send().await.unwrap();
    let mut child = stack
        .command(&["apply", "plans/first.json", "--auto-approve", "--stack", &dir])
        .env("AWS_SESSION_TOKEN", TOKEN)
        .stdout(Stdio::null())
        .stderr(Stdio::from(std::fs::File::create(stack.path("apply.err")).unwrap()))
        .spawn()
        .unwrap();
    let (mut arguments, mut environments) = (String::new(), String::new());
    let status = loop {
        arguments.push_str(&shown_by_processes(false));
        environments.push_str(&shown_by_processes(true));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!(status.code(), Some(6), "{}", std::fs::read_to_string(stack.path("apply.err")).unwrap());
    assert!(arguments.contains("plans/first.json"), "the apply was never seen");

    account.logs.delete_log_group().log_group_name("/reeve/hostedehr/fleet.log_group").send().await.unwrap();
    run(0, &["apply", &dir, "--auto-approve"]);
    for format in ["human", "json", "markdown"] {
        run(0, &["plan", &dir, "--format", format]);
    }
    run(0, &["why", &dir, "database.server"]);
    run(0, &["why", &dir, "tenant/ckwc.secret"]);
    run(0, &["show", "plans/first.json", "--format", "markdown"]);
    run(0, &["journal", "list", &dir]);
    run(5, &["destroy", &dir]);
    run(3, &["apply", "plans/first.json", "--auto-approve", "--stack", &dir]);

    let generated = secrets(&sandbox.endpoint);
    // The database's is in Secrets Manager, where the emulated RDS may not put it.
    assert!(generated.len() >= 3, "one for each tenant: {}", generated.len());
    files(stack.folder.path(), &mut seen);
    assert!(seen.iter().any(|(name, _)| name.contains("/journal/")) && seen.iter().any(|(name, _)| name.ends_with("history.json")));
    let secrets: Vec<&str> = generated.iter().map(String::as_str).chain([KEY, TOKEN]).collect();
    for (name, text) in &seen {
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{name} shows a secret");
    }
    assert!(secrets.iter().all(|secret| !arguments.contains(secret)), "an argument shows a secret");
    // The credentials were given through the environment; what is generated must not get there.
    assert!(generated.iter().all(|secret| !environments.contains(secret.as_str())), "an environment shows a secret");
}
