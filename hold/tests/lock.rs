//! One writer per database, against a real MariaDB with TLS that is restarted, cut off and asked wrongly, with wrappers that are frozen.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may sleep")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;
#[path = "support/wrapper.rs"]
mod wrapper;
#[path = "support/writes.rs"]
mod writes;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use proxy::Proxy;
use support::{MariaDb, until};
use wrapper::{Start, container, state};
use writes::{WRITER, check, last_epoch, prepare};

/// One server for all tests here that do not hurt it; the watcher ends it with this process.
fn server() -> &'static MariaDb {
    static SERVER: OnceLock<MariaDb> = OnceLock::new();
    SERVER.get_or_init(MariaDb::start)
}

/// The writer that wrappers start: this test program again, told by its environment.
#[test]
fn writer() {
    if std::env::var_os("DB_USER").is_some() {
        writes::write_for_ever();
    }
}

#[test]
fn a_start_and_an_end_are_in_the_log_and_the_next_one_does_not_wait() {
    let server = server();
    prepare(server, "plain-one");
    for epoch in 1..=2 {
        let from = Instant::now();
        let mut wrapper = Start::tenant(server, "plain-one", "geheim").run(&["sh", "-c", "echo epoch is $REEVE_EPOCH; exit 3"]);
        assert_eq!(wrapper.ends(10).code(), Some(3));
        assert!(from.elapsed() < Duration::from_secs(4), "no wait after a clean end");
        wrapper.hears(&format!("epoch is {epoch}"), 1);
    }
    let log =
        server.sql("SELECT epoch, app_started_at >= taken_at, ended_at >= app_started_at, lost_at, why FROM `plain-one`.reeve_writer_log");
    assert_eq!(log, ["1\t1\t1\tNULL\texit code 3", "2\t1\t1\tNULL\texit code 3"]);
}

#[test]
fn two_wrappers_started_at_once_never_run_side_by_side() {
    let server = server();
    prepare(server, "pair");
    let mut first = Start::tenant(server, "pair", "geheim").run(&WRITER());
    let mut second = Start::tenant(server, "pair", "geheim").run(&WRITER());
    until("one writes", 15, || last_epoch(server, "pair") >= 1);
    std::thread::sleep(Duration::from_secs(3));
    let (winner, loser) = if first.said().contains("starting") { (&mut first, &mut second) } else { (&mut second, &mut first) };
    loser.hears("waiting: another container is this tenant's writer", 5);
    assert!(!loser.said().contains("starting"), "{}", loser.said());
    let before = last_epoch(server, "pair");
    winner.signal(Signal::SIGTERM);
    assert_eq!(winner.ends(10).code(), Some(143));
    loser.hears("starting the application", 10);
    until("the other writes", 10, || last_epoch(server, "pair") > before);
    check(server, "pair");
}

#[test]
fn two_users_of_one_tenant_share_the_lock_and_a_copy_of_the_schema_has_another() {
    let server = server();
    prepare(server, "turn");
    server.sql("CREATE USER `turn-b`@`%` IDENTIFIED BY 'neu' REQUIRE SSL; GRANT ALL ON turn.* TO `turn-b`@`%`");
    let mut first = Start::tenant(server, "turn", "geheim").run(&["sleep", "1000"]);
    first.hears("starting the application", 10);

    let mut after = Start::tenant(server, "turn", "geheim");
    after.secret = serde_json::json!({"user": "turn-b", "password": "neu"});
    let after = after.run(&["sleep", "1000"]);
    after.hears("waiting: another container", 10);

    server.tenant("turn-copy", "geheim");
    for table in ["reeve_writer", "reeve_writer_log"] {
        server.sql(&format!(
            "CREATE TABLE `turn-copy`.{table} LIKE turn.{table}; INSERT INTO `turn-copy`.{table} SELECT * FROM turn.{table}"
        ));
    }
    let copy = Start::tenant(server, "turn-copy", "geheim").run(&["sleep", "1000"]);
    copy.hears("starting the application", 15);

    assert!(!after.said().contains("starting"), "{}", after.said());
    first.signal(Signal::SIGTERM);
    assert_eq!(first.ends(10).code(), Some(143));
    after.hears("epoch 2: starting the application", 10);
}

