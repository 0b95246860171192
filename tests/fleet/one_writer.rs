//! Never two containers on one tenant's database (S24): nodes are cut off, stopped and frozen while their tenant writes all the time.
//!
//! The stand-in writes by itself and for its clients; each row bears the epoch of the wrapper that its writer ran under. What stands in the database at
//! the end decides.

use std::time::{Duration, Instant};

use reeve::kinds::docker::service::tasks::running;
use reeve::planes::{Docker, Plane};
use reeve::sandbox::ZONE;

use crate::client::{Answer, Asks, Load, ask};
use crate::fleet_ground::{Fleet, docker, plain, tenant, until};
use crate::measured::measured;
use crate::program::{Program, of_machine, signal};
use crate::support::{Estate, changes};

/// Three nodes, a tenant on one of them, and HAProxy on two.
struct Ground {
    fleet: Fleet,
    /// The engine that runs the tenant.
    node: usize,
    /// One that survives, with a session of its own.
    other: usize,
    estate: Estate,
    host: String,
}

const SCHEMA: &str = "`hostedehr-tenant-alpha-schema`";

impl Ground {
    /// The tenant on that engine; the first one (0) leads the swarm.
    async fn new(node: usize) -> Self {
        let fleet = Fleet::start(3).await;
        let tenants = tenant("alpha", "env: { STANDIN_WRITES_MS: \"20\" }");
        let others: Vec<usize> = (0..3).filter(|one| *one != node).collect();
        for one in &others {
            takes(&fleet, *one, "drain").await;
        }
        let estate = fleet.estate(fleet.wishes(&tenants)).await;
        estate.apply().await;
        assert_eq!(place(&fleet, &estate).await, Some(node));
        for one in &others {
            takes(&fleet, *one, "active").await;
        }
        let other = others[1];
        let estate = fleet.estate_on(other, fleet.wishes(&tenants)).await;
        estate.apply().await;
        let ground = Self { fleet, node, other, estate, host: format!("alpha.{ZONE}") };
        until("the tenant answers on another host", 30, async || ground.answers().await).await;
        ground
    }

    /// HAProxy on the surviving node.
    fn door(&self) -> String {
        plain(self.fleet.parts.engines()[self.other].address)
    }

    async fn answers(&self) -> bool {
        ask(&self.door(), &self.host, Asks::Api, "").await.is_good()
    }

