//! What a drill asks AWS for, what it leaves, and what it says when AWS does not do it. There is no way to the databases here.

use std::process::Stdio;

use aws_credential_types::Credentials;
use reeve::drill::{Progress, Source, TAG};
use reeve::model::drill::{Drill, Outcome, Part};
use reeve::model::plan::Scope;
use reeve::planes::aws::connect::Options;
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::planes::{Aws, Class};
use reeve::record::{Lock, RecordError};
use reeve::session::{Drilled, Error, Session};
use tokio::process::Command;

use crate::support::{Estate, Ground};

/// What a drill reads, applied.
pub(crate) async fn applied() -> (Ground, Estate) {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    let needed = ["database.server", "files.file_system", "backup.vault", "backup.role"].map(str::to_owned).into();
    let plan = estate.plan_with(Scope { target: needed, ..Scope::default() }, false).await;
    estate.apply_plan(&plan).await;
    (ground, estate)
}

/// The file system is backed up into the stack's vault.
pub(crate) async fn backed_up(estate: &Estate) {
    let (vault, files) = (estate.object("backup.vault").await, estate.object("files.file_system").await);
    let role = estate.object("backup.role").await.attributes["arn"].clone();
    let call = estate.session.connection.aws.backup.start_backup_job().backup_vault_name(&vault.id);
    call.resource_arn(&files.attributes["arn"]).iam_role_arn(role).send().await.unwrap();
}

/// The same session, to whose calls this happens.
pub(crate) async fn faulty(ground: &Ground, estate: &Estate, rule: Rule) -> Session {
    with_faults(ground, estate, &Faults::new(0).with(rule)).await
}

pub(crate) async fn with_faults(ground: &Ground, estate: &Estate, faults: &Faults) -> Session {
    let options = Options {
        endpoint: ground.endpoint().map(str::to_owned),
        credentials: Some(Credentials::new("test", "test", None, None, "tests")),
        faults: Some(faults.clone()),
        ..Options::default()
    };
    Session::open(estate.session.stack.clone(), options).await.unwrap()
}

pub(crate) fn denied() -> Fault {
    Fault::Refuse { status: 403, code: "AccessDenied".into() }
}

