//! Work that ends before its time: the lease is lost, somebody asks to stop, nothing moves. What was there before is there afterwards, or it is said where.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reeve::planes::aws::gate::{Gate, May};
use reeve::planes::{Class, Planes};
use reeve::tenant::backup::backup;
use reeve::tenant::progress::Progress;
use reeve::tenant::restore::{Checked, finished, restore, was_cut_off};
use reeve::tenant::stage::silence;

use crate::ground::{CLINIC, Ground, server};
use crate::tampered::{add, forged};

fn gated(ground: &Ground, may: impl Fn() -> May + Send + Sync + 'static) -> Planes {
    ground.planes.gated(ground.planes.aws.clone(), &Gate::new(may))
}

/// An archive of `a` whose SQL takes a minute.
async fn slow(ground: &Ground, stack: &str) -> Checked {
    use sha2::{Digest, Sha256};
    let sql = "CREATE TABLE half (a INT);\nDO SLEEP(60);\n";
    let hash: String = Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = format!(
        r#"{{"format_version":1,"reeve":"0","made_at":"2026-11-30T00:00:00Z","stack":"{stack}","tenant":"a","database":{{"schema":"s","charset":"utf8mb4",
        "collation":"utf8mb4_bin","engine":"x","tables":{{"half":0}},"pieces":1,"bytes":{},"sha256":"{hash}"}},"files":[]}}"#,
        sql.len()
    );
    let path = forged(ground, "slow", |tar| {
        add(tar, "database/00000001.sql", tar::EntryType::Regular, sql.as_bytes(), "");
        add(tar, "manifest.json", tar::EntryType::Regular, manifest.as_bytes(), "");
    });
    ground.check(&path).await.expect("whole")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_a_restore_asks_for_the_lease() {
    let ground = Ground::new("lease").await;
    let (a, _) = (ground.tenant("a").await, ground.tenant("b").await);
    a.sql(CLINIC);
    fs::write(ground.data("a").join("new"), "new").expect("a file");
    let made = ground.backup("a").await;
    let archive = ground.check(&made.path).await.expect("whole");
    let place = ground.place("b").await;
    let (data, tried) = (ground.data("b"), |shut_at: usize| {
        let asked = AtomicUsize::new(0);
        let planes = gated(&ground, move || match asked.fetch_add(1, Ordering::SeqCst) {
            count if count < shut_at => May::Send,
            _ => May::Never("another has it".to_owned()),
        });
        let (place, archive) = (&place, &archive);
        async move { restore(&planes, place, archive, None, &Progress::default()).await }
    });
    fs::write(data.join("old"), "old").expect("a file");
    assert!(!was_cut_off(&ground.planes, "b").await.expect("an answer"));
    let (mut shut_at, begun) = (0, Instant::now());
    while let Err(error) = tried(shut_at).await {
        // The session of the program that the last try ended is over in a moment: until then the tenant counts as in use, and nothing is touched.
        if error.class == Class::InUse && begun.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        assert_eq!(error.class, Class::LeaseLost, "{shut_at}: {error}");
        if error.message.contains("all of it is restored") {
            break;
        }
        assert!(data.join("old").exists() && !data.join("new").exists(), "{shut_at}: {error}");
        shut_at += 1;
        assert!(shut_at < 100, "{error}");
    }
    // Drop, make, the folder beside, the program, the piece, the file, the change of places.
    assert!(shut_at >= 7, "{shut_at}");
    assert!(data.join("new").exists() && !data.join("old").exists());
    // Until it is said that all of it is done, nobody wakes it.
    assert!(was_cut_off(&ground.planes, "b").await.expect("an answer"));
    assert!(!was_cut_off(&ground.planes, "a").await.expect("an answer"), "it is another tenant");
    finished(&ground.planes, &place).await.expect("written down");
    assert!(!was_cut_off(&ground.planes, "b").await.expect("an answer"));

    let planes = gated(&ground, || May::Never("another has it".to_owned()));
    let error = silence(&planes, &ground.place("a").await, &Progress::default()).await.expect_err("refused");
    assert_eq!(error.class, Class::LeaseLost, "{error}");
    assert_eq!(a.sql("SELECT property_value FROM global_property WHERE property = 'mail.smtp_host'"), "smtp.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_when_the_lease_does() {
    let ground = Ground::new("ends").await;
    ground.tenant("a").await;
    let archive = slow(&ground, "ends").await;
    let lost = Arc::new(AtomicBool::new(false));
    let planes = gated(&ground, {
        let lost = lost.clone();
        move || if lost.load(Ordering::SeqCst) { May::Never("another has it".to_owned()) } else { May::Send }
    });
    let began = Instant::now();
    let place = ground.place("a").await;
    let progress = Progress::default();
    let (error, ()) = tokio::join!(restore(&planes, &place, &archive, None, &progress), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lost.store(true, Ordering::SeqCst);
    });
    assert_eq!(error.expect_err("ended").class, Class::LeaseLost);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_stopped_puts_back_what_was_there_and_then_names_it() {
    let ground = Ground::new("stopped").await;
    let a = ground.tenant("a").await;
    a.sql("CREATE TABLE own (a INT); INSERT INTO own VALUES (5)");
    fs::write(ground.data("a").join("own"), "own").expect("a file");
    let made = ground.backup("a").await;
    let (before, archive) = (ground.check(&made.path).await.expect("whole"), slow(&ground, "stopped").await);
    let (place, progress) = (ground.place("a").await, Progress::default());
    let (error, ()) = tokio::join!(restore(&ground.planes, &place, &archive, Some(&before), &progress), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(progress.stop(), 1);
    });
    let error = error.expect_err("stopped").to_string();
    assert!(error.contains("stopped, as it was asked to") && error.contains("what was there before is there again"), "{error}");
    assert_eq!(a.sql("SHOW TABLES; SELECT a FROM own"), "own\n5");
    assert_eq!(fs::read_to_string(ground.data("a").join("own")).expect("a file"), "own");
    assert!(!ground.root.path().join("a/data.restoring").exists());

    // Asked twice, before the old is back: slow again, and the old one too. What the killed program had begun ends first.
    server().by_hand(&format!("KILL USER '{}'@'%'", a.user));
    let progress = Progress::default();
    let slow_before = Checked { path: archive.path.clone(), ..archive.clone() };
    let (error, ()) = tokio::join!(restore(&ground.planes, &place, &archive, Some(&slow_before), &progress), async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            progress.stop();
        }
    });
    let error = error.expect_err("stopped").to_string();
    assert!(error.contains("is NOT there again (stopped") && error.contains(&archive.path.display().to_string()), "{error}");
}