    /// HAProxy follows, as the loop of a host has it. While the swarm elects a leader nobody answers, and who was asked is asked again.
    async fn follow(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(3), self.estate.session.follow()).await;
    }

    /// Waits until the tenant answers again in another epoch; how long that took.
    async fn taken_over(&self, since: Instant) -> Duration {
        let first = self.epoch().await;
        let mut started = None;
        loop {
            self.follow().await;
            if self.epoch().await > first {
                started.get_or_insert_with(|| since.elapsed());
                if self.answers().await {
                    let started = started.unwrap_or_default();
                    println!(
                        "the next wrapper had the lock {:.0} s after it, the tenant answered {:.0} s after it",
                        started.as_secs_f64(),
                        since.elapsed().as_secs_f64()
                    );
                    println!("{}", self.log().await);
                    return since.elapsed();
                }
            }
            assert!(since.elapsed() < Duration::from_secs(180), "not taken over: {}", self.log().await);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// The estate is as the YAML says, as soon as the swarm has a leader again.
    async fn is_as_wished(&self) {
        until("nothing is left to do", 120, async || {
            let planned = self.estate.session.plan(&self.estate.wishes, reeve::model::plan::Scope::default(), false, None).await;
            planned.is_ok_and(|(plan, _)| plan.unreadable.is_empty() && changes(&plan).is_empty())
        })
        .await;
    }

    /// The wrapper's log of writers.
    async fn log(&self) -> String {
        self.fleet
            .sql(&format!("SELECT epoch, hostname, taken_at, app_started_at, ended_at, lost_at, why FROM {SCHEMA}.reeve_writer_log"))
            .await
    }

    async fn epoch(&self) -> u64 {
        self.number("SELECT epoch FROM SCHEMA.reeve_writer").await
    }

    async fn rows(&self, epoch: u64) -> u64 {
        self.number(&format!("SELECT COUNT(*) FROM SCHEMA.patient WHERE epoch = {epoch}")).await
    }

    async fn number(&self, sql: &str) -> u64 {
        let found = self.fleet.sql(&sql.replace("SCHEMA", SCHEMA)).await;
        found.parse().unwrap_or_else(|_| panic!("{sql}: {found}"))
    }

    /// No row of an epoch is younger than one of a later epoch, or older than the start of its own application, or younger than the start of the next.
    async fn never_overlapped(&self) {
        let sql = "SELECT COUNT(*) FROM (SELECT epoch, MIN(patient_id) AS first, MAX(patient_id) AS last FROM SCHEMA.patient GROUP BY epoch) AS a \
                   JOIN (SELECT epoch, MIN(patient_id) AS first FROM SCHEMA.patient GROUP BY epoch) AS b ON b.epoch > a.epoch WHERE b.first < a.last";
        assert_eq!(self.number(sql).await, 0, "rows of two epochs are mixed: {}", self.log().await);
        let sql =
            "SELECT COUNT(*) FROM SCHEMA.patient p JOIN SCHEMA.reeve_writer_log l ON l.epoch = p.epoch WHERE p.made_at < l.app_started_at";
        assert_eq!(self.number(sql).await, 0, "rows are older than their application: {}", self.log().await);
        let sql =
            "SELECT COUNT(*) FROM SCHEMA.patient p JOIN SCHEMA.reeve_writer_log l ON l.epoch = p.epoch + 1 WHERE p.made_at >= l.taken_at";
        assert_eq!(self.number(sql).await, 0, "rows are younger than the next writer: {}", self.log().await);
        assert_eq!(self.number("SELECT COUNT(*) FROM SCHEMA.patient WHERE epoch IS NULL").await, 0);
    }

    /// What was acknowledged is there, once.
    async fn nothing_is_lost(&self, answers: &[Answer]) {
        let rows = self.fleet.sql(&format!("SELECT name FROM {SCHEMA}.patient WHERE name LIKE 'client%'")).await;
        let mut rows: Vec<&str> = rows.lines().collect();
        let number = rows.len();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), number, "nothing is written twice");
        let good = answers.iter().filter(|answer| answer.asks == Asks::Write && answer.is_good());
        let lost: Vec<&str> = good.map(|answer| answer.name.as_str()).filter(|name| rows.binary_search(name).is_err()).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }
}

/// The engine on which the tenant answers, as the swarm says.
async fn place(fleet: &Fleet, estate: &Estate) -> Option<usize> {
    let planes = estate.session.planes().fresh();
    let all = running(Docker::of(&planes).expect("Docker")).await.ok()?;
    let at = all.into_iter().find(|one| one.tenant == "alpha")?.address.ip();
    fleet.parts.engines().iter().position(|engine| at == std::net::IpAddr::from(engine.address))
}

/// Whether an engine takes tasks: `active`, or `drain`.
async fn takes(fleet: &Fleet, engine: usize, availability: &str) {
    let id = docker(&fleet.parts.engines()[engine], &["info", "--format", "{{.Swarm.NodeID}}"]).await;
    docker(fleet.engine(), &["node", "update", "--availability", availability, &id]).await;
}

async fn containers(fleet: &Fleet, engine: usize) -> String {
    docker(&fleet.parts.engines()[engine], &["ps", "--quiet"]).await
}

#[tokio::test]
async fn a_node_that_is_cut_off_is_taken_over_and_writes_nothing_more() {
    cut_off(1, "take-over").await;
}

#[tokio::test]
async fn so_is_the_one_that_leads_the_swarm() {
    cut_off(0, "take-over-leader").await;
}

