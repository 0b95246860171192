//! `reeve tenant backup | restore | stage | purge` with the real binary, on a whole estate.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::fleet::{Fleet, tenant};

/// A stack's folder, and the host that commands are given on.
struct Desk<'f> {
    fleet: &'f Fleet,
    folder: TempDir,
}

impl<'f> Desk<'f> {
    fn new(fleet: &'f Fleet, tenants: &str) -> Self {
        let desk = Self { fleet, folder: TempDir::new().expect("a folder") };
        for file in fleet.files(&fleet.images[0], tenants) {
            let text = file.text.lines().map(|line| if line.starts_with("  record:") { "  record: local:record" } else { line });
            std::fs::write(desk.folder.path().join(&file.path), text.collect::<Vec<_>>().join("\n")).expect("written");
        }
        std::fs::create_dir(desk.folder.path().join("archives")).expect("a folder");
        desk
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs `reeve WORDS`, `DIR` being the folder; it must end with `code`. What it said, all of it.
    fn ends(&self, code: i32, words: &str) -> String {
        let (ended, said) = self.run(words);
        assert_eq!(ended, Some(code), "reeve {words}\n{said}");
        said
    }

    fn run(&self, words: &str) -> (Option<i32>, String) {
        let done = self.command(words).output().expect("the program");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout));
        (done.status.code(), said)
    }

    fn command(&self, words: &str) -> Command {
        let dir = self.folder.path().display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        command.args(words.split(' ').map(|word| if word == "DIR" { &dir } else { word })).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/nonexistent").current_dir(self.path("archives"));
        command.env("AWS_ENDPOINT_URL", &self.fleet.sandbox.endpoint).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("REEVE_HOST", &self.fleet.engine().host);
        command
    }
}

