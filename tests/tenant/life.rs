use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use reeve::planes::Class;
use reeve::tenant::archive::Sort;
use reeve::tenant::progress::Progress;
use reeve::tenant::restore::holds_data;
use reeve::tenant::stage::silence;

use crate::ground::{ASKED, CLINIC, Ground, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_whole_into_the_same_tenant_and_into_another() {
    let ground = Ground::new("whole").await;
    let (a, b) = (ground.tenant("a").await, ground.tenant("b").await);
    a.sql(CLINIC);
    a.sql("CREATE TABLE reeve_writer (id INT); CREATE TABLE reeve_writer_log (id INT)");
    let data = ground.data("a");
    fs::create_dir_all(data.join("complex_obs/deep")).expect("a folder");
    let properties = format!(
        "encryption.key=Zm9v\nconnection.username={}\nconnection.password={}\nconnection.url=jdbc\\:mysql\\://db\\:3307/{}?x\n",
        a.user, a.password, a.schema
    );
    fs::write(data.join("openmrs-runtime.properties"), &properties).expect("a file");
    fs::write(data.join("complex_obs/deep/x-ray.png"), vec![7_u8; 3 << 20]).expect("a file");
    fs::set_permissions(data.join("openmrs-runtime.properties"), fs::Permissions::from_mode(0o640)).expect("a mode");
    std::os::unix::fs::chown(data.join("openmrs-runtime.properties"), Some(1001), Some(0)).expect("an owner");
    symlink("complex_obs/deep", data.join("inside")).expect("a link");
    symlink("/etc/passwd", data.join("outside")).expect("a link");
    let before = a.sql(ASKED);

    let made = ground.backup("a").await;
    assert_eq!(fs::metadata(&made.path).expect("an archive").mode() & 0o777, 0o600);
    assert_eq!(made.manifest.left_out.len(), 1, "{:?}", made.manifest.left_out);
    assert!(made.manifest.left_out[0].starts_with("outside"));
    let tables = &made.manifest.database.as_ref().expect("a schema").tables;
    assert_eq!((tables["patient"], tables["visit"], tables.len()), (2, 3, 5));
    let bytes = fs::read(&made.path).expect("an archive");
    assert!(bytes.starts_with(b"age-encryption.org/v1"));
    assert_eq!(fs::read_dir(ground.archives.path()).expect("a folder").count(), 1, "nothing but the archive is left");

    // Into another, which is empty.
    let archive = ground.check(&made.path).await.expect("whole");
    assert!(!holds_data(&ground.planes, &ground.place("b").await).await.expect("an answer"));
    ground.restore("b", &archive, None).await.expect("restored");
    assert_eq!(b.sql(ASKED), before);
    let there = ground.data("b");
    assert_eq!(fs::read(there.join("inside/x-ray.png")).expect("a file"), vec![7_u8; 3 << 20]);
    // It has its own login in it, and none for the one that it is of; in the same tenant it stays as it is.
    let own = fs::read_to_string(there.join("openmrs-runtime.properties")).expect("a file");
    let expected = properties.replace(&a.user, &b.user).replace(&a.password, &b.password).replace(&a.schema, &b.schema);
    assert_eq!(own, expected);
    let about = fs::metadata(there.join("openmrs-runtime.properties")).expect("a file");
    assert_eq!((about.mode() & 0o7777, about.uid(), about.gid()), (0o640, 1001, 0));
    assert!(!there.join("outside").exists());
    assert!(!ground.root.path().join("b/data.before").exists() && !ground.root.path().join("b/data.restoring").exists());
    // Who made its views and routines is its own user now, not that of `a`.
    let makers = format!(
        "SELECT GROUP_CONCAT(DISTINCT DEFINER) FROM (SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{0}' UNION ALL SELECT DEFINER FROM \
         information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{0}' UNION ALL SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{0}') x",
        b.schema
    );
    assert_eq!(server().by_hand(&makers), format!("{}@%", b.user));

    // Into the same one, after a bad day.
    a.sql("DELETE FROM visit; DROP VIEW busy; CREATE TABLE junk (a INT)");
    fs::write(ground.data("a").join("junk"), "junk").expect("a file");
    assert!(holds_data(&ground.planes, &ground.place("a").await).await.expect("an answer"));
    let safety = ground.backup("a").await;
    let safety = ground.check(&safety.path).await.expect("whole");
    ground.restore("a", &archive, Some(&safety)).await.expect("restored");
    assert_eq!(a.sql(ASKED), before);
    assert!(a.tries("SELECT * FROM junk").is_err() && !ground.data("a").join("junk").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_moment_while_the_tenant_writes_and_others_go_on() {
    let ground = Ground::new("moment").await;
    let (a, b, into) = (ground.tenant("a").await, ground.tenant("b").await, ground.tenant("into").await);
    for one in [&a, &b] {
        one.sql("CREATE TABLE x (n INT) ENGINE=InnoDB; CREATE TABLE y (n INT) ENGINE=InnoDB; CREATE TABLE big (t TEXT) ENGINE=InnoDB");
    }
    a.sql("INSERT INTO big SELECT REPEAT('z', 1000) FROM information_schema.COLUMNS LIMIT 2000");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = [a, b]
        .into_iter()
        .map(|one| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut rounds = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Both or neither, whoever looks.
                    one.sql("BEGIN; INSERT INTO x VALUES (1); INSERT INTO y VALUES (1); COMMIT");
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let made = ground.backup("a").await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let rounds: Vec<i32> = writers.into_iter().map(|one| one.join().expect("it wrote")).collect();
    assert!(rounds.iter().all(|rounds| *rounds > 0), "{rounds:?}");
    let tables = &made.manifest.database.as_ref().expect("a schema").tables;
    assert_eq!(tables["x"], tables["y"]);
    ground.restore("into", &ground.check(&made.path).await.expect("whole"), None).await.expect("restored");
    assert_eq!(into.sql("SELECT COUNT(*) - (SELECT COUNT(*) FROM y) FROM x"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_brought_in_leaves_what_was_there() {
    let ground = Ground::new("back").await;
    let (a, b) = (ground.tenant("a").await, ground.tenant("b").await);
    a.sql(CLINIC);
    b.sql("CREATE TABLE own (a INT); INSERT INTO own VALUES (5)");
    fs::write(ground.data("b").join("own"), "own").expect("a file");
    let archive = ground.backup("a").await;
    let archive = ground.check(&archive.path).await.expect("whole");
    let safety = ground.backup("b").await;
    let safety = ground.check(&safety.path).await.expect("whole");
    // The tenant's user may not make functions: in the middle of the archive it comes to a halt.
    server().by_hand(&format!("REVOKE CREATE ROUTINE, ALTER ROUTINE ON `{}`.* FROM '{}'@'%'", b.schema, b.user));
    let error = ground.restore("b", &archive, Some(&safety)).await.expect_err("refused");
    assert!(error.to_string().contains("what was there before is there again"), "{error}");
    assert!(!error.to_string().contains("Canary") && !error.to_string().contains("Neil"), "{error}");
    assert_eq!(b.sql("SELECT a FROM own"), "5");
    assert_eq!(fs::read_to_string(ground.data("b").join("own")).expect("a file"), "own");
    assert!(!ground.root.path().join("b/data.restoring").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_in_use_is_not_restored() {
    let ground = Ground::new("busy").await;
    let (a, _) = (ground.tenant("a").await, ground.tenant("b").await);
    a.sql("CREATE TABLE t (a INT)");
    let archive = ground.backup("a").await;
    let archive = ground.check(&archive.path).await.expect("whole");
    let (user, password) = (a.user.clone(), a.password.clone());
    let sleeper = std::thread::spawn(move || server().as_user(&user, &password, true, "SELECT SLEEP(3)"));
    while server().by_hand(&format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{}'", a.user)) != "1" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let error = ground.restore("a", &archive, None).await.expect_err("refused");
    assert_eq!(error.class, Class::InUse, "{error}");
    assert_eq!(a.sql("SHOW TABLES"), "t");
    sleeper.join().expect("it ends").expect("it was served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staging_copy_reaches_nobody() {
    let ground = Ground::new("staging").await;
    let (a, copy) = (ground.tenant("a").await, ground.tenant("a-staging").await);
    a.sql(CLINIC);
    let archive = ground.backup("a").await;
    ground.restore("a-staging", &ground.check(&archive.path).await.expect("whole"), None).await.expect("restored");
    silence(&ground.planes, &ground.place("a-staging").await, &Progress::default()).await.expect("silenced");
    let asked = "SELECT GROUP_CONCAT(property_value ORDER BY property) FROM global_property; SELECT start_on_startup + started FROM scheduler_task_config";
    assert_eq!(copy.sql(asked), "en,,\n0");
    assert_eq!(a.sql(asked), "en,smtp.example,https://sms.example\n2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_swaps_names_while_it_is_backed_up_gets_nothing_of_others() {
    let ground = Ground::new("swap").await;
    let (a, _) = (ground.tenant("a").await, ground.tenant("b").await);
    a.sql("CREATE TABLE t (a INT)");
    fs::create_dir(ground.data("b").join("inner")).expect("a folder");
    fs::write(ground.data("b").join("inner/secret"), "another's").expect("a file");
    let (data, others) = (ground.data("a"), ground.data("b"));
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapper = std::thread::spawn({
        let (stop, data) = (stop.clone(), data.clone());
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::create_dir(data.join("folder")).expect("a folder");
                fs::write(data.join("file"), "own").expect("a file");
                std::thread::yield_now();
                fs::remove_dir(data.join("folder")).expect("gone");
                fs::remove_file(data.join("file")).expect("gone");
                symlink(others.join("inner"), data.join("folder")).expect("a link");
                symlink(others.join("inner/secret"), data.join("file")).expect("a link");
                std::thread::yield_now();
                fs::remove_file(data.join("folder")).expect("gone");
                fs::remove_file(data.join("file")).expect("gone");
            }
        }
    });
    let (mut seen, mut rounds, begun) = (0, 0, std::time::Instant::now());
    // Whether the names are there when it is looked is chance; often enough, and they are.
    while rounds < 10 || seen == 0 && begun.elapsed().as_secs() < 60 {
        rounds += 1;
        let made = ground.backup("a").await;
        let files = made.manifest.files.expect("a folder");
        assert!(files.iter().all(|one| ["folder", "file"].contains(&one.path.as_str())), "{files:?}");
        let sizes = files.iter().filter_map(|one| if let Sort::File { size, .. } = one.sort { Some(size) } else { None });
        assert!(sizes.into_iter().all(|size| size <= 3), "{files:?}");
        seen += files.len();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    swapper.join().expect("it swapped");
    assert!(seen > 0, "some of it was there at some time");
}
