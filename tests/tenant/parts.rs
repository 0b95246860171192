//! A part that the tenant has and that is not found is an error, never "it has none".

use std::fs;

use reeve::model::Access;
use reeve::planes::aws::stats::Stats;
use reeve::planes::facts::Facts;
use reeve::planes::{Class, Planes};
use reeve::tenant::newest::{Newest, newest};
use reeve::tenant::place::{Parts, Place};

use crate::ground::{Ground, server};

const BOTH: Parts = Parts { database: true, files: true };

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_away_are_not_taken_for_none() {
    let ground = Ground::new("away").await;
    ground.tenant("a").await.sql("CREATE TABLE t (a INT)");
    ground.place("a").await.must_have(BOTH).expect("all of it");

    // Nothing is mounted where a mount has to be.
    let facts = Facts { files: Some(ground.root.path().to_owned()), files_mounted: true, ..server().facts() };
    let planes = Planes::new(ground.planes.aws.clone(), &Access::default(), Some(&facts), &Stats::default());
    let error = Place::find(&planes, "a").await.expect_err("not mounted");
    assert!(error.class == Class::Unreachable && error.message.contains("is not mounted"), "{error}");

    // The mark of another.
    let mark = ground.root.path().join("a/.reeve");
    let own = fs::read_to_string(&mark).expect("a mark");
    fs::write(&mark, own.replace("tenant/a.folder", "tenant/b.folder")).expect("written");
    let error = Place::find(&ground.planes, "a").await.expect_err("another's");
    assert!(error.message.contains("bears another mark"), "{error}");

    // No mark, and no data.
    fs::remove_file(&mark).expect("gone");
    let error = ground.place("a").await.must_have(BOTH).expect_err("no mark");
    assert!(error.class == Class::NotFound && error.message.contains("the folder of a is not found"), "{error}");
    fs::write(&mark, own).expect("written");
    fs::remove_dir(ground.data("a")).expect("gone");
    ground.place("a").await.must_have(BOTH).expect_err("no data");
    ground.place("a").await.must_have(Parts { files: false, ..BOTH }).expect("it has none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_lost_its_mark_is_neither_overlooked_nor_dropped() {
    let ground = Ground::new("lost").await;
    let a = ground.tenant("a").await;
    a.sql("CREATE TABLE t (a INT)");
    let made = ground.backup("a").await;
    let archive = ground.check(&made.path).await.expect("whole");
    let place = ground.place("a").await;
    server().by_hand(&format!("DELETE FROM reeve.marks WHERE kind = 'schema' AND id = '{}'", a.schema));
    let error = ground.place("a").await.must_have(BOTH).expect_err("no mark");
    assert!(error.message.contains("the schema of a is not found"), "{error}");
    let restored = reeve::tenant::restore::restore(&ground.planes, &place, &archive, None, &Default::default()).await;
    assert!(restored.expect_err("refused").message.contains("bears no mark of ours"));
    assert_eq!(a.sql("SHOW TABLES"), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_write_is_known_from_the_wrappers_log_and_from_the_tables() {
    let ground = Ground::new("newest").await;
    let a = ground.tenant("a").await;
    let now = || async { newest(&ground.planes, &ground.place("a").await).await.expect("an answer") };
    assert_eq!(now().await, Newest::Never);
    a.sql(
        "CREATE TABLE reeve_writer_log (epoch INT, taken_at DATETIME(6) NOT NULL, app_started_at DATETIME(6) NULL, ended_at DATETIME(6) NULL, \
         lost_at DATETIME(6) NULL)",
    );
    assert_eq!(now().await, Newest::Never);
    a.sql("INSERT INTO reeve_writer_log VALUES (1, '2020-01-01 01:00:00.5', '2020-01-01 02:00:00', '2020-01-03 00:00:00.9', NULL)");
    assert_eq!(now().await, Newest::At("2020-01-03T00:00:00Z".parse().expect("a time")));
    // One that never began to work wrote nothing.
    a.sql("INSERT INTO reeve_writer_log VALUES (2, '2020-01-02 00:00:00', NULL, NULL, NULL)");
    assert_eq!(now().await, Newest::At("2020-01-03T00:00:00Z".parse().expect("a time")));
    a.sql("INSERT INTO reeve_writer_log VALUES (3, '2020-01-04 00:00:00', '2020-01-04 00:00:01', NULL, NULL)");
    assert_eq!(now().await, Newest::Open);
    a.sql("UPDATE reeve_writer_log SET lost_at = '2020-01-05 00:00:00' WHERE epoch = 3");
    assert_eq!(now().await, Newest::At("2020-01-05T00:00:00Z".parse().expect("a time")));
    // A table of the tenant's own, made just now.
    let before = jiff::Timestamp::now().as_second() - 2;
    a.sql("CREATE TABLE t (a INT)");
    let Newest::At(time) = now().await else { panic!("a table is there") };
    assert!((before..before + 60).contains(&time.as_second()), "{time}");
}
