//! The kind of the tenants' folders, on real folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reeve::kinds::files::folder::Folder;
use reeve::kinds::{Change, Gone, Kind, Live, Naming, New};
use reeve::model::marks::Applied;
use reeve::model::{Address, Marks, Whose};
use reeve::planes::aws::stats::Stats;
use reeve::planes::error::{Class, Result};
use reeve::planes::{Files, Ours};
use serde_json::json;

struct World {
    root: tempfile::TempDir,
    cx: Files,
    stats: Stats,
}

fn world() -> World {
    let root = tempfile::tempdir().unwrap();
    let stats = Stats::default();
    let cx = plane(root.path(), "estate", &stats);
    World { root, cx, stats }
}

fn plane(root: &Path, stack: &str, stats: &Stats) -> Files {
    Files { ours: Ours::new(stack, stats.clone()), root: Arc::new(root.to_owned()), mounted: false }
}

fn folder(name: &str) -> Folder {
    serde_json::from_value(json!({ "name": name })).unwrap()
}

fn marks(stack: &str, name: &str) -> Marks {
    Marks {
        stack: stack.into(),
        address: Some(Address::parse(&format!("tenant/{name}.folder")).unwrap()),
        applied: Applied::parse("v1:abcdef"),
        attempt: "a1".into(),
        ..Marks::default()
    }
}

fn new(stack: &str, want: &Folder) -> New<Folder> {
    let address = Address::parse(&format!("tenant/{}.folder", want.name)).unwrap();
    let naming = Naming { stack: stack.into(), salt: String::new() };
    New { address, want: want.clone(), marks: marks(stack, &want.name), token: "t".into(), naming }
}