/// A drill that nobody tells to stop.
pub(crate) async fn drill(session: &Session, part: Part) -> Result<Drill, Error> {
    match drill_until(session, part, async || std::future::pending().await).await? {
        Drilled::Done { drill, unwritten: None } => Ok(drill),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn drill_until(session: &Session, part: Part, asked: impl AsyncFnMut()) -> Result<Drilled, Error> {
    let sources = Source::find(&session.planes().aws, part).await?;
    let held = session.hold_drill("test").await?;
    let drilled = session.drill(&held, &sources, "test", &Progress::new(String::new()), asked).await;
    held.release().await?;
    drilled
}

/// The names of the servers that stand, and of the file systems.
pub(crate) async fn standing(aws: &Aws) -> (Vec<String>, Vec<String>) {
    let servers = aws.rds.describe_db_instances().send().await.unwrap();
    let servers = servers.db_instances().iter().filter(|one| one.db_instance_status() != Some("deleting"));
    let files = aws.efs.describe_file_systems().send().await.unwrap();
    let servers = servers.filter_map(|one| one.db_instance_identifier.clone()).collect();
    (servers, files.file_systems().iter().map(|one| one.creation_token.clone()).collect())
}

#[tokio::test]
async fn without_a_way_to_the_database_its_drill_is_incomplete_and_that_of_the_files_says_what_it_did_not_see() {
    let (_ground, estate) = applied().await;
    backed_up(&estate).await;
    let (session, aws) = (&estate.session, &estate.session.connection.aws);
    let before = standing(aws).await;
    let database = drill(session, Part::Database).await.unwrap();
    assert_eq!(database.outcome, Outcome::Incomplete, "{database:#?}");
    assert!(database.unseen[0].contains("this is no host of the fleet"), "{database:#?}");
    assert!(database.seconds >= 3 && database.data_age_seconds < 60, "{database:#?}");
    let files = drill(session, Part::Files).await.unwrap();
    assert_eq!((files.outcome, files.wrong.as_slice()), (Outcome::Whole, [].as_slice()), "{files:#?}");
    assert!(files.copy.starts_with("fs-") && files.found[0].contains("6 KiB of 6 KiB in the backup"), "{files:#?}");
    assert!(files.unseen[0].contains("it was not mounted"), "{files:#?}");
    assert_eq!(standing(aws).await, before, "nothing is left");
    let backups = aws.rds.describe_db_instance_automated_backups().send().await.unwrap();
    assert_eq!(backups.db_instance_automated_backups(), [], "nor is a backup of the copy");

    for (part, one, whole) in [(Part::Database, database, false), (Part::Files, files, true)] {
        let last = session.record().last_restore_drill(part).await.unwrap();
        assert_eq!((last.last.as_ref(), last.whole.is_some()), (Some(&one), whole));
    }
    let verified = session.record().verify().await.unwrap();
    assert_eq!(verified.problems, vec![]);
    let steps: Vec<bool> = verified.runs.iter().rev().take(4).rev().map(|run| run.end.as_ref().unwrap().tally.failed == 0).collect();
    assert_eq!(steps, [true, false, true, true], "two runs each: it begins, and what it showed");
}

#[tokio::test]
async fn a_copy_is_no_part_of_the_estate_and_one_that_is_told_to_stop_deletes_it() {
    let (_ground, estate) = applied().await;
    backed_up(&estate).await;
    let aws = &estate.session.connection.aws;
    for part in Part::ALL {
        let before = standing(aws).await;
        let looked = async || {
            // While it stands.
            loop {
                let (servers, files) = standing(aws).await;
                if (servers.len() + files.len()) > before.0.len() + before.1.len() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            let plan = estate.plan().await;
            assert!(plan.leftovers.is_empty() && plan.refusals.is_empty(), "{plan:#?}");
            assert!(!plan.seen.values().any(|seen| seen.id.contains("-drill-")), "it is not taken for ours");
        };
        let mut asked = 0;
        let drilled = drill_until(&estate.session, part, async || {
            asked += 1;
            match asked {
                1 => looked().await,
                _ => std::future::pending().await,
            }
        });
        assert!(matches!(drilled.await.unwrap(), Drilled::Interrupted { left: None }), "{part}");
        assert_eq!(standing(aws).await, before, "{part}");
        let last = estate.session.record().last_restore_drill(part).await.unwrap();
        assert_eq!(last.last, None, "one that was cut off is none");
    }
}

#[tokio::test]
async fn what_a_drill_left_is_deleted_by_the_next_and_nothing_else_is() {
    let (ground, estate) = applied().await;
    backed_up(&estate).await;
    let aws = &estate.session.connection.aws;
    // Like a copy, and each lacks one thing.
    let tag = |key: &str, value: &str| aws_sdk_rds::types::Tag::builder().key(key).value(value).build();
    let strangers = [
        ("hostedehr-drill-20260101-000000", vec![tag(TAG, "other")]),
        ("hostedehr-drill-20260101-000001", vec![]),
        ("hostedehr-drilled", vec![tag(TAG, "hostedehr")]),
        ("hostedehr-drill-20260101-000002", vec![tag(TAG, "hostedehr"), tag("reeve:stack", "third")]),
    ];
    for (name, tags) in strangers {
        let call =
            aws.rds.create_db_instance().db_instance_identifier(name).engine("mariadb").engine_version("10.11").allocated_storage(20);
        call.db_instance_class("db.r6g.large").master_username("a").set_tags(Some(tags)).send().await.unwrap();
    }
    for token in ["hostedehr-drill-2026", "other-drill-20260101-000000"] {
        aws.efs.create_file_system().creation_token(token).send().await.unwrap();
    }
    let before = standing(aws).await;
    for (part, call) in [(Part::Database, "rds.DeleteDBInstance"), (Part::Files, "efs.DeleteFileSystem")] {
        let session = faulty(&ground, &estate, Rule::new(call, denied())).await;
        let broken = drill(&session, part).await.unwrap();
        assert_eq!(broken.outcome, Outcome::Broken);
        let why = broken.wrong.last().unwrap();
        assert!(why.contains("goes on costing") && why.contains(call), "{why}");
        assert_ne!(standing(aws).await, before, "{part}: it stands");
    }
    for part in Part::ALL {
        assert_ne!(drill(&estate.session, part).await.unwrap().outcome, Outcome::Broken);
    }
    assert_eq!(standing(aws).await, before, "both are gone, and all others stand");
}

#[tokio::test]
async fn what_cannot_be_restored_is_told_and_nothing_is_made() {
    let (ground, estate) = applied().await;
    let aws = &estate.session.connection.aws;
    let before = standing(aws).await;
    let error = drill(&estate.session, Part::Files).await.unwrap_err().to_string();
    assert!(error.contains("holds no recovery point of fs-") && error.contains("reeve runbook restore-drill"), "{error}");
    backed_up(&estate).await;
    for (part, call) in [(Part::Database, "rds.RestoreDBInstanceToPointInTime"), (Part::Files, "backup.StartRestoreJob")] {
        let session = faulty(&ground, &estate, Rule::new(call, denied())).await;
        match drill(&session, part).await.unwrap_err() {
            Error::Plane(error) => assert_eq!((error.class, error.call.as_str()), (Class::Denied, call)),
            other => panic!("{other}"),
        }
        assert_eq!(standing(aws).await, before, "{part}");
        assert_eq!(estate.session.record().last_restore_drill(part).await.unwrap().last, None);
    }
    // Another goes on.
    let held = estate.session.hold_drill("test").await.unwrap();
    assert!(matches!(drill(&estate.session, Part::Files).await, Err(Error::Record(RecordError::Drilling(_)))));
    assert!(estate.session.record().holder().await.unwrap().is_none(), "whoever applies is not kept waiting");
    assert!(estate.session.record().with_lock(Lock::Drill).holder().await.unwrap().is_some());
    held.release().await.unwrap();
}

#[tokio::test]
async fn the_command_says_what_it_makes_and_makes_nothing_unasked_nor_without_aws() {
    let (ground, estate) = applied().await;
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/desired/hostedehr/stack.yaml")).unwrap();
    let text = text.replacen("record: s3", &format!("record: local:{}", estate.record.path().display()), 1);
    std::fs::write(folder.path().join("stack.yaml"), text).unwrap();
    let command = |endpoint: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        command.arg("drill").arg(folder.path()).args(more).env_clear().env("AWS_ENDPOINT_URL", endpoint);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").stdin(Stdio::null());
        command
    };
    let run = async |endpoint: &str, more: &[&str]| {
        let output = command(endpoint, more).output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let endpoint = ground.endpoint().unwrap();
    let (code, out, err) = run(endpoint, &["database"]).await;
    assert_eq!((code, out.as_str()), (Some(5), ""), "{err}");
    for said in ["restored from hostedehr-database-server", "some dollars", "will not be looked into", "nothing was made"] {
        assert!(err.contains(said), "{said}: {err}");
    }
    let (code, out, err) = run("http://127.0.0.1:1", &["--auto-approve"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("reeve runbook unreachable"), "{err}");
    let (code, out, err) = run(endpoint, &["database", "--auto-approve", "--format", "json"]).await;
    assert_eq!(code, Some(6), "{err}");
    let told: serde_json::Value = serde_json::from_str(&out).expect("only JSON");
    assert_eq!((&told["format_version"], &told["drills"][0]["outcome"]), (&1.into(), &"incomplete".into()));
    assert!(err.contains("database: hostedehr-drill-") && err.contains("creating ("), "{err}");
    // Ctrl-C while the copy is made.
    let aws = &estate.session.connection.aws;
    let before = standing(aws).await;
    let running = command(endpoint, &["database", "--auto-approve"]).stderr(Stdio::piped()).spawn().unwrap();
    while standing(aws).await == before {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let interrupt = Command::new("kill").args(["-INT", &running.id().unwrap().to_string()]).status().await.unwrap();
    assert!(interrupt.success());
    let ended = running.wait_with_output().await.unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{err}");
    assert!(err.contains("interrupted: the copy is deleted"), "{err}");
    assert_eq!(standing(aws).await, before);

    let (code, out, _) = run(endpoint, &["--last"]).await;
    assert_eq!(code, Some(0));
    assert!(out.contains("last restore drill: database 20") && out.contains("whole never; files never"), "{out}");
}