#[test]
fn an_account_without_room_is_waited_for_and_named() {
    let server = server();
    prepare(server, "full");
    server.sql("ALTER USER `full`@`%` WITH MAX_USER_CONNECTIONS 1");
    let first = Start::tenant(server, "full", "geheim").run(&["sleep", "1000"]);
    first.hears("starting the application", 10);
    let second = Start::tenant(server, "full", "geheim").run(&["sleep", "1000"]);
    second.hears("waiting for the database", 10);
    assert!(second.said().contains("max_user_connections") && second.said().contains("(error 1226)"), "{}", second.said());
}

#[test]
fn a_frozen_container_is_taken_over_and_killed_when_it_wakes() {
    let server = server();
    prepare(server, "frozen");
    let mut first = Start::tenant(server, "frozen", "geheim").run(&WRITER());
    until("the first writes", 15, || last_epoch(server, "frozen") == 1);
    let application = first.family();
    first.signal(Signal::SIGSTOP);
    application.iter().for_each(|&pid| kill(pid, Signal::SIGSTOP).unwrap());
    let second = Start::tenant(server, "frozen", "geheim").run(&WRITER());
    second.hears("starting the application", 20);
    until("the second writes", 10, || last_epoch(server, "frozen") == 2);
    first.signal(Signal::SIGCONT);
    application.iter().for_each(|&pid| kill(pid, Signal::SIGCONT).unwrap());
    assert_eq!(first.ends(10).code(), Some(75));
    first.hears("another container is the writer now", 1);
    std::thread::sleep(Duration::from_secs(1));
    check(server, "frozen");
}

#[test]
fn an_application_that_its_frozen_wrapper_leaves_running_keeps_the_next_from_starting() {
    let server = server();
    prepare(server, "alone");
    let mut first = Start::tenant(server, "alone", "geheim").run(&WRITER());
    until("the first writes", 15, || last_epoch(server, "alone") == 1);
    first.signal(Signal::SIGSTOP);
    let second = Start::tenant(server, "alone", "geheim").run(&WRITER());
    second.hears("ending the other sessions", 20);
    std::thread::sleep(Duration::from_secs(5));
    assert!(!second.said().contains("starting"), "{}", second.said());
    first.signal(Signal::SIGCONT);
    assert_eq!(first.ends(10).code(), Some(75));
    second.hears("starting the application", 20);
    until("the second writes", 10, || last_epoch(server, "alone") == 2);
    check(server, "alone");
}

#[test]
fn a_container_that_is_cut_off_stops_and_another_takes_over() {
    let server = server();
    prepare(server, "cut");
    let line = Proxy::to(server.port);
    let mut start = Start::tenant(server, "cut", "geheim").set("port", line.port);
    start.env = vec![("DB_PORT".into(), line.port.to_string())];
    let mut first = start.run(&WRITER());
    until("the first writes", 15, || last_epoch(server, "cut") == 1);
    let application = first.family();
    line.cut(true);
    let cut = Instant::now();
    first.hears("stopped: no answer within 500 ms", 3);
    assert!(cut.elapsed() < Duration::from_millis(1500), "stopped after {:?}", cut.elapsed());
    until("the application is stopped", 1, || application.iter().all(|&pid| state(pid) == Some('T')));
    let second = Start::tenant(server, "cut", "geheim").run(&WRITER());
    second.hears("starting the application", 20);
    until("the second writes", 10, || last_epoch(server, "cut") == 2);
    println!("take-over {:?} after the cut, with a session of 4 s", cut.elapsed());
    line.cut(false);
    assert_eq!(first.ends(10).code(), Some(75));
    std::thread::sleep(Duration::from_secs(1));
    check(server, "cut");
}

