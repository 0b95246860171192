//! The desired state from a repository: real git, real signatures.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::ground::{Running, SOON, logs, stack, wish, within};
use crate::support::Stack;

/// A repository whose folder `desired` holds a stack, and who commits to it.
struct Repository {
    stack: Stack,
    folder: TempDir,
}

impl Repository {
    /// Its first commit wishes the log group `a`.
    async fn new(name: &str) -> Self {
        let stack = stack(name, "", &logs(&["a"])).await;
        let folder = tempfile::tempdir().unwrap();
        let record = format!("local:{}", stack.path("record").display());
        stack.write("stack.yaml", &(crate::support::yaml(name, &record) + "  reconcile: { every: 10s }\n"));
        let repository = Self { stack, folder };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, args: &[&str]) -> String {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gpg.format=ssh"];
        let out = Command::new("git")
            .arg("-C")
            .arg(self.folder.path())
            .args(who)
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Commits what the stack's folder says now; the commit.
    fn commit(&self, more: &[&str]) -> String {
        let into = self.path("desired");
        let _ = std::fs::remove_dir_all(&into);
        std::fs::create_dir(&into).unwrap();
        for entry in std::fs::read_dir(self.stack.folder.path()).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "yaml") {
                std::fs::copy(entry.path(), into.join(entry.file_name())).unwrap();
            }
        }
        self.git(&["add", "--all"]);
        self.git(&[&["commit", "--quiet", "--allow-empty", "-m", "x"], more].concat());
        self.git(&["rev-parse", "HEAD"])
    }

    fn run(&self, more: &[&str]) -> Running {
        let (url, state) = (self.folder.path().to_str().unwrap(), self.stack.path("state"));
        let args = ["--git", url, "--ref", "main", "--path", "desired", "--state", state.to_str().unwrap()];
        Running::of(&self.stack, &[&args[..], more].concat())
    }

    /// A key that signs; its public half.
    fn key(&self, name: &str) -> (String, String) {
        let path = self.stack.path(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&path).status().unwrap();
        assert!(made.success());
        (format!("--gpg-sign={}", path.display()), std::fs::read_to_string(path.with_extension("pub")).unwrap())
    }
}