/// A backup of a tenant whose table somebody has locked.
async fn locked_out(ground: &Ground, progress: &Progress) -> (Duration, String) {
    let a = ground.tenant("a").await;
    a.sql("CREATE TABLE t (a INT)");
    let locks = format!("USE `{}`; LOCK TABLES t WRITE; DO SLEEP(20)", a.schema);
    let locker = std::thread::spawn(move || server().by_hand(&locks));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let path: PathBuf = ground.archives.path().join("none");
    let (place, to, began) = (ground.place("a").await, vec![ground.identity.to_public()], Instant::now());
    let error = backup(&ground.planes, &place, &path, to, Timestamp::now(), progress).await.expect_err("ended");
    let took = began.elapsed();
    assert_eq!(fs::read_dir(ground.archives.path()).expect("a folder").count(), 0, "nothing is left of it");
    locker.join().expect("it ends");
    (took, error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_in_which_nothing_moves_is_ended() {
    let (took, error) = locked_out(&Ground::new("silent").await, &Progress::patient(Duration::from_secs(2))).await;
    assert!(error.contains("nothing moved for") && took < Duration::from_secs(10), "{took:?} {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_stopped_leaves_nothing() {
    let ground = Ground::new("given-up").await;
    let progress = Progress::default();
    let ((took, error), ()) = tokio::join!(locked_out(&ground, &progress), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        progress.stop();
    });
    assert!(error.contains("stopped, as it was asked to") && took < Duration::from_secs(10), "{took:?} {error}");
}
