//! A machine that is no host of the fleet: the stack's folder, programs of its own, and the way in that the stack names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;

use crate::fleet_ground::{Fleet, read, tenant, until};

/// No plan takes longer, however silent the way is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `reeve` said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Said {
    pub fn has(&self, text: &str) -> bool {
        self.out.contains(text) || self.err.contains(text)
    }

    /// The planes that the plan says were not observed.
    pub fn unobserved(&self) -> Vec<&str> {
        self.out.lines().filter_map(|line| line.strip_prefix("Not observed: ")?.split_once(';')).map(|(plane, _)| plane).collect()
    }
}

/// The machine.
pub struct Outside<'f> {
    pub fleet: &'f Fleet,
    pub folder: TempDir,
}

impl<'f> Outside<'f> {
    /// With the stack of one tenant, which a host of the fleet has applied.
    pub async fn of(fleet: &'f Fleet) -> Self {
        let outside = Self { fleet, folder: TempDir::new().expect("a folder") };
        fs::create_dir(outside.path("bin")).expect("a folder");
        fs::create_dir(outside.path("stack")).expect("a folder");
        // All hosts of the sandbox have the wrapper at another place than real ones: nothing else of them is known here.
        let host: serde_json::Value = serde_json::from_str(&read(&fleet.engine().host)).expect("JSON");
        fs::write(outside.path("outside.json"), serde_json::json!({ "lib": host["lib"] }).to_string()).expect("a file");
        outside.stack(0, "{}");
        let mut command = outside.command(&["apply", "stack", "--auto-approve"]);
        command.env("REEVE_HOST", &fleet.engine().host);
        let ran = outside.ends(command).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
        outside
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the stack: with one of the two images, and that `access`.
    pub fn stack(&self, image: usize, access: &str) {
        for file in self.fleet.files(&self.fleet.images[image], &tenant("alpha", "")) {
            let text = file.text.replace("access: {}", &format!("access: {access}"));
            fs::write(self.path("stack").join(file.path), text).expect("a file");
        }
    }

    /// A program of this machine, before all others.
    pub fn program(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, text).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.folder.path())
            .env("REEVE_HOST", self.path("outside.json"))
            .env("AWS_ENDPOINT_URL", &self.fleet.sandbox.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn ends(&self, mut command: Command) -> Said {
        let begun = Instant::now();
        let output = tokio::time::timeout(Duration::from_secs(240), command.output()).await.expect("it ends").expect("reeve");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let said =
            Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr), took: begun.elapsed() };
        assert!(!said.has("token-of-"), "a session's token is shown");
        said
    }

    pub async fn reeve(&self, args: &[&str]) -> Said {
        self.ends(self.command(args)).await
    }

    /// A plan that has to end with `code`.
    pub async fn plan(&self, code: i32) -> Said {
        let said = self.reeve(&["plan", "stack"]).await;
        assert_eq!(said.code, code, "{}\n{}", said.out, said.err);
        said
    }

    /// A way that is named and leads nowhere: an error with these words, soon, and an apply changes nothing there.
    pub async fn is_silent(&self, words: &[&str]) {
        let said = self.plan(1).await;
        for word in words {
            assert!(said.has(word), "{word}: {}\n{}", said.out, said.err);
        }
        assert!(said.took < PATIENCE, "{:?}", said.took);
    }

    /// Another image from here: the service follows, and nothing differs afterwards.
    pub async fn moves_the_tenant(&self, image: usize, access: &str) {
        self.stack(image, access);
        let planned = self.plan(2).await;
        assert!(planned.has("tenant/alpha.service"), "{}", planned.out);
        let applied = self.reeve(&["apply", "stack", "--auto-approve"]).await;
        assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
        self.plan(0).await;
    }

    /// Every program that runs here and was started for a way in, by its id: those whose arguments hold `word`.
    pub fn running(&self, word: &str) -> Vec<u32> {
        let ids = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        ids.filter(|id| arguments(*id).contains(word)).collect()
    }

    /// That nobody is left, soon.
    pub async fn nobody_is_left(&self, word: &str) {
        until(&format!("nothing with {word} runs"), 10, async || self.running(word).is_empty()).await;
    }
}

fn arguments(id: u32) -> String {
    String::from_utf8_lossy(&fs::read(Path::new("/proc").join(id.to_string()).join("cmdline")).unwrap_or_default()).replace('\0', " ")
}

/// A line per session that the stand-in carried.
pub fn lines(path: &Path) -> Vec<String> {
    if path.exists() { read(path).lines().map(str::to_owned).collect() } else { Vec::new() }
}

/// Sends a signal to one process.
pub async fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().await.expect("kill");
    assert!(sent.success(), "{id} does not run");
}