#[test]
fn a_short_cut_only_stops_it_for_a_while() {
    let server = server();
    prepare(server, "short");
    let line = Proxy::to(server.port);
    let mut start = Start::tenant(server, "short", "geheim").set("port", line.port);
    start.env = vec![("DB_PORT".into(), line.port.to_string())];
    let wrapper = start.run(&WRITER());
    until("it writes", 15, || last_epoch(server, "short") == 1);
    line.cut(true);
    wrapper.hears("stopped: ", 3);
    std::thread::sleep(Duration::from_secs(1));
    line.cut(false);
    wrapper.hears("going on after", 10);
    let count = || server.sql("SELECT COUNT(*) FROM `short`.written")[0].parse::<u64>().unwrap();
    let before = count();
    until("it writes on", 5, || count() > before);
    check(server, "short");
}

/// What Docker would ask inside the container of this wrapper; nothing listens on the port.
fn healthy(hold: nix::unistd::Pid) -> bool {
    let inside = format!(
        "exec nsenter --target {hold} --pid --mount --root {} probe --port 9 --ready /r --live /l",
        env!("CARGO_BIN_EXE_reeve-hold")
    );
    std::process::Command::new("timeout").args(["--signal=KILL", "2", "sh", "-c", &inside]).status().unwrap().success()
}

#[test]
fn as_pid_1_it_stops_the_whole_container_and_lets_it_go_on() {
    let server = server();
    prepare(server, "whole");
    let line = Proxy::to(server.port);
    let script = "setsid sh -c 'setsid sleep 1000 & wait' & trap 'exit 8' TERM; echo up; while :; do sleep 0.2; done";
    let mut wrapper = container(Start::tenant(server, "whole", "geheim").set("port", line.port)).run(&["sh", "-c", script]);
    wrapper.hears("up", 15);
    let hold = wrapper.family()[0];
    let inside = || wrapper::family(hold).into_iter().filter_map(state).collect::<String>();
    until("all four run", 5, || inside().len() == 4);
    line.cut(true);
    until("all are stopped", 5, || inside() == "TTTT");
    // The wrapper stops newcomers too, ten times a second: a probe that comes just then is lost, and the next one is not.
    until("it is healthy while it is stopped", 10, || healthy(hold));
    line.cut(false);
    wrapper.hears("going on after", 10);
    until("none is stopped", 5, || !inside().contains('T'));
    assert!(!healthy(hold), "nothing answers on its port");
    kill(hold, Signal::SIGTERM).unwrap();
    assert_eq!(wrapper.ends(10).code(), Some(8));
    assert_eq!(server.sql("SELECT why FROM whole.reeve_writer_log"), ["exit code 8"]);
}

#[test]
fn a_signal_to_end_while_it_is_stopped_kills() {
    let server = server();
    prepare(server, "ending");
    let line = Proxy::to(server.port);
    let mut wrapper = Start::tenant(server, "ending", "geheim").set("port", line.port).run(&[
        "sh",
        "-c",
        "trap 'echo trapped; exit 0' TERM; while :; do sleep 0.1; done",
    ]);
    wrapper.hears("starting", 10);
    line.cut(true);
    wrapper.hears("stopped: ", 3);
    wrapper.signal(Signal::SIGTERM);
    assert_eq!(wrapper.ends(10).code(), Some(143));
    assert!(!wrapper.said().contains("trapped"), "{}", wrapper.said());
}

#[test]
fn a_container_that_was_killed_is_followed_after_its_sessions_time() {
    let server = server();
    prepare(server, "killed");
    let mut first = Start::tenant(server, "killed", "geheim").run(&["sleep", "1000"]);
    first.hears("starting", 10);
    let application = first.family();
    first.signal(Signal::SIGKILL);
    application.iter().for_each(|&pid| kill(pid, Signal::SIGKILL).unwrap());
    let from = Instant::now();
    first.ends(5);
    let second = Start::tenant(server, "killed", "geheim").run(&["sleep", "1000"]);
    second.hears("starting", 20);
    assert!(from.elapsed() > Duration::from_millis(2500), "nothing says that the first has ended: {:?}", from.elapsed());
    let log = server.sql("SELECT epoch, why FROM `killed`.reeve_writer_log");
    assert_eq!(log, ["1\ttaken over by epoch 2", "2\tNULL"]);
}