impl World {
    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    async fn all(&self) -> Vec<Live<Folder>> {
        Folder::fetch(&self.cx.fresh()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn make(&self, want: &Folder) -> String {
        assert_eq!(want.check(), []);
        let made = Folder::create(&self.cx, &new("estate", want)).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(made.attributes["path"], format!("{}/data", made.id));
        made.id
    }

    async fn update(&self, id: &str, have: &Folder, want: &Folder) -> Result<()> {
        let change = Change {
            address: Address::parse("tenant/a.folder").unwrap(),
            id: id.into(),
            attributes: BTreeMap::new(),
            have: have.clone(),
            want: want.clone(),
            fields: BTreeSet::new(),
            marks: marks("estate", &want.name),
            token: "t".into(),
        };
        Folder::update(&self.cx, &change).await
    }

    async fn drop(&self, id: &str) -> Result<()> {
        let address = Address::parse("tenant/a.folder").unwrap();
        Folder::delete(&self.cx, &Gone { address, id: id.into(), attributes: BTreeMap::new(), have: folder("a") }).await
    }
}

#[tokio::test]
async fn a_folder_is_made_read_changed_and_dropped() {
    let world = world();
    let want = folder("a");
    let id = world.make(&want).await;
    let data = fs::metadata(world.at("a/data")).unwrap();
    assert_eq!((data.uid(), data.gid(), data.mode() & 0o7777), (1001, 0, 0o770));
    let live = world.all().await;
    assert_eq!((live.len(), &live[0].id, &live[0].shape), (1, &id, &want));
    assert_eq!(live[0].marks, marks("estate", "a"));
    // The same attempt again, as after an answer that was lost.
    assert_eq!(world.make(&want).await, id);

    let mut other = want.clone();
    (other.uid, other.gid, other.mode) = (2000, 2001, serde_json::from_value(json!("0750")).unwrap());
    for _ in 0..2 {
        world.update(&id, &want, &other).await.unwrap();
        assert_eq!(world.all().await[0].shape, other);
    }
    let retiring = Marks { retiring: true, ..marks("estate", "a") };
    Folder::mark(&world.cx, &id, &retiring).await.unwrap();
    assert_eq!(world.all().await[0].marks, retiring);

    fs::create_dir_all(world.at("a/data/deep/er")).unwrap();
    fs::write(world.at("a/data/deep/er/file"), "x").unwrap();
    for _ in 0..2 {
        world.drop(&id).await.unwrap();
    }
    assert!(world.all().await.is_empty());
    assert_eq!(fs::read_dir(world.root.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn what_somebody_did_to_the_data_by_hand_shows_and_is_mended() {
    let world = world();
    let want = folder("a");
    let id = world.make(&want).await;
    fs::set_permissions(world.at("a/data"), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(serde_json::to_value(&world.all().await[0].shape.mode).unwrap(), json!("0777"));
    fs::remove_dir(world.at("a/data")).unwrap();
    let have = world.all().await.remove(0).shape;
    assert_eq!(serde_json::to_value(&have.mode).unwrap(), json!("none"));
    world.update(&id, &have, &want).await.unwrap();
    assert_eq!(world.all().await[0].shape, want);
}

#[tokio::test]
async fn what_is_not_ours_is_noted_and_never_touched() {
    let world = world();
    fs::create_dir_all(world.at("theirs/data")).unwrap();
    fs::write(world.at("theirs/data/kept"), "x").unwrap();
    fs::write(world.at("file"), "x").unwrap();
    fs::create_dir(world.at(".hidden")).unwrap();
    symlink(world.at("theirs"), world.at("link")).unwrap();
    fs::create_dir(world.at("broken")).unwrap();
    fs::write(world.at("broken/.reeve"), "{").unwrap();
    let stats = Stats::default();
    let others = plane(world.root.path(), "other", &stats);
    Folder::create(&others, &new("other", &folder("others"))).await.unwrap();

    let pass = world.cx.fresh();
    assert!(Folder::fetch(&pass).await.unwrap().is_empty());
    let strangers: Vec<_> = pass.ours.strangers().into_iter().map(|one| (one.name, one.whose)).collect();
    let nobodys = |name: &str| (name.to_owned(), Whose::Nobody);
    let expected =
        [nobodys("broken"), nobodys("file"), nobodys("link"), ("others".into(), Whose::Stack("other".into())), nobodys("theirs")];
    assert_eq!(strangers, expected);

    for name in ["theirs", "file", "link", "others", "broken"] {
        let want = folder(name);
        assert_eq!(Folder::name_of(&new("estate", &want)).as_deref(), Some(name), "so that the plan refuses it");
        let refused = Folder::create(&world.cx, &new("estate", &want)).await.unwrap_err();
        assert_eq!(refused.class, Class::AlreadyExists, "{refused}");
    }
    let theirs = world.at("others").to_string_lossy().into_owned();
    let refused = world.drop(&theirs).await.unwrap_err();
    assert!(refused.to_string().contains("bears another mark"), "{refused}");
    world.drop(&world.at("theirs").to_string_lossy()).await.unwrap();
    assert!(world.at("theirs/data/kept").exists() && world.at("others/data").exists());
}

#[tokio::test]
async fn dropping_follows_no_link_and_leaves_what_others_put_beside_the_data() {
    let world = world();
    let id = world.make(&folder("a")).await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "x").unwrap();
    symlink(outside.path(), world.at("a/data/out")).unwrap();
    fs::write(world.at("a/notes"), "x").unwrap();
    let refused = world.drop(&id).await.unwrap_err();
    assert!(refused.to_string().contains("a/notes was put there by somebody else"), "{refused}");
    assert!(world.at("a/data/out").symlink_metadata().is_ok(), "nothing went before it was refused");
    fs::remove_file(world.at("a/notes")).unwrap();
    world.drop(&id).await.unwrap();
    assert!(outside.path().join("kept").exists() && !world.at("a").exists());

    // The data itself a link: it goes, what it points at stays.
    let id = world.make(&folder("a")).await;
    fs::remove_dir(world.at("a/data")).unwrap();
    symlink(outside.path(), world.at("a/data")).unwrap();
    assert!(world.update(&id, &folder("a"), &folder("a")).await.is_err(), "nobody else's folder is given away");
    world.drop(&id).await.unwrap();
    assert!(outside.path().join("kept").exists() && !world.at("a").exists());
}

#[tokio::test]
async fn what_was_interrupted_is_finished_by_the_next_try() {
    let world = world();
    // Killed while it was made: under a hidden name.
    fs::create_dir_all(world.at(".new-a/data")).unwrap();
    assert!(world.all().await.is_empty());
    let id = world.make(&folder("a")).await;
    assert!(!world.at(".new-a").exists());
    // Killed while it was dropped: the data is half gone, the mark is there.
    fs::remove_dir(world.at("a/data")).unwrap();
    assert_eq!(world.all().await.len(), 1, "so that the next plan drops it");
    world.drop(&id).await.unwrap();
    // Killed at the very end: what is left is under a hidden name, and in nobody's way.
    fs::create_dir(world.at(".gone-a")).unwrap();
    assert!(world.all().await.is_empty());
    let id = world.make(&folder("a")).await;
    // Killed while a mark was written.
    fs::write(world.at("a/.reeve.new"), "{\"ma").unwrap();
    assert_eq!(world.all().await[0].marks, marks("estate", "a"));
    Folder::mark(&world.cx, &id, &marks("estate", "a")).await.unwrap();
    world.drop(&id).await.unwrap();
    assert_eq!(fs::read_dir(world.root.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_root_that_is_away_is_unreadable_and_not_empty() {
    let world = world();
    let id = world.make(&folder("a")).await;
    let away = Files { root: Arc::new(world.at("nowhere")), ..world.cx.clone() };
    let error = Folder::fetch(&away).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable, "{error}");
    assert!(error.to_string().contains("is not there: reeve runbook files-away"), "{error}");
    let bare = Files { mounted: true, ..world.cx.clone() };
    let error = Folder::fetch(&bare).await.unwrap_err();
    assert!(error.class == Class::Unreachable && error.to_string().contains("is not mounted"), "{error}");
    let refused = Folder::create(&bare, &new("estate", &folder("b"))).await.unwrap_err();
    assert!(refused.class == Class::Unreachable && !world.at("b").exists(), "nothing is made on the host's own disk: {refused}");
    for outside in ["/etc", &format!("{id}/.."), &format!("{id}/data"), &world.at(".reeve").to_string_lossy()] {
        assert!(world.drop(outside).await.unwrap_err().to_string().contains("is no folder right under"), "{outside}");
    }
}

#[tokio::test]
async fn an_adopted_folder_keeps_what_is_in_it_and_says_whose_it_is() {
    let world = world();
    fs::create_dir_all(world.at("a/data")).unwrap();
    fs::write(world.at("a/data/kept"), "x").unwrap();
    let id = world.at("a").to_string_lossy().into_owned();
    assert_eq!(format!("{:?}", world.cx.owner(&id).await.unwrap()), "No");
    Folder::mark(&world.cx, &id, &marks("estate", "a")).await.unwrap();
    assert_eq!(format!("{:?}", world.cx.owner(&id).await.unwrap()), "By(\"estate\")");
    assert_eq!(world.all().await.len(), 1);
    assert!(world.at("a/data/kept").exists());
}

#[tokio::test]
async fn reading_all_tenants_is_one_listing() {
    let world = world();
    for tenant in 0..50 {
        world.make(&folder(&format!("t{tenant}"))).await;
    }
    let before = world.stats.calls();
    assert_eq!(world.all().await.len(), 50);
    let after = world.stats.calls();
    let sum = |calls: &BTreeMap<String, u64>| calls.iter().filter(|(name, _)| name.starts_with("files.")).map(|(_, n)| n).sum::<u64>();
    assert_eq!(sum(&after) - sum(&before), 1, "{after:?}");
}

#[test]
fn a_name_that_leads_elsewhere_and_a_mode_for_everybody_are_refused() {
    for name in ["", "..", ".", "a/b", "../a", ".a", "A", "a b", "-a", &"a".repeat(64)] {
        assert_eq!(folder(name).check().len(), 1, "{name}");
    }
    for (mode, right) in [("0770", true), ("0700", true), ("770", false), ("0777", false), ("0070", false), ("none", false), ("2770", true)]
    {
        let want: Folder = serde_json::from_value(json!({ "name": "a", "mode": mode })).unwrap();
        assert_eq!(want.check().is_empty(), right, "{mode}");
    }
}

/// On EFS an access point makes everything one user's, and refuses to give it to another. Root without the right to do so stands in for it.
#[tokio::test]
async fn where_the_file_system_decides_on_owners_what_was_asked_for_counts_as_given() {
    let world = world();
    let out = std::process::Command::new("setpriv")
        .args(["--bounding-set", "-chown", "--inh-caps", "-chown"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "without_the_right_to_give_away", "--ignored"])
        .env("FOLDERS", world.root.path())
        .output()
        .expect("setpriv runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    let data = fs::metadata(world.at("a/data")).unwrap();
    assert_eq!((data.uid(), data.gid(), data.mode() & 0o7777), (0, 0, 0o750));
    assert_eq!(world.all().await[0].shape.uid, 2000);
    std::os::unix::fs::chown(world.at("a/data"), Some(5), Some(6)).unwrap();
    let live = world.all().await.remove(0).shape;
    assert_eq!((live.uid, live.gid), (5, 6), "neither what was asked for nor what the file system decided on");
}

#[tokio::test]
#[ignore = "the test above runs it, as a process that may give no file away"]
async fn without_the_right_to_give_away() {
    let world = world();
    let cx = plane(Path::new(&std::env::var("FOLDERS").unwrap()), "estate", &world.stats);
    let world = World { cx, ..world };
    let mut want = folder("a");
    let id = world.make(&want).await;
    assert_eq!(world.all().await[0].shape, want);
    let have = want.clone();
    (want.uid, want.mode) = (2000, serde_json::from_value(json!("0750")).unwrap());
    world.update(&id, &have, &want).await.unwrap();
    assert_eq!(world.all().await[0].shape, want);
}
