//! Two hosts, each with its own HAProxy and its own edge; one leads.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reeve::edge::{Entry, Rules, Said};
use tokio::process::Child;

use crate::client::{Answer, Asks, Load, ask};
use crate::fleet_ground::{Fleet, docker, plain, tenant, until};
use crate::ground::{Edge, Told, book, door, host, slow_upload};
use crate::host::Host;
use crate::program::Program;
use crate::wake::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_to_the_other_host_is_heard_and_nobody_is_put_to_rest_behind_its_back() {
    let fleet = Fleet::start(2).await;
    let estate = fleet.estate(fleet.wishes(&["alpha", "beta"].map(|name| tenant(name, "")).concat())).await;
    estate.apply().await;
    let other = fleet.beside(1, &estate).await;
    other.apply().await;
    let doors = [door(&fleet), plain(fleet.parts.engines()[1].address)];
    let entries = || [("alpha", Entry::default()), ("beta", Entry::default())];
    let long = Rules::default();
    let mut leads = Edge::leads(&fleet, &estate, book(&entries(), long.clone())).await;
    let mut stands_by = Edge::stands_by(&fleet, 1, &other, book(&entries(), long)).await;
    for door in &doors {
        for tenant in ["alpha", "beta"] {
            until(tenant, 60, async || ask(door, &host(tenant), Asks::Page, "").await.is_of(tenant)).await;
        }
    }

    // Somebody comes to the host that does not lead.
    stop(&fleet, &["alpha", "beta"]).await;
    until("a page", 30, async || ask(&doors[1], &host("alpha"), Asks::Page, "").await.is_waiting_page()).await;
    for door in &doors {
        until("alpha", 90, async || ask(door, &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;
    }
    assert!(leads.said().contains(&Said::Starts { tenant: "alpha".into() }));
    assert!(!stands_by.said().iter().any(|said| matches!(said, Said::Starts { .. })), "one leads");

    // While the other host says nothing, nobody is put to rest: it may have requests under way.
    leads.stop().await;
    stands_by.stop().await;
    let short = Rules { after: Duration::from_secs(4), ..Rules::default() };
    let mut leads = Edge::leads(&fleet, &estate, book(&entries(), short.clone())).await;
    // Its last note counts for as long as a host may be silent; from then on it is not known to be alive.
    let said = tokio::time::timeout(Duration::from_secs(15), async {
        loop {
            let said = leads.said();
            if said.iter().any(|said| matches!(said, Said::Rests { .. })) {
                return said;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    assert!(said.await.is_err(), "it was put to rest without the other host's word");

    // An upload through the other host keeps it awake for as long as it lasts; then both take their hands off it, and it rests.
    let stands_by = Edge::stands_by(&fleet, 1, &other, book(&entries(), short)).await;
    let upload = slow_upload(&doors[1], &host("alpha"), Duration::from_secs(15)).await;
    assert!(upload.starts_with("http/1.1 2"), "{upload}");
    until("it rests", 60, async || leads.said().contains(&Said::Rests { tenant: "alpha".into() })).await;
    let replicas = ["service", "inspect", "--format", "{{.Spec.Mode.Replicated.Replicas}}", "hostedehr-tenant-alpha-service"];
    assert_eq!(docker(fleet.engine(), &replicas).await, "0");
    leads.stop().await;
    stands_by.stop().await;

    let shell = Host::of(&fleet, &["alpha", "beta"].map(|name| tenant(name, "")).concat()).await;
    the_leader_is_killed(&fleet, &shell, &doors).await;
}

/// What `reeve run` says when it leads the edge.
const LEADS: &str = "this host wakes tenants";

/// A `reeve run` on each host, of which one leads.
struct Runs {
    both: [Child; 2],
    logs: [PathBuf; 2],
    leader: usize,
}

impl Runs {
    async fn start(fleet: &Fleet, shell: &Host<'_>, time: &str) -> Self {
        let logs = [1, 2].map(|number| fleet.parts.folder().join(format!("reeve{number}-{time}.log")));
        let both = [0, 1].map(|one| begin(fleet, shell, one, &logs[one]));
        let is_settled =
            async || logs.iter().filter(|log| says(log, LEADS)).count() == 1 && logs.iter().any(|log| says(log, "and does not start them"));
        until("one leads and the other does not", 120, is_settled).await;
        let leader = logs.iter().position(|log| says(log, LEADS)).expect("one leads");
        Self { both, logs, leader }
    }

    async fn kill(&mut self, one: usize) {
        self.both[one].start_kill().expect("it runs");
        self.both[one].wait().await.expect("it ends");
    }
}

/// `reeve run` on that host.
fn begin(fleet: &Fleet, shell: &Host<'_>, one: usize, log: &Path) -> Child {
    let engine = &fleet.parts.engines()[one];
    let log = std::fs::File::create(log).expect("a file");
    let mut reeve = shell.command("exec reeve run DIR --listen 127.0.0.1:0");
    reeve.env("REEVE_HOST", &engine.host).env("DOCKER_HOST", format!("unix://{}", engine.docker.display()));
    reeve.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts")
}

fn says(log: &Path, words: &str) -> bool {
    std::fs::read_to_string(log).unwrap_or_default().contains(words)
}

/// The one that leads is killed while two wait: who came to the other host is answered all the time, that one takes over in little more than a minute, and starts them in
/// the order in which they came.
async fn the_leader_is_killed(fleet: &Fleet, shell: &Host<'_>, doors: &[String; 2]) {
    let mut runs = Runs::start(fleet, shell, "first").await;
    let (leader, other) = (runs.leader, 1 - runs.leader);
    let (log, door) = (runs.logs[other].clone(), &doors[other]);
    runs.kill(leader).await;
    let begun = Instant::now();
    stop(fleet, &["alpha", "beta"]).await;
    let wanted = async |tenant: &str| {
        let service = format!("hostedehr-tenant-{tenant}-service");
        docker(fleet.engine(), &["service", "inspect", "--format", "{{index .Spec.Labels \"reeve-wake\"}}", &service]).await
    };
    for tenant in ["beta", "alpha"] {
        until("it is in the queue", 30, async || {
            let answer = ask(door, &host(tenant), Asks::Page, "").await;
            assert!(answer.is_waiting_page() || answer.says_soon(), "{answer:?}");
            !wanted(tenant).await.is_empty()
        })
        .await;
    }
    let queue = [wanted("beta").await, wanted("alpha").await];
    for tenant in ["beta", "alpha"] {
        until(&format!("{tenant} is started by the other: {}", log.display()), 100, async || {
            let answer = ask(door, &host(tenant), Asks::Page, "").await;
            assert!(answer.is_waiting_page() || answer.is_of(tenant), "{answer:?}");
            if !says(&log, LEADS) {
                assert_eq!([wanted("beta").await, wanted("alpha").await], queue, "each keeps its place");
            }
            answer.is_of(tenant)
        })
        .await;
    }
    println!("the other has taken over and started two within {:?}", begun.elapsed());
    let text = std::fs::read_to_string(&log).expect("a log");
    let at = |tenant: &str| text.find(&format!("{tenant} is being started")).unwrap_or_else(|| panic!("{tenant} was not started: {text}"));
    assert!(at("beta") < at("alpha"), "who came first is first: {text}");
    runs.kill(other).await;
}

/// The other one's reeve and Docker are killed and started again, while clients come to both hosts: nobody is answered by another tenant, without reeve nobody who is used sees
/// anything, and all comes back by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_host_that_does_not_lead_may_die_and_comes_back_by_itself() {
    let tenants = ["alpha", "beta"];
    let fleet = &Fleet::start(2).await;
    let estate = fleet.estate(fleet.wishes(&tenants.map(|name| tenant(name, "")).concat())).await;
    estate.apply().await;
    fleet.beside(1, &estate).await.apply().await;
    let doors = [door(fleet), plain(fleet.parts.engines()[1].address)];
    let shell = &Host::of(fleet, &tenants.map(|name| tenant(name, "")).concat()).await;
    let all_answer = async || {
        for (door, tenant) in doors.iter().flat_map(|door| tenants.map(|tenant| (door, tenant))) {
            let mut last = None;
            let answers = tokio::time::timeout(Duration::from_secs(180), async {
                while !last.insert(ask(door, &host(tenant), Asks::Page, "").await).is_of(tenant) {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            });
            assert!(answers.await.is_ok(), "{tenant} at {door}: {last:?}");
        }
    };
    let load = || doors.iter().flat_map(|door| tenants.map(|tenant| (tenant, Load::start(door, &host(tenant), &[Asks::Api])))).collect();
    let mut runs = Runs::start(fleet, shell, "second").await;
    let engines = fleet.parts.engines().iter().map(|engine| format!("unix://{}", engine.docker.display())).collect();
    let _told = Told { logs: runs.logs.to_vec(), engines };
    all_answer().await;

    let clients: Vec<(&str, Load)> = load();
    let other = 1 - runs.leader;
    runs.kill(other).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    for (tenant, load) in clients {
        let answers = load.stop().await;
        assert!(answers.len() > 10 && answers.iter().all(|answer| answer.is_of(tenant)), "{tenant}: {answers:?}");
    }
    let log = &runs.logs[other];
    runs.both[other] = begin(fleet, shell, other, log);
    until("it stands by again", 60, async || says(log, "and does not start them")).await;

    let clients: Vec<(&str, Load)> = load();
    let mut docker = Program::engine(fleet, other);
    docker.kill().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let _docker = docker.again().await;
    docker.runs().await;
    all_answer().await;
    for (tenant, load) in clients {
        let answers = load.stop().await;
        let right =
            |answer: &Answer| if answer.is_tenants() { answer.is_of(tenant) } else { answer.is_waiting_page() || answer.says_soon() };
        let wrong: Vec<_> = answers.iter().filter(|answer| answer.is_whole() && !right(answer)).collect();
        assert!(
            wrong.is_empty() && answers.iter().any(|answer| answer.is_of(tenant)),
            "{tenant}: {} of {}, {:?}",
            wrong.len(),
            answers.len(),
            wrong.first()
        );
    }
    // Who begins anew takes nobody's route away, also where Swarm has forgotten a port meanwhile: routes are set anew every 15 s.
    runs.kill(other).await;
    runs.both[other] = begin(fleet, shell, other, &runs.logs[other]);
    let works = |log: &Path| says(log, LEADS) || says(log, "and does not start them");
    until("it works again", 120, async || works(&runs.logs[other])).await;
    let clients: Vec<(&str, Load)> = load();
    tokio::time::sleep(Duration::from_secs(20)).await;
    for (tenant, load) in clients {
        let answers = load.stop().await;
        assert!(
            answers.len() > 10 && answers.iter().all(|answer| answer.is_of(tenant)),
            "{tenant}: {:?}",
            answers.iter().find(|one| !one.is_of(tenant))
        );
    }
    for one in [0, 1] {
        runs.kill(one).await;
    }
}