fn journal(stack: &Stack) -> String {
    fn read(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                read(&entry.path(), into);
            } else {
                into.push_str(&std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let mut text = String::new();
    read(&stack.path("record/journal"), &mut text);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_is_applied_and_named_and_a_rewritten_or_vanished_ref_is_told() {
    let repository = Repository::new("commits").await;
    let first = repository.commit(&[]);
    let running = repository.run(&[]);
    assert!(running.says("applying 1 changes").contains(&first));
    running.says("a: Create done");
    assert!(journal(&repository.stack).contains(&first));

    wish(&repository.stack, &logs(&["a", "b"]));
    let second = repository.commit(&[]);
    running.signal("-HUP");
    running.says("b: Create done");
    assert!(journal(&repository.stack).contains(&second));
    assert_eq!(running.count("rewritten"), 0);

    // Another history in its place: it counts, and is told once.
    repository.git(&["reset", "--quiet", "--hard", &first]);
    wish(&repository.stack, &logs(&["a", "b", "c"]));
    let third = repository.commit(&["--amend"]);
    running.signal("-HUP");
    running.says("c: Create done");
    assert!(running.says("main was rewritten").contains(&format!("{third} does not follow {second}")));
    assert_eq!(running.count("\"notice\":\"rewritten\""), 1);

    // The branch goes: the last commit counts, drift is still mended, and it is told once.
    repository.git(&["branch", "--quiet", "-m", "main", "other"]);
    running.signal("-HUP");
    running.says("there is no main in the repository; the commit before counts; see reeve runbook loop");
    running.says("\"message\":\"the source: there is no main");
    let but = "it leads, but nothing newer can be had of the source, the commit before counts: there is no main";
    within(SOON, || running.get("/readyz").1.starts_with(but).then_some(())).expect("who asks is told");
    running.metric_is("reeve_source_stale", 1.0);
    repository.stack.account().await.logs.delete_log_group().log_group_name("/reeve/commits/a").send().await.unwrap();
    within(SOON, || (running.count("a: Create done") == 2).then_some(())).expect("mended");
    assert_eq!(running.count("\"notice\":\"failed\""), 1);
    repository.git(&["branch", "--quiet", "-m", "other", "main"]);
    running.signal("-HUP");
    running.says("the source: it is well again");
    within(SOON, || (running.get("/readyz") == (200, "it leads\n".to_owned())).then_some(())).expect("ready without a but");
    running.metric_is("reeve_source_stale", 0.0);
    assert_eq!(running.stop().0, Some(0));
    // One folder of files is kept, that of the commit that counts.
    let trees: Vec<_> = std::fs::read_dir(repository.stack.path("state/trees")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(trees, [third.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_commit_that_a_signer_signed_is_used() {
    let repository = Repository::new("signed").await;
    let ((ours, public), (foreign, _)) = (repository.key("ours"), repository.key("foreign"));
    let signers = repository.stack.path("signers");
    std::fs::write(&signers, format!("t@example.org {public}")).unwrap();
    let args = ["--signers", signers.to_str().unwrap()];

    // Nothing signed: there is no desired state, and nothing is made.
    let unsigned = repository.commit(&[]);
    let running = repository.run(&args);
    running.says(&format!("commit {unsigned} bears no good signature"));
    assert_eq!(running.get("/readyz").0, 503);
    let signed = repository.commit(&["--amend", &ours]);
    running.signal("-HUP");
    assert!(running.says("applying 1 changes").contains(&signed));
    running.says("a: Create done");

    // Signed by somebody else, or by nobody: the last good one counts.
    wish(&repository.stack, &logs(&["a", "b"]));
    let bad = repository.commit(&[&foreign]);
    running.signal("-HUP");
    running.says(&format!("the source: commit {bad} bears no good signature of anybody in"));
    repository.stack.account().await.logs.delete_log_group().log_group_name("/reeve/signed/a").send().await.unwrap();
    within(SOON, || (running.count("a: Create done") == 2).then_some(())).expect("mended");
    assert_eq!(running.count("b: Create done"), 0);
    let good = repository.commit(&["--amend", &ours]);
    running.signal("-HUP");
    running.says("b: Create done");
    assert!(journal(&repository.stack).contains(&good) && !journal(&repository.stack).contains(&bad));
    assert_eq!(running.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_would_go_with_the_next_commit_is_refused() {
    let repository = Repository::new("beside").await;
    repository.stack.write("stack.yaml", &crate::support::yaml("beside", "local:record"));
    repository.commit(&[]);
    let running = repository.run(&[]);
    running.says("would go with the next commit");
    assert_eq!(running.stop().0, Some(0));
    repository.stack.ends(64, &["run", "--git", "https://me:hunter2@host/r", "--ref", "main"]).says(&["has a password in it"]);
    repository.stack.ends(64, &["run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leads_from_now_on_begins_with_the_newest_commit_and_not_with_what_it_read_before() {
    let repository = Repository::new("git-lead").await;
    let seldom = std::fs::read_to_string(repository.stack.path("stack.yaml")).unwrap().replace("every: 10s", "every: 30m");
    repository.stack.write("stack.yaml", &seldom);
    let old = repository.commit(&[]);
    let first = repository.run(&[]);
    first.says("a: Create done");
    let state = repository.stack.path("other-state");
    let url = repository.folder.path().to_str().unwrap().to_owned();
    let second = Running::of(&repository.stack, &["--git", &url, "--ref", "main", "--path", "desired", "--state", state.to_str().unwrap()]);
    second.says("standing by: ");
    wish(&repository.stack, &logs(&["a"]).replace("365", "90"));
    let new = repository.commit(&[]);
    first.signal("-HUP");
    first.says("a: Update done");
    assert_eq!(first.stop().0, Some(0));
    second.says("this instance leads");
    wish(&repository.stack, &logs(&["a", "b"]).replace("365", "90"));
    repository.commit(&[]);
    second.signal("-HUP");
    second.says("b: Create done");
    assert_eq!(second.count("a: Update done"), 0, "it put back {old} over {new}: {:#?}", second.log());
    assert_eq!(second.stop().0, Some(0));
}
