//! What a tenant tries to use up: processes, memory, the log's disk, `/tmp`.

use std::path::Path;

use super::attacker::{Attacker, said};
use crate::fleet_ground::{Fleet, docker, until};

/// The last of it ends its container.
pub async fn it_takes_no_more_than_its_own(fleet: &Fleet, attacker: &Attacker) {
    let bomb = attacker.attack("fork-bomb?count=500&seconds=3").await;
    assert!(bomb["started"].as_u64().is_some_and(|started| started < 64) && !said(&bomb, "error").is_empty(), "{bomb}");

    let filled = attacker.attack("fill?path=/tmp/new&mb=64").await;
    assert!(filled["mb"].as_u64().is_some_and(|mb| mb <= 16) && said(&filled, "error").contains("os error 28"), "{filled}");

    let flood = attacker.attack("log-flood?mb=50").await;
    assert!(flood["mb"].as_u64().is_some_and(|mb| mb >= 50), "{flood}");
    let kept = logged(fleet, attacker).await;
    assert!((1..=32 << 20).contains(&kept), "{kept} bytes of log");

    let container = attacker.container().await;
    let filled = attacker.try_to("fill-memory?mb=1024&seconds=0").await;
    assert_eq!(filled, None, "it does not live to tell");
    until("the kernel ended it, and nothing else", 60, async || {
        let state = ["inspect", "--format", "{{.State.OOMKilled}} {{.State.Status}}", &container];
        docker(&attacker.engine, &state).await == "true exited"
    })
    .await;
}

/// The same where nothing limits it.
pub async fn without_limits(fleet: &Fleet, attacker: &Attacker) {
    let bomb = attacker.attack("fork-bomb?count=200&seconds=0").await;
    assert_eq!(bomb["started"], 200, "{bomb}");
    let filled = attacker.attack("fill-memory?mb=512&seconds=0").await;
    assert_eq!(filled["mb"], 512, "{filled}");
    attacker.attack("log-flood?mb=40").await;
    let kept = logged(fleet, attacker).await;
    assert!(kept > 35 << 20, "{kept} bytes of log");
}

/// Bytes of its log on its host's disk.
async fn logged(fleet: &Fleet, attacker: &Attacker) -> u64 {
    let number = attacker.engine.space.rsplit_once('-').map(|(_, number)| number).expect("a number");
    let containers = fleet.parts.folder().join(format!("engine{number}/data/containers")).join(attacker.container().await);
    let size = |path: &Path| path.metadata().map_or(0, |data| data.len());
    let files = std::fs::read_dir(&containers).expect("the container's folder").flatten();
    files.filter(|file| file.file_name().to_string_lossy().contains("-json.log")).map(|file| size(&file.path())).sum()
}