async fn cut_off(node: usize, measure: &str) {
    let ground = Ground::new(node).await;
    let first = ground.epoch().await;
    let load = Load::start(&ground.door(), &ground.host, &[Asks::Write, Asks::Api]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cut = Instant::now();
    ground.fleet.parts.cut(ground.node).await.expect("a cut");
    let took = ground.taken_over(cut).await;
    measured(measure, &format!("{:.0} s", took.as_secs_f64()));
    assert!(ground.epoch().await > first);
    assert!(!containers(&ground.fleet, ground.node).await.is_empty(), "the old container is still there: nobody could tell it to go");
    let written = ground.rows(first).await;
    assert!(written > 50, "it wrote all the time: {written}");

    ground.fleet.parts.heal(ground.node).await.expect("healed");
    until("the old container goes", 90, async || containers(&ground.fleet, ground.node).await.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answers = load.stop().await;
    assert_eq!(ground.rows(first).await, written, "nothing more of it: {}", ground.log().await);
    ground.never_overlapped().await;
    ground.nothing_is_lost(&answers).await;
    assert!(ground.answers().await);
    ground.is_as_wished().await;
}

/// Its containers go on, and Swarm starts another, which waits for as long as the first one writes.
#[tokio::test]
async fn an_engine_that_is_killed_leaves_one_writer() {
    let ground = Ground::new(1).await;
    let first = ground.epoch().await;
    let load = Load::start(&ground.door(), &ground.host, &[Asks::Write]);
    let engine = Program::engine(&ground.fleet, ground.node);
    let killed = Instant::now();
    engine.kill().await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    let (before, epoch) = (ground.rows(first).await, ground.epoch().await);
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("25 s after the kill: epoch {epoch} (it was {first}), its first writer goes on: {}", ground.rows(first).await > before);
    ground.never_overlapped().await;

    let _again = engine.start().await;
    let begun = Instant::now();
    until("the tenant answers", 120, async || {
        ground.follow().await;
        ground.epoch().await > first && ground.answers().await
    })
    .await;
    println!(
        "a killed engine: {:.1} s from its start to the first answer, {:.1} s from the kill",
        begun.elapsed().as_secs_f64(),
        killed.elapsed().as_secs_f64()
    );
    let written = ground.rows(first).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let answers = load.stop().await;
    assert_eq!(ground.rows(first).await, written, "nothing more of it: {}", ground.log().await);
    ground.never_overlapped().await;
    ground.nothing_is_lost(&answers).await;
}

/// The whole machine sleeps, and wakes when another has taken over.
#[tokio::test]
async fn a_machine_that_slept_finds_that_it_is_not_the_writer_any_more() {
    let ground = Ground::new(1).await;
    let first = ground.epoch().await;
    let load = Load::start(&ground.door(), &ground.host, &[Asks::Write]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let machine = of_machine(&ground.fleet, ground.node);
    assert!(machine.len() > 4, "the engine, containerd, a shim, the wrapper and its application: {machine:?}");
    let begun = Instant::now();
    signal(&machine, "STOP").await;
    let took = ground.taken_over(begun).await;
    println!("take-over: {:.1} s from the freeze to the first answer of the new node", took.as_secs_f64());
    let written = ground.rows(first).await;
    tokio::time::sleep(Duration::from_secs(40).saturating_sub(begun.elapsed())).await;
    let woke = ground.fleet.sql("SELECT UTC_TIMESTAMP(6)").await;
    signal(&machine, "CONT").await;
    until("the old container goes", 90, async || containers(&ground.fleet, ground.node).await.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answers = load.stop().await;
    // Until the wrapper's first tick, some milliseconds, what it had begun may go on in a new session (`hold/src/main.rs`, what does not hold). Nothing after that.
    let late = format!("FROM SCHEMA.patient WHERE epoch = {first} AND made_at >= '{woke}'");
    println!(
        "written by who was not the writer any more, before its wrapper's first tick: {}",
        ground.number(&format!("SELECT COUNT(*) {late}")).await
    );
    let later = ground.number(&format!("SELECT COUNT(*) {late} AND made_at >= '{woke}' + INTERVAL 1 SECOND")).await;
    assert_eq!(later, 0, "its wrapper let it go on: {}", ground.log().await);
    ground.fleet.sql(&format!("DELETE {late}").replace("SCHEMA", SCHEMA)).await;
    assert_eq!(ground.rows(first).await, written, "nothing more of it: {}", ground.log().await);
    ground.never_overlapped().await;
    ground.nothing_is_lost(&answers).await;
    assert!(ground.answers().await);
}

/// S6: a host goes for good, with all that was on its drives; what a tenant had is elsewhere, and a host that is made anew takes tenants again.
#[tokio::test]
async fn a_host_that_is_destroyed_takes_nothing_with_it_and_is_made_anew() {
    let ground = Ground::new(1).await;
    let (fleet, engine) = (&ground.fleet, &ground.fleet.parts.engines()[1]);
    let path = "/openmrs/ws/rest/v1/obs";
    let load = Load::start(&ground.door(), &ground.host, &[Asks::Write]);
    let (code, body) = post(&ground.door(), &ground.host, path, "an x-ray").await;
    assert_eq!(code, 201, "{body}");
    let file = serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["file"].as_str().expect("a file").to_owned();
    let node = docker(engine, &["info", "--format", "{{.Swarm.NodeID}}"]).await;

    let program = Program::engine(fleet, 1);
    let begun = Instant::now();
    signal(&of_machine(fleet, 1), "KILL").await;
    let took = ground.taken_over(begun).await;
    println!("a destroyed host: {:.0} s to the first answer of another", took.as_secs_f64());
    let kept = crate::fleet_ground::get(&ground.door(), &ground.host, &format!("{path}/{file}")).await;
    assert_eq!(kept, (200, "an x-ray".to_owned()));
    let answers = load.stop().await;
    ground.never_overlapped().await;
    ground.nothing_is_lost(&answers).await;

    // A new machine under the old address: nothing is on its drive.
    let folder = fleet.parts.folder().join("engine2");
    for part in ["data", "exec", "pid"] {
        let _ = std::fs::remove_dir_all(folder.join(part)).or_else(|_| std::fs::remove_file(folder.join(part)));
    }
    for link in ["tenants0", "docker0"] {
        let gone = ["-n", &engine.space, "link", "delete", link];
        assert!(tokio::process::Command::new("ip").args(gone).status().await.expect("ip").success());
    }
    let _again = program.start().await;
    until("the engine answers", 30, async || std::os::unix::net::UnixStream::connect(&engine.docker).is_ok()).await;
    let (enable, bridge) = ("com.docker.network.bridge.enable_icc=false", "com.docker.network.bridge.name=tenants0");
    let network = ["network", "create", "--config-only", "--opt", enable, "--opt", bridge, "--subnet", "172.30.0.0/16", "tenants-config"];
    docker(engine, &network).await;
    let leader = &fleet.parts.engines()[ground.other];
    let token = docker(leader, &["swarm", "join-token", "--quiet", "manager"]).await;
    let address = engine.address.to_string();
    let door = format!("{}:2377", leader.address);
    docker(engine, &["swarm", "join", "--token", &token, "--advertise-addr", &address, "--listen-addr", &address, &door]).await;
    docker(leader, &["node", "demote", &node]).await;
    docker(leader, &["node", "rm", "--force", &node]).await;
    let since = ground.epoch().await;
    for one in [0, 2] {
        takes(fleet, one, "drain").await;
    }
    until("it runs on the new host", 120, async || {
        ground.follow().await;
        ground.epoch().await > since && place(fleet, &ground.estate).await == Some(1) && ground.answers().await
    })
    .await;
    let kept = crate::fleet_ground::get(&ground.door(), &ground.host, &format!("{path}/{file}")).await;
    assert_eq!(kept, (200, "an x-ray".to_owned()));
    ground.never_overlapped().await;
}

/// Status and body of the answer to a body that is sent.
async fn post(door: &str, host: &str, path: &str, body: &str) -> (u16, String) {
    let url = format!("http://{door}{path}");
    let arguments = [
        "--silent",
        "--max-time",
        "10",
        "--header",
        &format!("Host: {host}"),
        "--data-binary",
        body,
        "--write-out",
        "\n%{http_code}",
        &url,
    ];
    let out = tokio::process::Command::new("curl").args(arguments).output().await.expect("curl");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (body, code) = text.rsplit_once('\n').unwrap_or(("", "0"));
    (code.parse().unwrap_or_default(), body.to_owned())
}
