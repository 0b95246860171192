//! Where the tenants' secrets are: in SSM, in Docker's own store, and in the environment of the application. Nowhere else, whatever is done: every
//! text that the program and the parts leave behind is searched for each of them, as it is and in base64.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use reeve::model::Secret;
use reeve::sandbox::parts::Image;
use regex::bytes::Regex;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::fleet_ground::{Fleet, docker, read, tenant};
use crate::support::Estate;

/// Secrets, and what each is.
type Secrets = BTreeMap<String, String>;

/// A name and a text that was seen.
type Seen = BTreeSet<(String, Vec<u8>)>;

/// How one secret may look: as it is, and what is sure to stand in the base64 of any text that it is a part of.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for before in 0..3 {
        let text = [&[b'.'].repeat(before)[..], secret.as_bytes()].concat();
        let all = STANDARD_NO_PAD.encode(&text);
        // Each letter is six bits: those that hold only the secret's.
        let (from, to) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        forms.push(all[from..to].to_owned());
    }
    forms
}

/// Every secret that there is: what SSM holds, what is made of it, and the database's administrator.
async fn secrets(fleet: &Fleet, estate: &Estate) -> Secrets {
    let ssm = &estate.session.connection.aws.ssm;
    let mut found = Secrets::new();
    let mut pages = ssm.describe_parameters().into_paginator().send();
    while let Some(page) = pages.next().await {
        for one in page.expect("parameters").parameters() {
            if one.r#type() != Some(&aws_sdk_ssm::types::ParameterType::SecureString) {
                continue;
            }
            let name = one.name().expect("a name");
            let value = ssm.get_parameter().name(name).with_decryption(true).send().await.expect("a value");
            let value = value.parameter().and_then(|one| one.value()).expect("a value").to_owned();
            if name.ends_with(".secret") {
                let derived = Secret::new(value.clone()).derived("admin_password");
                found.insert(derived.expose().to_owned(), format!("{name} for the application's administrator"));
            }
            found.insert(value, name.to_owned());
        }
    }
    let admin: serde_json::Value = serde_json::from_str(&read(fleet.parts.admin())).expect("JSON");
    found.insert(admin["password"].as_str().expect("a password").to_owned(), "the database's administrator".to_owned());
    found
}

/// The real program, as an operator runs it on a host.
struct Operator<'f> {
    fleet: &'f Fleet,
    folder: TempDir,
    seen: Seen,
}

impl Operator<'_> {
    fn write(&self, image: &str, tenants: &str) {
        let stack = self.folder.path().join("stack");
        fs::create_dir_all(&stack).expect("a folder");
        for file in self.fleet.files(image, tenants) {
            fs::write(stack.join(&file.path), file.text.replace("record: s3", "record: local:record")).expect("a file");
        }
    }

    /// Runs it; what it says is kept. The end of what it said, and its exit code.
    async fn run(&mut self, words: &[&str]) -> (i32, String) {
        let run = Command::new(env!("CARGO_BIN_EXE_reeve"))
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.folder.path())
            .env("REEVE_HOST", self.fleet.parts.host())
            .env("AWS_ENDPOINT_URL", &self.fleet.sandbox.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(300), run).await.unwrap_or_else(|_| panic!("{words:?} does not end"));
        let output = output.expect("reeve");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        self.seen.insert((format!("reeve {}, standard output", words.join(" ")), output.stdout));
        self.seen.insert((format!("reeve {}, standard error", words.join(" ")), output.stderr));
        (output.status.code().unwrap_or_default(), said)
    }

    async fn runs(&mut self, code: i32, words: &[&str]) {
        let (was, said) = self.run(words).await;
        assert_eq!(was, code, "reeve {}: {said}", words.join(" "));
    }
}

/// Looks at all processes of this machine, again and again: their arguments, and their environments.
struct Processes {
    stop: Arc<Mutex<bool>>,
    looking: Option<JoinHandle<Seen>>,
}

impl Processes {
    fn look() -> Self {
        let stop = Arc::new(Mutex::new(false));
        let until = stop.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let mut seen = Seen::new();
            while !*until.lock().expect("a lock") {
                for process in fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path()) {
                    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
                    let program = String::from_utf8_lossy(arguments.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
                    if let Ok(environment) = fs::read(process.join("environ")) {
                        seen.insert((format!("environment of {program}"), environment));
                    }
                    seen.insert((format!("arguments of {program}"), arguments));
                }
                #[allow(clippy::disallowed_methods)] // a thread of its own, which drives no call
                std::thread::sleep(Duration::from_millis(20));
            }
            seen
        });
        Self { stop, looking: Some(looking) }
    }

    async fn seen(mut self) -> Seen {
        let looking = self.looking.take().expect("it looks once");
        drop(self);
        looking.await.expect("it looks")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        *self.stop.lock().expect("a lock") = true;
    }
}

/// All files under a folder.
fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), into),
            Ok(kind) if kind.is_file() => into.push(entry.path()),
            _ => {}
        }
    }
}