/// Whether a text stands in any file below a folder.
fn stands_in(folder: &Path, text: &str) -> bool {
    let found = Command::new("grep").args(["-rqF", text]).arg(folder).status().expect("grep");
    found.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_backed_up_staged_and_at_last_purged() {
    let fleet = Fleet::start(1).await;
    let tenants = [
        tenant("alpha", ""),
        tenant("alpha-staging", "state: suspended"),
        tenant("omega", "state: archived\nretain_until: \"2020-01-01\""),
        tenant("kept", "state: archived\nretain_until: \"2199-01-01\""),
    ]
    .concat();
    let desk = Desk::new(&fleet, &tenants);
    desk.ends(0, "apply DIR --auto-approve");

    // While it runs, it is backed up, and not restored.
    let archive = desk.path("archives/alpha.age");
    let said = desk.ends(0, &format!("tenant backup DIR alpha --out {archive}"));
    assert!(said.contains("tables with") && said.contains("sha256"), "{said}");
    let said = desk.ends(5, &format!("tenant restore DIR alpha {archive} --replace --auto-approve"));
    assert!(said.contains("alpha is in use"), "{said}");
    desk.ends(1, &format!("tenant backup DIR alpha --out {archive}"));

    let (_, listed) = desk.run("tenant list DIR --format json");
    assert!(listed.contains("\"last_backup\":\"20") || listed.contains("\"last_backup\": \"20"), "{listed}");

    // A copy, while the tenant runs.
    desk.ends(5, &format!("tenant stage DIR alpha {archive}"));
    let said = desk.ends(0, &format!("tenant stage DIR alpha {archive} --auto-approve"));
    assert!(said.contains("restored, every table and file counted and compared"), "{said}");
    let said = desk.ends(5, &format!("tenant stage DIR alpha {archive} --auto-approve"));
    assert!(said.contains("alpha-staging holds data: nothing was touched"), "{said}");
    desk.ends(0, &format!("tenant stage DIR alpha {archive} --auto-approve --replace"));

    // An archive is of the tenant that it is of.
    let said = desk.ends(5, &format!("tenant restore DIR omega {archive} --auto-approve"));
    assert!(said.contains("the archive is of alpha, not of omega"), "{said}");

    // For ever: only when everything speaks for it.
    assert!(desk.ends(5, "tenant purge DIR alpha --confirm alpha").contains("alpha is active"));
    assert!(desk.ends(5, "tenant purge DIR kept --confirm kept").contains("has to be kept until 2199-01-01"));
    assert!(desk.ends(5, "tenant purge DIR omega --confirm omega").contains("omega was never backed up"));
    let last = desk.path("archives/omega.age");
    desk.ends(0, &format!("tenant backup DIR omega --out {last}"));
    assert!(desk.ends(5, "tenant purge DIR omega --confirm omega").contains("was never restored"));
    desk.ends(0, &format!("tenant restore DIR omega {last} --as kept --auto-approve"));
    assert!(desk.ends(5, "tenant purge DIR omega --confirm kept").contains("nothing was touched"));
    assert!(desk.ends(5, "tenant purge DIR omega").contains("nothing was touched"));
    // What was written since is in no backup.
    fleet.sql("CREATE TABLE `hostedehr-tenant-omega-schema`.late (a INT)").await;
    assert!(desk.ends(5, "tenant purge DIR omega --confirm omega").contains("after its last backup"));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let last = desk.path("archives/omega-late.age");
    desk.ends(0, &format!("tenant backup DIR omega --out {last}"));
    desk.ends(0, &format!("tenant restore DIR omega {last} --as kept --auto-approve"));
    let said = desk.ends(0, "tenant purge DIR omega --confirm omega");
    assert!(said.contains("omega is purged"), "{said}");

    let planned = desk.ends(2, "plan DIR");
    assert!(planned.contains("tenant/omega.schema"), "only its document is left: {planned}");
    desk.ends(0, "journal verify DIR");
    let journal = desk.ends(0, "journal list DIR");
    assert!(journal.contains("tenant purge") || journal.contains("purge"), "{journal}");

    // Who asks it to stop is heard while it waits for the database, and finds nothing left behind.
    let schema = "hostedehr-tenant-kept-schema";
    fleet.sql(&format!("CREATE TABLE IF NOT EXISTS `{schema}`.slow (a INT)")).await;
    let locks = format!("USE `{schema}`; LOCK TABLES slow WRITE; DO SLEEP(25)");
    let (locked, stopped) = tokio::join!(fleet.sql(&locks), async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let mut child = desk.command("tenant backup DIR kept --out kept.age").stderr(Stdio::piped()).spawn().expect("the program");
        tokio::time::sleep(std::time::Duration::from_secs(8)).await;
        assert!(child.try_wait().expect("a child").is_none(), "it waits for the lock");
        let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        assert!(asked.success());
        let began = std::time::Instant::now();
        let done = child.wait_with_output().expect("it ends");
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned(), began.elapsed())
    });
    drop(locked);
    assert!(stopped.0 == Some(130) && stopped.1.contains("stopped, as it was asked to"), "{stopped:?}");
    assert!(stopped.2 < std::time::Duration::from_secs(10), "{stopped:?}");
    let left: Vec<_> = std::fs::read_dir(desk.path("archives")).expect("a folder").map(|one| one.expect("a name").file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("kept.age")), "{left:?}");

    // No secret in anything that was left behind.
    let aws = fleet.estate(fleet.wishes(&tenants)).await.session.connection.aws.clone();
    for name in ["/reeve/hostedehr/backup-key", "/reeve/hostedehr/tenant/alpha.secret"] {
        let read = aws.ssm.get_parameter().name(name).with_decryption(true).send().await.expect("a parameter");
        let value = read.parameter.and_then(|one| one.value).expect("a value");
        assert!(value.len() >= 32 && !stands_in(desk.folder.path(), &value), "{name}");
    }
    let gone = aws.ssm.get_parameter().name("/reeve/hostedehr/tenant/omega.secret").send().await;
    assert!(gone.is_err(), "its secret is gone");
}
