//! Everything is killed once, while clients talk; what is left goes on, and nobody has to mend anything.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use tokio::process::Child;

use crate::client::{Answer, Asks, Load, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{door, host};
use crate::host::Host;
use crate::program::Program;

/// Shows the end of the log where the test fails: the folder that it is in goes with the fleet.
struct Told {
    log: std::path::PathBuf,
    engine: String,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            println!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
            let script = "for s in $(docker service ls -q); do docker service ps --no-trunc $s; done; docker ps --no-trunc; \
                          for c in $(docker ps -aq); do echo == $c; docker logs --tail 8 $c; docker inspect --format '{{json .State}}' $c; done";
            let mut shell = std::process::Command::new("sh");
            let shell = shell.args(["-c", script]).env("DOCKER_HOST", &self.engine).env("PATH", "/usr/bin:/bin");
            if let Ok(said) = shell.output() {
                println!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
            }
        }
    }
}

const RUN: &str = "exec reeve run DIR --listen 127.0.0.1:0";

/// A reeve that runs as a service, its log in a file.
fn reeve(shell: &Host<'_>, log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a file");
    shell.command(RUN).stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts")
}

/// Kills every process whose arguments name that file.
async fn kill(name: &str, file: &Path) {
    let file = file.display().to_string();
    let all = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_it = |id: &u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let words: Vec<String> = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        words[0].ends_with(name) && words.contains(&file)
    };
    let ids: Vec<String> = all.filter(is_it).map(|id| id.to_string()).collect();
    assert!(!ids.is_empty(), "no {name} runs with {file}");
    let killed = tokio::process::Command::new("kill").arg("-KILL").args(&ids).status().await.expect("kill");
    assert!(killed.success());
}

/// Whatever happened, nobody was answered by another tenant.
fn all_are_of(tenant: &str, answers: &[Answer]) {
    for answer in answers {
        assert!(!answer.is_tenants() || answer.is_of(tenant), "{tenant} was asked: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_is_killed_once() {
    let fleet = Fleet::start(1).await;
    let names = ["alpha", "beta", "gamma"];
    let shell = Host::of(&fleet, &names.map(|name| tenant(name, "")).concat()).await;
    let log = fleet.parts.folder().join("reeve.log");
    let _told = Told { log: log.clone(), engine: format!("unix://{}", fleet.engine().docker.display()) };
    let door = door(&fleet);
    // It makes the whole estate by itself.
    let mut run = reeve(&shell, &log);
    for name in names {
        let served = async || ask(&door, &host(name), Asks::Page, "").await.is_of(name);
        until(&format!("{name} answers: {}", log.display()), 240, served).await;
    }
    let load: Vec<(&str, Load)> =
        names[..2].iter().map(|name| (*name, Load::start(&door, &host(name), &[Asks::Write, Asks::Api]))).collect();
    docker(fleet.engine(), &["service", "scale", "--detach", "hostedehr-tenant-gamma-service=0"]).await;
    until("gamma sleeps", 60, async || ask(&door, &host("gamma"), Asks::Poll, "").await.says_soon()).await;

    // reeve: who runs goes on and loses nothing; who sleeps is said to be back.
    run.start_kill().expect("it runs");
    run.wait().await.expect("it ends");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut all: Vec<(&str, Vec<Answer>)> = Vec::new();
    for (name, load) in load {
        let answers = load.stop().await;
        let late = answers.iter().rev().take_while(|answer| answer.at.elapsed() < Duration::from_secs(5));
        assert!(late.clone().count() > 10 && late.clone().all(Answer::is_good), "{:?}", late.clone().find(|answer| !answer.is_good()));
        all.push((name, answers));
    }
    assert!(ask(&door, &host("gamma"), Asks::Page, "").await.says_soon(), "{:?}", ask(&door, &host("gamma"), Asks::Page, "").await);
    let load: Vec<(&str, Load)> = names.iter().map(|name| (*name, Load::start(&door, &host(name), &[Asks::Page, Asks::Api]))).collect();
    let mut run = reeve(&shell, &log);
    until("gamma is woken by the next one", 150, async || ask(&door, &host("gamma"), Asks::Page, "").await.is_of("gamma")).await;

    // HAProxy: the loop starts it again.
    kill("haproxy", &fleet.parts.folder().join("engine1/haproxy/haproxy.cfg")).await;
    until("HAProxy is back", 120, async || ask(&door, &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;

    // The database, and then the engine with reeve: what they hold together comes back by itself once they are started again, as their hosts do.
    let database = Program::database(&fleet);
    database.kill().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let _database = database.start().await;
    let engine = Program::docker(&fleet);
    engine.kill().await;
    run.start_kill().expect("it runs");
    run.wait().await.expect("it ends");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let _engine = engine.start().await;
    let socket = format!("unix://{}", fleet.engine().docker.display());
    until("the engine leads its swarm again", 60, async || {
        let asked = tokio::process::Command::new("/usr/bin/docker").args(["-H", &socket, "node", "ls"]).output().await.expect("docker.io");
        asked.status.success()
    })
    .await;
    // An engine forgets its own half of the tenants' network; its host makes it again.
    fleet.parts.network_again(0).await.unwrap_or_else(|error| panic!("{error}"));
    let mut run = reeve(&shell, &log);
    for name in names {
        let served = async || ask(&door, &host(name), Asks::Write, "after").await.is_good();
        until(&format!("{name} answers again: {}", log.display()), 240, served).await;
    }
    for (name, load) in load {
        all.push((name, load.stop().await));
    }
    for (name, answers) in &all {
        all_are_of(name, answers);
    }

    // Once it leads, everything becomes as the YAML says without anybody; asked to stop, it ends.
    until("there is nothing to change", 180, async || shell.run("reeve plan DIR").await.status.code() == Some(0)).await;
    let id = run.id().expect("it runs").to_string();
    tokio::process::Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
    let ended = tokio::time::timeout(Duration::from_secs(90), run.wait()).await.expect("it ends").expect("a status");
    assert!(ended.success(), "{ended}: {}", log.display());
}
