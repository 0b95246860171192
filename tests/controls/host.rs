//! What makes a host of a machine, run for real in a folder that stands for the machine, with the programs that it calls replaced by ones
//! that write down how they were called.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use reeve::model::hole;
use tempfile::TempDir;

use crate::estate::Estate;

/// A machine at its first start: the unit is there, and runs when it is asked to.
struct Machine {
    root: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: TempDir::new().expect("a folder") };
        for folder in ["bin", "etc/systemd/system", "usr/local/sbin", "dev/disk/by-id"] {
            std::fs::create_dir_all(machine.path(folder)).expect("a folder");
        }
        std::fs::write(machine.path("dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1"), "").expect("a drive");
        std::fs::write(machine.path("etc/fstab"), "UUID=1 / xfs defaults 0 0\n").expect("fstab");
        for program in ["systemctl", "chattr", "mkswap", "rpm", "dnf", "mount"] {
            machine.program(program, "exit 0");
        }
        // What is mounted and what swaps is known by a file each.
        machine.program("rpm", "test -e $ROOT/installed");
        machine.program("dnf", "touch $ROOT/installed");
        machine.program("mount", "touch $ROOT/mounted");
        machine.program("mountpoint", "test -e $ROOT/mounted");
        machine.program(
            "swapon",
            "case \"$1\" in --show*) cat $ROOT/swaps 2>/dev/null || true ;; *) readlink -f \"$1\" >> $ROOT/swaps ;; esac",
        );
        machine
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn program(&self, name: &str, does: &str) {
        let root = self.root.path().display();
        let text = format!("#!/bin/bash\nROOT={root}\necho \"{name} $*\" >> {root}/called\n{does}\n");
        let path = self.path(&format!("bin/{name}"));
        std::fs::write(&path, text).expect("a program");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
    }

    fn run(&self, script: &Path) -> bool {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        Command::new("/bin/bash").arg(script).env("PATH", path).output().expect("bash").status.success()
    }

    fn called(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("called")).unwrap_or_default();
        std::fs::remove_file(self.path("called")).ok();
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_host_is_made_again_and_again_until_all_of_it_is_done() {
    let estate = Estate::example();
    let (_, template) = estate.of("aws.launch_template")[0];
    let user_data = template["user_data"].as_str().expect("user data");
    let user_data = hole::render(user_data, |hole| Some(hole.address.to_string())).expect("it is known by then");
    assert!(user_data.len() < 8 * 1024, "{} bytes, and 16 KB is the most", user_data.len());

    let machine = Machine::new();
    let root = machine.root.path().display();
    let text = ["/etc/", "/usr/local/sbin/", "/dev/disk/", "/tenants"]
        .iter()
        .fold(user_data, |text, path| text.replace(path, &format!("{root}{path}")));
    let first = machine.path("user-data");
    std::fs::write(&first, text).expect("user data");
    assert!(machine.run(&first), "the first start only writes the unit and starts it");
    assert!(machine.called().iter().any(|call| call == "systemctl start --no-block reeve-host.service"));
    let unit = std::fs::read_to_string(machine.path("etc/systemd/system/reeve-host.service")).expect("a unit");
    for line in ["Restart=on-failure", "StartLimitIntervalSec=0", "WantedBy=multi-user.target"] {
        assert!(unit.lines().any(|one| one == line), "{unit}");
    }
    let host = machine.path("usr/local/sbin/reeve-host");
    let docker = "systemctl start docker".to_owned();

    // No way out yet, then no mount target: it fails, which is what makes it run again, and Docker does not start without the files.
    machine.program("dnf", "exit 1");
    assert!(!machine.run(&host) && !machine.called().contains(&docker));
    machine.program("dnf", "touch $ROOT/installed");
    machine.program("mount", "exit 32");
    assert!(!machine.run(&host) && !machine.called().contains(&docker));
    machine.program("mount", "touch $ROOT/mounted");
    assert!(machine.run(&host));
    assert_eq!(machine.called().last(), Some(&docker));

    // At the next start, what is done is left alone.
    assert!(machine.run(&host));
    let called = machine.called();
    assert!(!called.iter().any(|call| ["dnf", "mkswap", "mount ", "chattr"].iter().any(|name| call.starts_with(name))), "{called:#?}");
    let fstab = std::fs::read_to_string(machine.path("etc/fstab")).expect("fstab");
    assert_eq!(fstab.lines().count(), 2, "{fstab}");
    assert!(fstab.contains("tls,iam,accesspoint=") && fstab.starts_with("UUID=1"), "{fstab}");
    let settings = std::fs::read_to_string(machine.path("etc/docker/daemon.json")).expect("settings");
    assert!(serde_json::from_str::<serde_json::Value>(&settings).is_ok(), "{settings}");
}

