//! Another password while clients ask all the time: nobody sees an error.

use std::process::Stdio;
use std::time::{Duration, Instant};

use reeve::sandbox::ZONE;

use crate::client::{Answer, Asks, Load, ask, gap};
use crate::fleet_ground::{Fleet, docker, plain, tenant, until};
use crate::host::Host;
use crate::measured::measured;

const USERS: &str = "SELECT COUNT(*) FROM mysql.user WHERE user LIKE '%alpha%'";

/// What was answered that is neither the tenant's nor says that it will be back.
fn errors(answers: &[Answer]) -> Vec<String> {
    let wrong = answers.iter().filter(|answer| !(answer.is_good() || answer.says_soon()));
    wrong.map(|answer| format!("{:?} {} {:?} {:?}", answer.asks, answer.status, answer.head, answer.body)).collect()
}

async fn answers(door: &str, host: &str) -> bool {
    ask(door, host, Asks::Api, "").await.is_good()
}

#[tokio::test]
async fn nobody_sees_an_error_while_a_password_is_rotated_and_nothing_is_written_twice() {
    let fleet = Fleet::start(1).await;
    let host = Host::of(&fleet, &tenant("alpha", "")).await;
    let first = host.run("reeve apply DIR --auto-approve").await;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let (door, name) = (plain(fleet.engine().address), format!("alpha.{ZONE}"));
    until("the tenant answers", 30, async || answers(&door, &name).await).await;
    let user = fleet.sql("SELECT user FROM mysql.user WHERE user LIKE '%alpha%'").await;

    let load = Load::start(&door, &name, &[Asks::Page, Asks::Api, Asks::Write, Asks::Write]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    // One that is under way when its container is to end is answered.
    let slow = tokio::spawn({
        let (door, name) = (door.clone(), name.clone());
        async move { crate::fleet_ground::get(&door, &name, "/openmrs/slow?ms=3000").await }
    });
    let begun = Instant::now();
    let rotated = host.run("reeve tenant rotate DIR NAME --auto-approve").await;
    let took = begun.elapsed();
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let all = load.stop().await;

    let wrong = errors(&all);
    assert!(wrong.is_empty(), "{} of {} answers are errors:\n{}", wrong.len(), all.len(), wrong[..wrong.len().min(10)].join("\n"));
    let (good, soon) = (all.iter().filter(|one| one.is_good()).count(), all.iter().filter(|one| one.says_soon()).count());
    println!("{good} answers of the tenant, {soon} that it will be back");
    measured("rotation", &format!("{:.0} s", took.as_secs_f64()));
    measured("rotation-away", &format!("{:.0} s", gap(&all).as_secs_f64()));
    assert!(all.last().is_some_and(Answer::is_good) && soon > 0, "it is back");
    let (code, body) = slow.await.expect("a client");
    assert_eq!(code, 200, "{body}");

    let rows = fleet.sql("SELECT name, COUNT(*) FROM `hostedehr-tenant-alpha-schema`.patient GROUP BY name").await;
    let written: Vec<(&str, &str)> = rows.lines().filter_map(|line| line.split_once('\t')).collect();
    let twice: Vec<_> = written.iter().filter(|(_, times)| *times != "1").collect();
    assert!(twice.is_empty(), "{twice:?}");
    let acknowledged: Vec<&str> = all.iter().filter(|one| one.asks == Asks::Write && one.is_good()).map(|one| one.name.as_str()).collect();
    assert_eq!(acknowledged.len(), written.len(), "what was acknowledged is there, and nothing else is");
    assert!(acknowledged.iter().all(|name| written.iter().any(|(row, _)| row == name)));

    // The old container said that it ended, so the new one waited for nobody.
    let log = "FROM `hostedehr-tenant-alpha-schema`.reeve_writer_log";
    assert_eq!(fleet.sql(&format!("SELECT COUNT(*) {log} WHERE ended_at IS NOT NULL")).await, "1");
    let waited = fleet.sql(&format!("SELECT TIMESTAMPDIFF(SECOND, taken_at, app_started_at) {log} ORDER BY epoch DESC LIMIT 1")).await;
    assert!(waited.parse::<u32>().is_ok_and(|waited| waited < 5), "{waited}");

    let now = fleet.sql("SELECT user FROM mysql.user WHERE user LIKE '%alpha%'").await;
    assert!(now != user && now.lines().count() == 1, "{user} became {now}");
    let secrets = docker(fleet.engine(), &["secret", "ls", "--quiet"]).await;
    assert_eq!(secrets.lines().count(), 1, "{secrets}");
    assert_eq!(host.run("reeve plan DIR").await.status.code(), Some(0));
}

#[tokio::test]
async fn a_rotation_that_was_killed_in_the_middle_is_finished_by_the_next_apply() {
    let fleet = Fleet::start(1).await;
    let host = Host::of(&fleet, &tenant("alpha", "")).await;
    let first = host.run("reeve apply DIR --auto-approve").await;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let (door, name) = (plain(fleet.engine().address), format!("alpha.{ZONE}"));
    until("the tenant answers", 30, async || answers(&door, &name).await).await;
    let service = ["service", "inspect", "--format", "{{json .Spec.TaskTemplate.ContainerSpec.Secrets}}", "hostedehr-tenant-alpha-service"];
    let before = docker(fleet.engine(), &service).await;

    // A request under way: the container is not told to end before it has its answer, so that there is a middle to be killed in.
    let slow = tokio::spawn({
        let (door, name) = (door.clone(), name.clone());
        async move { crate::fleet_ground::get(&door, &name, "/openmrs/slow?ms=9000").await }
    });
    // `exec`: what is killed is the program, not the shell around it.
    let mut rotation = host.command("exec reeve tenant rotate DIR NAME --auto-approve");
    let mut rotation = rotation.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh");
    until("there is another user", 60, async || fleet.sql(USERS).await == "2").await;
    rotation.start_kill().expect("it runs");
    rotation.wait().await.expect("it ended");
    assert_eq!(docker(fleet.engine(), &service).await, before, "it was killed before its service changed");
    assert_eq!(slow.await.expect("a client").0, 200, "nobody ended it");
    assert_eq!(fleet.sql(USERS).await, "2", "the old password still opens the database");

    // Its lease ends by itself.
    let begun = Instant::now();
    until("an apply finishes it", 150, async || host.run("reeve apply DIR --auto-approve").await.status.success()).await;
    println!("a killed rotation: finished {:.0} s later, most of which its lease lasted", begun.elapsed().as_secs_f64());
    assert_eq!(fleet.sql(USERS).await, "1");
    until("the tenant answers", 30, async || answers(&door, &name).await).await;
    assert_eq!(host.run("reeve plan DIR").await.status.code(), Some(0));
}
