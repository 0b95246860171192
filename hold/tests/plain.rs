//! Without a database: signals, exit codes, reaping, the environment. With real processes, and as PID 1 of a real PID namespace.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may sleep")]

mod support;
#[path = "support/wrapper.rs"]
mod wrapper;

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use support::until;
use wrapper::{Start, container, state};

#[test]
fn it_says_its_version() {
    let out = Command::new(env!("CARGO_BIN_EXE_reeve-hold")).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(out.stdout).unwrap(), concat!("reeve-hold ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn it_exits_as_the_application_does() {
    assert_eq!(Start::plain().run(&["sh", "-c", "exit 7"]).ends(5).code(), Some(7));
    assert_eq!(Start::plain().run(&["sh", "-c", "kill -9 $$"]).ends(5).code(), Some(137));
    assert_eq!(Start::plain().run(&["/no/such/program"]).ends(5).code(), Some(127));
    assert_eq!(Start::plain().run(&["/etc/passwd"]).ends(5).code(), Some(126));
}

#[test]
fn wrong_settings_are_named() {
    let mut wrapper = Start::plain().set("hots", "db").run(&["true"]);
    assert_eq!(wrapper.ends(5).code(), Some(78));
    wrapper.hears("unknown field `hots`", 1);
}

#[test]
fn a_signal_reaches_what_runs_below_a_shell() {
    // Neither shell passes anything on, and the inner one leads a session of its own.
    let script = "setsid sh -c 'trap \"echo inner; exit 0\" TERM; echo ready; while :; do sleep 0.05; done' & trap '' TERM; wait; exit 5";
    let mut wrapper = Start::plain().run(&["sh", "-c", script]);
    wrapper.hears("ready", 5);
    wrapper.signal(Signal::SIGTERM);
    wrapper.hears("inner", 5);
    assert_eq!(wrapper.ends(5).code(), Some(5));
}

#[test]
fn the_application_inherits_no_blocked_or_ignored_signal() {
    let mut wrapper = Start::plain().run(&["sleep", "1000"]);
    until("sleep runs", 5, || {
        wrapper.family().iter().any(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "sleep\n"))
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", wrapper.family()[0])).unwrap();
    for field in ["SigBlk:", "SigIgn:"] {
        let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim();
        // The first 31: what lies above may come from whoever started the tests.
        assert_eq!(u64::from_str_radix(value, 16).unwrap() & 0x7fff_ffff, 0, "{status}");
    }
    wrapper.signal(Signal::SIGTERM);
    assert_eq!(wrapper.ends(5).code(), Some(143));
}

#[test]
fn other_signals_are_passed_on() {
    let script = "trap 'echo hup' HUP; trap 'echo usr1' USR1; trap 'echo int; exit 3' INT; echo ready; while :; do sleep 0.05; done";
    let mut wrapper = Start::plain().run(&["sh", "-c", script]);
    wrapper.hears("ready", 5);
    for (signal, words) in [(Signal::SIGHUP, "hup"), (Signal::SIGUSR1, "usr1"), (Signal::SIGINT, "int")] {
        wrapper.signal(signal);
        wrapper.hears(words, 5);
    }
    assert_eq!(wrapper.ends(5).code(), Some(3));
}

#[test]
fn what_is_left_over_ends_with_the_application() {
    let mut wrapper = Start::plain().run(&["sh", "-c", "trap '' TERM; setsid sleep 1000 & echo pid $!.; sleep 0.3; exit 4"]);
    wrapper.hears(".", 5);
    let said = wrapper.said();
    let pid: i32 = said.trim().trim_start_matches("pid ").trim_end_matches('.').parse().unwrap();
    assert_eq!(wrapper.ends(10).code(), Some(4));
    assert_eq!(state(nix::unistd::Pid::from_raw(pid)), None, "the sleeping one is gone");
}

#[test]
fn zombies_are_reaped() {
    let script = "for i in 1 2 3 4 5; do sh -c 'sleep 0.1 & exit'; done; echo ready; sleep 2";
    let wrapper = Start::plain().run(&["sh", "-c", script]);
    wrapper.hears("ready", 5);
    std::thread::sleep(Duration::from_millis(600));
    let zombies = wrapper.family().into_iter().filter(|&pid| state(pid) == Some('Z')).count();
    assert_eq!(zombies, 0);
}

#[test]
fn as_pid_1_without_any_right_it_does_all_that() {
    let script = "touch /written 2>/dev/null && echo writable; echo uid $(id -u):$(id -g) of $PPID; grep NoNewPrivs /proc/1/status; \
                  grep CapEff /proc/1/status; setsid sh -c 'trap \"echo inner; exit 0\" TERM; echo ready; while :; do sleep 0.05; done' & \
                  trap '' TERM; sh -c 'sleep 0.1 & exit'; wait; sleep 0.3; ps -e -o stat= | grep -c Z; exit 9";
    let mut wrapper = container(Start::plain()).run(&["sh", "-c", script]);
    wrapper.hears("ready", 5);
    let said = wrapper.said();
    assert!(said.contains("uid 1001:0 of 1") && said.contains("NoNewPrivs:\t1") && said.contains("CapEff:\t0000000000000000"), "{said}");
    assert!(!said.contains("writable"), "{said}");
    let hold = wrapper.family()[0];
    nix::sys::signal::kill(hold, Signal::SIGTERM).unwrap();
    wrapper.hears("inner", 5);
    assert_eq!(wrapper.ends(5).code(), Some(9));
    assert!(wrapper.said().ends_with("\n0"), "no zombies: {}", wrapper.said());
}

#[test]
fn the_secret_is_in_the_applications_environment_only() {
    let mut start = Start::plain().set("env", serde_json::json!({"DB": "{user}/{password}"}));
    start.secret = serde_json::json!({"user": "ckwc-a", "password": "Kanarienvogel", "admin_password": "Zeisig"});
    let script = "echo got $DB; tr '\\0' '\\n' < /proc/$PPID/environ | grep -c -e 'Kanarien[v]ogel' -e '[Z]eisig'; \
                  tr '\\0' '\\n' < /proc/$PPID/cmdline | grep -c 'Kanarien[v]ogel'; echo hold=$REEVE_HOLD.; sleep 5";
    let wrapper = start.run(&["sh", "-c", script]);
    wrapper.hears("hold=.", 5);
    assert_eq!(wrapper.said(), "got ckwc-a/Kanarienvogel\n0\n0\nhold=.");
}

#[test]
fn a_secret_that_cannot_be_used_is_told_without_its_values() {
    let mut start = Start::plain().set("env", serde_json::json!({"DB": "{pass}"}));
    start.secret = serde_json::json!({"user": "u", "password": "Kanarienvogel"});
    let mut wrapper = start.run(&["true"]);
    assert_eq!(wrapper.ends(5).code(), Some(78));
    assert_eq!(wrapper.said(), "reeve-hold: env.DB: the secret has no field pass");

    let mut start = Start::plain();
    start.secret = serde_json::json!({"user": "u", "password": ["Kanarienvogel"]});
    let mut wrapper = start.run(&["true"]);
    assert_eq!(wrapper.ends(5).code(), Some(78));
    assert!(!wrapper.said().contains("Kanarien") && wrapper.said().contains("no JSON object of texts"), "{}", wrapper.said());
}
