//! What tests about hosts stand on: machines (a folder, a network namespace, an engine) on one bridge, and the program run on them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use reeve::planes::aws::connect::{Connection, Options, connect};
use reeve::sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The stack that the hosts are of.
pub const STACK: &str = "hostedehr";

static NEXT: AtomicU8 = AtomicU8::new(0);

/// Runs a program that has to succeed.
pub fn run(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|error| panic!("{line}: {error}"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a program that may fail.
fn try_to(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    Command::new(words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success())
}

#[allow(clippy::disallowed_methods)] // a program is waited for, beside the runtime
fn pause() {
    std::thread::sleep(Duration::from_millis(150));
}

/// What `reeve` said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A folder that looks like a machine, with settings.
pub struct Root {
    pub folder: TempDir,
}

impl Root {
    /// With those settings over the least that there has to be.
    pub fn with(settings: &Value) -> Self {
        let root = Self { folder: TempDir::new().expect("a folder") };
        let mut all = json!({ "stack": STACK, "region": "us-east-1", "swap": "none" });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        root.write("etc/reeve/host-config.json", &all.to_string());
        root
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// `reeve host WHAT --only ONLY` on it, in the network namespace when there is one.
    pub fn command(&self, space: Option<&str>, what: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_reeve");
        let mut command = match space {
            Some(space) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/var/run/netns/{space}")).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("host").arg(what[0]).arg("--root").arg(self.folder.path()).args(&what[1..]);
        command.env_remove("REEVE_HOST");
        command
    }

    pub fn reeve(&self, what: &[&str]) -> Said {
        Said::of(self.command(None, what).output().unwrap())
    }

    pub fn reeve_in(&self, space: &str, what: &[&str]) -> Said {
        Said::of(self.command(Some(space), what).output().unwrap())
    }
}

/// Network namespaces on one bridge.
pub struct Net {
    id: u8,
    bridge: String,
    spaces: Vec<String>,
}

impl Net {
    pub fn new() -> Self {
        // Several test programs may run at once: the process's id tells them apart, a counter the tests of one.
        let id = (std::process::id() as u8).wrapping_mul(7).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let bridge = format!("rvt{}{id}", std::process::id() % 100_000);
        run(&format!("ip link add {bridge} type bridge"));
        run(&format!("ip link set {bridge} up"));
        // Another engine's policy of this machine would drop what is bridged.
        run(&format!("iptables -w -I FORWARD -i {bridge} -o {bridge} -j ACCEPT"));
        Self { id, bridge, spaces: Vec::new() }
    }

    /// A new namespace, and its address.
    pub fn space(&mut self) -> (String, String) {
        let number = self.spaces.len() + 1;
        let (name, link) = (format!("{}-{number}", self.bridge), format!("{}-{number}", self.bridge));
        let address = format!("10.213.{}.{}", self.id, 10 + number);
        run(&format!("ip netns add {name}"));
        self.spaces.push(name.clone());
        run(&format!("ip link add {link} type veth peer name eth0 netns {name}"));
        run(&format!("ip link set {link} master {} up", self.bridge));
        run(&format!("ip -n {name} link set lo up"));
        run(&format!("ip -n {name} addr add {address}/24 dev eth0"));
        run(&format!("ip -n {name} link set eth0 up"));
        (name, address)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for space in &self.spaces {
            try_to(&format!("ip netns del {space}"));
            try_to(&format!("ip link del {space}"));
        }
        try_to(&format!("iptables -w -D FORWARD -i {0} -o {0} -j ACCEPT", self.bridge));
        try_to(&format!("ip link del {}", self.bridge));
    }
}

/// A machine: an instance of EC2 for AWS, a namespace with an engine here.
pub struct Machine {
    pub root: Root,
    engine: Option<Child>,
    folder: TempDir,
}

impl Machine {
    /// Starts the engine of one that is to lead.
    pub fn start(net: &mut Net, instance: &str) -> Self {
        Self::start_as(net, instance, true)
    }

    /// Starts the engine.
    pub fn start_as(net: &mut Net, instance: &str, manager: bool) -> Self {
        let folder = TempDir::new().expect("a folder");
        let (space, address) = net.space();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let socket = format!("unix://{}", at("docker.sock"));
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let engine = Command::new("nsenter")
            .arg(format!("--net=/var/run/netns/{space}"))
            .args(["dockerd", "--storage-driver", "vfs", "--host", &socket])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd starts (Debian's docker.io)");
        let root = Root::with(&json!({ "docker": socket, "identity": { "instance": instance, "address": address, "manager": manager } }));
        let machine = Self { root, engine: Some(engine), folder };
        let end = Instant::now() + Duration::from_secs(60);
        while !try_to(&format!("docker --host {socket} version")) {
            assert!(Instant::now() < end, "the engine does not answer: {}", machine.log());
            pause();
        }
        machine
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Where the engine is reached.
    pub fn socket(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// Asks the engine.
    pub fn docker(&self, line: &str) -> String {
        run(&format!("docker --host {} {line}", self.socket()))
    }

    /// Gives the engine an image by that name, of one program that only waits; it is not in any registry.
    pub fn image(&self, name: &str) {
        let tar = self.folder.path().join("image.tar");
        let libraries = run("ldd /usr/bin/sleep");
        let libraries: Vec<&str> = libraries.split_whitespace().filter_map(|word| word.strip_prefix('/')).collect();
        run(&format!("tar --dereference --directory / --create --file {} usr/bin/sleep {}", tar.display(), libraries.join(" ")));
        self.docker(&format!("import {} {name}", tar.display()));
    }

    /// The engine and its containers end at once, as if the machine had lost its power.
    pub fn lose_power(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            let _ = engine.kill();
            let _ = engine.wait();
        }
        // Its own child.
        if let Ok(pid) = std::fs::read_to_string(self.folder.path().join("exec/containerd/containerd.pid")) {
            try_to(&format!("kill -9 {}", pid.trim()));
        }
        // And those of that one: each container has a process that watches it.
        let ours = self.folder.path().join("exec").display().to_string();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains("containerd-shim") && line.contains(&ours) {
                let watcher = entry.file_name().to_string_lossy().into_owned();
                try_to(&format!("pkill -9 -P {watcher}"));
                try_to(&format!("kill -9 {watcher}"));
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(engine) = &mut self.engine {
            try_to(&format!("kill -TERM {}", engine.id()));
            let end = Instant::now() + Duration::from_secs(20);
            while Instant::now() < end && engine.try_wait().is_ok_and(|ended| ended.is_none()) {
                pause();
            }
        }
        self.lose_power();
        unmount(self.folder.path());
    }
}

/// What an engine leaves mounted.
fn unmount(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut below: Vec<&str> =
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|path| Path::new(path).starts_with(folder)).collect();
    below.sort_unstable_by_key(|path| std::cmp::Reverse(path.len()));
    for path in below {
        try_to(&format!("umount {path}"));
    }
}

/// An emulated AWS.
pub struct Cloud {
    pub sandbox: Sandbox,
    pub aws: Connection,
}

impl Cloud {
    pub async fn start() -> Self {
        let sandbox = Sandbox::start(reeve::sandbox::Options::default()).await.expect("the sandbox starts (make setup)");
        let options = Options {
            stack: STACK.into(),
            region: "us-east-1".into(),
            endpoint: Some(sandbox.endpoint.clone()),
            credentials: Some(Credentials::new("test", "test", None, None, "tests")),
            ..Options::default()
        };
        let aws = connect(options).await.expect("AWS answers");
        Self { sandbox, aws }
    }

    /// Launches instances.
    pub async fn launch(&self, number: i32) -> Vec<String> {
        let image = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
        let ran = self.aws.aws.ec2.run_instances().image_id(image).min_count(number).max_count(number).send().await.expect("instances");
        ran.instances().iter().map(|one| one.instance_id().unwrap().to_owned()).collect()
    }

    /// An instance is gone for good.
    pub async fn terminate(&self, instance: &str) {
        self.aws.aws.ec2.terminate_instances().instance_ids(instance).send().await.expect("it goes");
    }

    /// `reeve host WHAT` on a machine, begun.
    pub fn begin(&self, machine: &Machine, what: &[&str]) -> Child {
        let mut command = machine.root.command(None, what);
        command.envs(self.sandbox.environment()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// `reeve host roll` on a machine, begun.
    pub fn roll(&self, machine: &Machine, what: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        command.args(["host", "roll", "--config"]).arg(machine.root.path("etc/reeve/host-config.json")).args(what);
        command.envs(self.sandbox.environment()).env_remove("REEVE_HOST").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The same, to its end.
    pub fn reeve(&self, machine: &Machine, what: &[&str]) -> Said {
        ended(self.begin(machine, what))
    }
}

/// What it said, when it has ended.
pub fn ended(child: Child) -> Said {
    Said::of(child.wait_with_output().unwrap())
}
