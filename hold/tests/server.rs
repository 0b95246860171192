//! What the wrapper does when the server itself is away, restarts, or is not to be trusted. Each test has a server of its own.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may sleep")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;
#[path = "support/wrapper.rs"]
mod wrapper;
#[path = "support/writes.rs"]
mod writes;

use std::time::Duration;

use nix::sys::signal::Signal;
use proxy::Proxy;
use support::{MariaDb, until};
use wrapper::Start;
use writes::{WRITER, check, last_epoch, prepare};

/// The writer that wrappers start: this test program again, told by its environment.
#[test]
fn writer() {
    if std::env::var_os("DB_USER").is_some() {
        writes::write_for_ever();
    }
}

#[test]
fn after_a_restart_that_forgot_the_lock_it_goes_on() {
    let server = MariaDb::start();
    prepare(&server, "back");
    let wrapper = Start::tenant(&server, "back", "geheim").run(&WRITER());
    until("it writes", 15, || last_epoch(&server, "back") == 1);
    // As at a failover: another is waiting, the locks are forgotten, and both come back at once.
    let mut rival = Start::tenant(&server, "back", "geheim").run(&WRITER());
    rival.hears("another container is this tenant's writer", 10);
    server.down(true);
    wrapper.hears("stopped: ", 5);
    std::thread::sleep(Duration::from_secs(1));
    server.up();
    // One of the two wins; which is not ours to say, but never both.
    let count = || server.sql("SELECT COUNT(*) FROM back.written")[0].parse::<u64>().unwrap();
    let before = count();
    until("one writes on", 30, || count() > before + 20);
    check(&server, "back");
    rival.signal(Signal::SIGTERM);
    rival.ends(10);
}

#[test]
fn alone_after_a_restart_it_goes_on_under_the_same_epoch() {
    let server = MariaDb::start();
    prepare(&server, "same");
    let wrapper = Start::tenant(&server, "same", "geheim").run(&WRITER());
    until("it writes", 15, || last_epoch(&server, "same") == 1);
    server.down(false);
    wrapper.hears("stopped: ", 5);
    wrapper.hears("still stopped: ", 5);
    server.up();
    wrapper.hears("the lock is ours and the epoch unchanged: going on after", 15);
    let count = || server.sql("SELECT COUNT(*) FROM same.written")[0].parse::<u64>().unwrap();
    let before = count();
    until("it writes on", 10, || count() > before);
    assert_eq!(server.sql("SELECT COUNT(*), MAX(epoch) FROM same.reeve_writer_log"), ["1\t1"]);
    check(&server, "same");
}

/// Two hosts, each with its own line to the server, each starting its container again whenever it ends; lines are cut, containers killed and the
/// server crashes, in an order that the clock draws. Whatever happens, no two epochs write side by side, and somebody writes at the end.
#[test]
fn whatever_happens_there_is_one_writer() {
    let server = MariaDb::start();
    prepare(&server, "chaos");
    let lines = [Proxy::to(server.port), Proxy::to(server.port)];
    let start = |host: usize| {
        let mut start = Start::tenant(&server, "chaos", "geheim").set("port", lines[host].port);
        start.env = vec![("DB_PORT".into(), lines[host].port.to_string())];
        start.run(&WRITER())
    };
    let mut hosts = [start(0), start(1)];
    until("one writes", 15, || last_epoch(&server, "chaos") >= 1);
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let mut state = u64::from(seed) | 1;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut history = vec![format!("seed {seed}")];
    for _ in 0..12 {
        let host = usize::try_from(draw(2)).unwrap();
        let pause = Duration::from_millis(200 + draw(2500));
        match draw(6) {
            0..=2 => {
                history.push(format!("cut {host}"));
                lines[host].cut(true);
            }
            3 => {
                history.push(format!("kill {host}"));
                let below = hosts[host].family();
                hosts[host].signal(Signal::SIGKILL);
                for pid in below {
                    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
                }
            }
            4 => {
                history.push("crash".into());
                server.down(true);
                std::thread::sleep(pause / 3);
                server.up();
            }
            _ => {
                history.push(format!("end {host}"));
                hosts[host].signal(Signal::SIGTERM);
            }
        }
        std::thread::sleep(pause);
        lines[usize::try_from(draw(2)).unwrap()].cut(false);
        for (host, wrapper) in hosts.iter_mut().enumerate() {
            if wrapper.child.try_wait().unwrap().is_some() {
                *wrapper = start(host);
            }
        }
    }
    lines.iter().for_each(|line| line.cut(false));
    println!("{history:?}");
    let count = || server.sql("SELECT COUNT(*) FROM chaos.written")[0].parse::<u64>().unwrap();
    let before = count();
    until("somebody writes at the end", 60, || {
        for (host, wrapper) in hosts.iter_mut().enumerate() {
            if wrapper.child.try_wait().unwrap().is_some() {
                *wrapper = start(host);
            }
        }
        count() > before + 10
    });
    check(&server, "chaos");
}

#[test]
fn a_server_that_stays_away_ends_it_after_its_patience() {
    let server = MariaDb::start();
    prepare(&server, "away");
    let mut wrapper = Start::tenant(&server, "away", "geheim").set("patience_s", 2).run(&["sleep", "1000"]);
    wrapper.hears("starting", 15);
    let application = wrapper.family();
    server.down(true);
    assert_eq!(wrapper.ends(15).code(), Some(75));
    wrapper.hears("killed: the lock did not come back", 1);
    assert!(application.iter().all(|&pid| wrapper::state(pid).is_none()));
}

#[test]
fn a_server_that_is_down_is_waited_for() {
    let server = MariaDb::start();
    prepare(&server, "later");
    server.down(false);
    let mut wrapper = Start::tenant(&server, "later", "geheim").run(&["sh", "-c", "exit 6"]);
    wrapper.hears(&format!("waiting for the database localhost:{}: ", server.port), 5);
    server.up();
    assert_eq!(wrapper.ends(20).code(), Some(6));

    server.down(false);
    let mut wrapper = Start::tenant(&server, "later", "geheim").run(&["true"]);
    wrapper.hears("waiting for the database", 5);
    wrapper.signal(Signal::SIGTERM);
    assert_eq!(wrapper.ends(5).code(), Some(143));
}

#[test]
fn what_cannot_be_trusted_is_refused() {
    let server = MariaDb::start();
    prepare(&server, "trust");
    let refused = |start: Start, words: &str| {
        let mut wrapper = start.run(&["sh", "-c", "echo started"]);
        assert_eq!(wrapper.ends(10).code(), Some(77), "{}", wrapper.said());
        let said = wrapper.said();
        assert!(said.contains(words) && !said.contains("started") && !said.contains("geheim") && !said.contains("Kanarie"), "{said}");
        println!("{said}");
    };
    refused(Start::tenant(&server, "trust", "Kanarienvogel"), "Access denied for user 'trust'");
    refused(Start::tenant(&server, "trust", "geheim").set("schema", "mysql"), "denied");
    refused(Start::tenant(&server, "trust", "geheim").set("ca", server.other_ca().display().to_string()), "TLS with the database: ");
    // The certificate is for localhost, not for this address of it.
    refused(Start::tenant(&server, "trust", "geheim").set("host", "127.0.0.1"), "TLS with the database: ");

    let bare = MariaDb::without_tls();
    prepare(&bare, "trust");
    refused(Start::tenant(&bare, "trust", "geheim"), "the database does not speak TLS");
}