/// Where each of the secrets is seen, without saying it.
fn found(seen: &Seen, secrets: &Secrets) -> BTreeSet<String> {
    let forms = secrets.iter().flat_map(|(secret, name)| {
        let said = move |(number, form)| (form, if number == 0 { name.clone() } else { format!("{name} in base64") });
        forms(secret).into_iter().enumerate().map(said)
    });
    let forms: BTreeMap<String, String> = forms.collect();
    let any: Vec<String> = forms.keys().map(|form| regex::escape(form)).collect();
    let any = Regex::new(&any.join("|")).expect("an expression");
    let name = |hit: &[u8]| forms[str::from_utf8(hit).expect("a form")].as_str();
    seen.iter().flat_map(|(place, text)| any.find_iter(text).map(move |hit| format!("{place}: {}", name(hit.as_bytes())))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_anywhere_but_where_it_belongs() {
    let fleet = Fleet::start(1).await;
    // The database writes down each statement that it gets.
    let socket = format!("--socket={}", fleet.parts.folder().join("mysql/socket").display());
    let log = format!("SET GLOBAL general_log_file='{}', GLOBAL general_log=1", fleet.parts.folder().join("mysql/general.log").display());
    let set = Command::new("mariadb").args(["--no-defaults", &socket, "--execute", &log]).status().await.expect("mariadb-client");
    assert!(set.success());
    let processes = Processes::look();
    let mut operator = Operator { fleet: &fleet, folder: TempDir::new().expect("a folder"), seen: Seen::new() };
    let both = [tenant("alpha", ""), tenant("beta", "")].concat();
    operator.write(&fleet.images[0], &both);

    operator.runs(2, &["plan", "stack", "--out", "plans/first.json"]).await;
    operator.runs(0, &["apply", "plans/first.json", "--auto-approve", "--stack", "stack"]).await;
    let estate = fleet.estate(fleet.wishes(&both)).await;
    let mut all = secrets(&fleet, &estate).await;
    operator.runs(0, &["tenant", "backup", "stack", "alpha", "--out", "alpha.age"]).await;
    operator.runs(0, &["tenant", "rotate", "stack", "alpha", "--auto-approve"]).await;
    all.extend(secrets(&fleet, &estate).await);
    assert!(all.len() >= 8, "the stack's key for backups, of two tenants two each, of one two more, the administrator's: {}", all.len());

    // An image that is not there.
    let (name, _) = fleet.images[0].split_once('@').expect("a digest");
    operator.write(&format!("{name}@sha256:{}", "0".repeat(64)), &both);
    let (code, said) = operator.run(&["apply", "stack", "--auto-approve"]).await;
    assert!(code != 0 && said.contains("tenant/beta.service"), "{code}: {said}");
    for format in ["human", "json", "markdown"] {
        operator.run(&["plan", "stack", "--format", format, "--out", &format!("plans/{format}.json")]).await;
        operator.runs(0, &["show", "plans/first.json", "--format", format]).await;
    }
    for words in [
        &["why", "stack", "tenant/alpha.secret"][..],
        &["why", "stack", "tenant/alpha.credentials"],
        &["journal", "list", "stack"],
        &["drift", "stack"],
        &["tenant", "list", "stack"],
        &["tenant", "status", "stack", "alpha"],
    ] {
        operator.run(words).await;
    }
    operator.write(&fleet.images[0], &both);
    operator.runs(0, &["apply", "stack", "--auto-approve"]).await;

    let mut seen = std::mem::take(&mut operator.seen);
    seen.extend(processes.seen().await);
    let engine = fleet.engine();
    for (what, list) in [
        ("service", &["service", "ls", "--quiet"][..]),
        ("secret", &["secret", "ls", "--quiet"]),
        ("container", &["ps", "--all", "--quiet"]),
    ] {
        let ids = docker(engine, list).await;
        assert!(!ids.is_empty(), "no {what}");
        for id in ids.lines() {
            seen.insert((format!("docker {what} inspect"), docker(engine, &[what, "inspect", id]).await.into_bytes()));
        }
    }
    let (mut left, parts) = (Vec::new(), fleet.parts.folder());
    files(operator.folder.path(), &mut left);
    files(parts, &mut left);
    for path in left {
        seen.insert((path.display().to_string(), fs::read(&path).unwrap_or_default()));
    }
    for part in ["haproxy.cfg", "engine1/log", "mysql/log", "mysql/general.log", "alpha/.reeve", "alpha.age", "journal/", "first.json"] {
        assert!(seen.iter().any(|(name, text)| name.contains(part) && !text.is_empty()), "{part} was not looked at");
    }

    assert!(seen.iter().any(|(name, _)| name.ends_with("/aws.log")), "what the emulated AWS says, if it says something");

    // Where they belong: what the application is given, and what it writes into its own folder.
    let application = format!("environment of {}", Image::command("standin"));
    let belongs = |place: &str| {
        place.starts_with(&application)
            || place.contains("/openmrs-runtime.properties: ")
            || place.starts_with(&fleet.parts.admin().display().to_string())
    };
    let found = found(&seen, &all);
    assert!(found.iter().any(|place| place.starts_with(&application)), "the search finds what there is: {found:#?}");
    assert!(found.iter().any(|place| place.contains("/openmrs-runtime.properties: ")), "the search finds what there is: {found:#?}");
    let elsewhere: Vec<&String> = found.iter().filter(|place| !belongs(place)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn a_secret_is_found_in_any_base64() {
    let secret = "Qx7Lm2Vt9Zr4Kd8Bn5Hs1Wp6Gc3Jf0Ya";
    for before in ["", "{", "{\"", "{\"password\":\"", "user:"] {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}\"}}"));
        let seen = Seen::from([("a".to_owned(), text.into_bytes())]);
        assert_eq!(
            found(&seen, &Secrets::from([(secret.to_owned(), "it".to_owned())])),
            BTreeSet::from(["a: it in base64".to_owned()]),
            "{before}"
        );
    }
}