#[test]
fn a_host_fetches_its_bundle_once_and_lets_it_make_a_host() {
    use sha2::{Digest, Sha256};

    // What stands for the bundle: a `reeve` that writes down how it was called.
    let machine = Machine::new();
    let root = machine.root.path().display();
    std::fs::create_dir_all(machine.path("bundle")).expect("a folder");
    for (name, text) in
        [("reeve", format!("#!/bin/bash\necho \"reeve $*\" >> {root}/called\ntest -e {root}/ready\n")), ("hold", String::new())]
    {
        std::fs::write(machine.path(&format!("bundle/{name}")), text).expect("a file");
        std::fs::set_permissions(machine.path(&format!("bundle/{name}")), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let bundle = machine.path("bundle.tar.gz");
    let packed = Command::new("tar").arg("-czf").arg(&bundle).arg("-C").arg(machine.path("bundle")).args(["reeve", "hold"]).status();
    assert!(packed.expect("tar").success());
    let digest: String = Sha256::digest(std::fs::read(&bundle).expect("it")).iter().map(|byte| format!("{byte:02x}")).collect();

    let estate = Estate::bundled(&digest);
    let (_, template) = estate.of("aws.launch_template")[0];
    let user_data = hole::render(template["user_data"].as_str().expect("user data"), |hole| Some(hole.address.to_string())).expect("known");
    assert!(user_data.len() < 4 * 1024, "{} bytes, and 16 KB is the most", user_data.len());
    let text =
        ["/etc/", "/usr/local/sbin/", "/opt/reeve"].iter().fold(user_data, |text, path| text.replace(path, &format!("{root}{path}")));
    let first = machine.path("user-data");
    std::fs::write(&first, text).expect("user data");
    assert!(machine.run(&first), "the first start only writes settings and units, and starts them");
    assert!(machine.called().iter().any(|call| call.contains("start --no-block reeve-host.service")));
    let settings = std::fs::read_to_string(machine.path("etc/reeve/host-config.json")).expect("settings");
    let settings: reeve::host::HostConfig = serde_json::from_str(&settings).expect("settings that `reeve host` takes");
    assert_eq!((settings.stack.as_str(), settings.database.expect("one").port()), ("hostedehr", 3307));

    let host = machine.path("usr/local/sbin/reeve-host");
    let setup = format!("reeve host setup --bundle {root}/opt/reeve/{digest}");
    // No way out yet; then something else arrives: it is not unpacked.
    machine.program("aws", "exit 1");
    assert!(!machine.run(&host) && !machine.called().contains(&setup));
    machine.program("aws", "echo other > \"${@: -1}\"");
    assert!(!machine.run(&host) && !machine.called().contains(&setup));
    // It arrives, and what it does fails once: the unit tries again, without fetching.
    machine.program("aws", "cp $ROOT/bundle.tar.gz \"${@: -1}\"");
    assert!(!machine.run(&host) && machine.called().contains(&setup));
    std::fs::write(machine.path("ready"), "").expect("a file");
    assert!(machine.run(&host));
    assert_eq!(machine.called(), [setup]);
    let left = std::fs::read_dir(machine.path("opt/reeve")).expect("a folder").count();
    assert_eq!(left, 1, "nothing half-made is left");
}
