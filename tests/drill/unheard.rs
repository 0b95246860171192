//! Copies that a drill does not see: nobody heard that they were made, they are not listed yet, they were left by another. None stays.

use std::time::Duration;

use reeve::model::drill::{Outcome, Part};
use reeve::planes::Class;
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::session::{Drilled, Error};

use crate::aws::{applied, backed_up, denied, drill, drill_until, faulty, standing, with_faults};

const CALLS: [(Part, &str); 2] = [(Part::Database, "rds.RestoreDBInstanceToPointInTime"), (Part::Files, "backup.StartRestoreJob")];

/// The call that tells of copies, what deletes one, and the words for what is not there and what is busy.
fn words(part: Part) -> (&'static str, &'static str, &'static str, &'static str) {
    match part {
        Part::Database => ("rds.DescribeDBInstances", "rds.DeleteDBInstance", "DBInstanceNotFound", "InvalidDBInstanceState"),
        Part::Files => ("efs.DescribeFileSystems", "efs.DeleteFileSystem", "FileSystemNotFound", "FileSystemInUse"),
    }
}

fn refuse(status: u16, code: &str) -> Fault {
    Fault::Refuse { status, code: code.to_owned() }
}

#[tokio::test]
async fn a_copy_that_nobody_heard_of_does_not_stay() {
    let (ground, estate) = applied().await;
    backed_up(&estate).await;
    let aws = &estate.session.connection.aws;
    let before = standing(aws).await;
    for (part, call) in CALLS {
        // One answer is lost: AWS knows a repeat of the files' by its token; the database's is asked for once and looked for.
        let faults = Faults::new(0).with(Rule::new(call, Fault::LostReply).times(1));
        let drilled = drill(&with_faults(&ground, &estate, &faults).await, part).await;
        let sent = faults.changes().iter().filter(|change| *change == call).count();
        match (part, drilled) {
            (Part::Database, Err(Error::Plane(error))) => assert_eq!((error.class, sent), (Class::Ambiguous, 1), "{error}"),
            (Part::Files, Ok(drill)) => assert_eq!((drill.outcome, sent), (Outcome::Whole, 2)),
            (_, other) => panic!("{other:?}"),
        }
        assert_eq!((standing(aws).await, faults.struck()), (before.clone(), vec![1]), "{part}");
        // All are.
        let session = faulty(&ground, &estate, Rule::new(call, Fault::LostReply)).await;
        assert!(matches!(drill(&session, part).await, Err(Error::Plane(error)) if error.class == Class::Ambiguous), "{part}");
        assert_eq!(standing(aws).await, before, "{part}");

        // It was made, and the journal cannot be written any more.
        let session = faulty(&ground, &estate, Rule::new(call, Fault::Delay(Duration::from_secs(3)))).await;
        let (journal, away) = (estate.record.path().join("journal"), estate.record.path().join("away"));
        let begun = || {
            let runs = std::fs::read_dir(&journal).unwrap().map(|run| run.unwrap().path());
            let newest = runs.max().unwrap();
            let entries = std::fs::read_dir(newest).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
            let entries: Vec<String> = entries.collect();
            entries.iter().any(|entry| entry.contains("drill begin")) && !entries.iter().any(|entry| entry.contains("\"result\""))
        };
        let broken = async {
            while !begun() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            std::fs::rename(&journal, &away).unwrap();
            std::fs::write(&journal, "no folder").unwrap();
        };
        let (drilled, ()) = tokio::join!(drill(&session, part), broken);
        assert!(matches!(drilled, Err(Error::Record(_))), "{part}: {drilled:?}");
        assert_eq!(standing(aws).await, before, "{part}");
        std::fs::remove_file(&journal).unwrap();
        std::fs::rename(&away, &journal).unwrap();
    }
}

#[tokio::test]
async fn a_copy_that_is_not_listed_yet_is_waited_for_and_named_when_nobody_may_wait() {
    let (ground, estate) = applied().await;
    backed_up(&estate).await;
    let aws = &estate.session.connection.aws;
    let before = standing(aws).await;
    for part in Part::ALL {
        // The source and what drills left are listed; the copy is not at first.
        let (list, _, absent, _) = words(part);
        let faults = Faults::new(0).with(Rule::new(list, refuse(404, absent)).after(2).times(4));
        let session = with_faults(&ground, &estate, &faults).await;
        let mut asked = 0;
        let drilled = drill_until(&session, part, async || {
            asked += 1;
            if asked > 1 {
                std::future::pending::<()>().await;
            }
        });
        let drilled = drilled.await.unwrap();
        assert!(matches!(drilled, Drilled::Interrupted { left: None }), "{drilled:?}");
        assert_eq!((standing(aws).await, faults.struck()), (before.clone(), vec![4]), "{part}: it is gone");
    }
    for part in Part::ALL {
        let (list, _, absent, _) = words(part);
        let session = faulty(&ground, &estate, Rule::new(list, refuse(404, absent)).after(2)).await;
        match drill_until(&session, part, async || {}).await.unwrap() {
            Drilled::Interrupted { left: Some(left) } => {
                assert!(left.starts_with("hostedehr-drill-20") && left.contains("may stand still"), "{left}");
            }
            other => panic!("{other:?}"),
        }
        assert_ne!(standing(aws).await, before, "{part}: nobody had the time");
    }
}

#[tokio::test]
async fn what_an_earlier_drill_left_keeps_nobody_from_applying_and_can_be_left_again() {
    let (ground, estate) = applied().await;
    backed_up(&estate).await;
    for part in Part::ALL {
        let (_, delete, _, busy) = words(part);
        let session = faulty(&ground, &estate, Rule::new(delete, denied())).await;
        let left = match part {
            Part::Database => drill(&session, part).await.unwrap().copy,
            Part::Files => {
                drill(&session, part).await.unwrap();
                standing(&estate.session.connection.aws).await.1.into_iter().find(|token| token.contains("-drill-")).unwrap()
            }
        };
        let faults = Faults::new(0).with(Rule::new(delete, refuse(400, busy)));
        let session = with_faults(&ground, &estate, &faults).await;
        let drilled = drill_until(&session, part, async || {
            while faults.struck() == [0] {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(estate.session.record().holder().await.unwrap().is_none(), "whoever applies is not kept waiting");
        });
        match drilled.await.unwrap() {
            Drilled::Interrupted { left: Some(told) } => assert!(told.contains("nothing was restored") && told.ends_with(&left), "{told}"),
            other => panic!("{other:?}"),
        }
        assert!(!faults.changes().iter().any(|change| CALLS.iter().any(|(_, begin)| change == begin)), "{part}: nothing was begun");
    }
}
