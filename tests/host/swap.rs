//! Swap, on loop devices that udev's folder says are the instance's own drives, or not.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::ground::{Root, run};

/// A loop device over a file.
struct Loop(String);

impl Loop {
    fn new(root: &Root, name: &str) -> Self {
        let file = root.path(name);
        std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
        Self(run(&format!("losetup --find --show {}", file.display())).trim().to_owned())
    }

    fn is_swap(&self) -> bool {
        std::fs::read_to_string("/proc/swaps").unwrap().lines().any(|line| line.starts_with(&format!("{} ", self.0)))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if self.is_swap() {
            run(&format!("swapoff {}", self.0));
        }
        run(&format!("losetup --detach {}", self.0));
    }
}

#[test]
fn only_the_instances_own_empty_drives_become_swap() {
    let root = Root::with(&json!({ "swap": "instance-store" }));
    let (own, ebs, full) = (Loop::new(&root, "own"), Loop::new(&root, "ebs"), Loop::new(&root, "full"));
    let folder = root.path("dev/disk/by-id");
    std::fs::create_dir_all(&folder).unwrap();
    symlink(&ebs.0, folder.join("nvme-Amazon_Elastic_Block_Store_vol0123")).unwrap();
    symlink(&own.0, folder.join("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS0123")).unwrap();
    // udev gives one drive several names.
    symlink(&own.0, folder.join("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS0123_1")).unwrap();

    let first = root.reeve(&["setup", "--only", "swap"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(own.is_swap() && !ebs.is_swap());
    let second = root.reeve(&["setup", "--only", "swap"]);
    assert!(second.err.contains("1 step are right"), "{}", second.err);

    // The drive came back with something on it: nobody formats that.
    run(&format!("mkfs.ext4 -q {}", full.0));
    symlink(&full.0, folder.join("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS0456")).unwrap();
    let third = root.reeve(&["setup", "--only", "swap"]);
    assert_eq!(third.code, 1);
    assert!(third.err.contains("bears ext4"), "{}", third.err);

    // Swap on EBS is taken off.
    std::fs::remove_file(folder.join("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS0456")).unwrap();
    run(&format!("mkswap {}", ebs.0));
    run(&format!("swapon {}", ebs.0));
    let fourth = root.reeve(&["setup", "--only", "swap"]);
    assert_eq!(fourth.code, 0, "{}", fourth.err);
    assert!(own.is_swap() && !ebs.is_swap());
}
