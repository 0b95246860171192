//! The stand-in against a real MariaDB with TLS: what reeve relies on is so.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may sleep")]

mod client;
#[path = "../../hold/tests/support/mod.rs"]
mod support;

use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use client::{Answer, Standin, Start};
use nix::sys::signal::Signal;
use serde_json::json;
use support::{MariaDb, until};

/// One server for all tests here; its watcher ends it with this process.
fn server() -> &'static MariaDb {
    static SERVER: OnceLock<MariaDb> = OnceLock::new();
    SERVER.get_or_init(MariaDb::start)
}

/// A tenant that has its first start behind it.
fn ready(name: &str) -> Standin {
    server().tenant(name, "geheim");
    let standin = Start::tenant(server(), name).run();
    standin.is_ready(20);
    standin
}

#[test]
fn the_first_start_is_slow_and_hangs_then_says_not_yet_then_answers() {
    server().tenant("slow", "geheim");
    let standin = Start::tenant(server(), "slow").set("STANDIN_FIRST_START_SECONDS", "3").run();
    until("TCP connects", 5, || TcpStream::connect(("127.0.0.1", standin.port)).is_ok());
    let from = Instant::now();
    assert_eq!(standin.within(Duration::from_millis(300)).get("/openmrs/health/started"), None, "hangs while it is deployed");
    let mut codes: Vec<u16> = Vec::new();
    until("it is ready", 10, || {
        let answer = standin.within(Duration::from_millis(300)).get("/openmrs/health/started");
        codes.extend(answer.as_ref().map(|a| a.status));
        if codes == [503] {
            assert_eq!(standin.within(Duration::from_millis(200)).get("/openmrs/health/alive").unwrap().status, 200);
            assert_eq!(standin.within(Duration::from_millis(100)).get("/openmrs/"), None, "pages hang");
        }
        answer.is_some_and(|a| a.status == 200)
    });
    assert!(from.elapsed() > Duration::from_millis(2500), "{:?}", from.elapsed());
    assert!(codes.contains(&503) && codes.is_sorted_by(|a, b| a >= b), "{codes:?}");
    let mut standin = standin;
    standin.signal(Signal::SIGTERM);
    assert_eq!(standin.ends(5), 143);

    let from = Instant::now();
    let standin = standin.again();
    standin.is_ready(5);
    assert!(from.elapsed() < Duration::from_millis(2500), "a later start is quicker: {:?}", from.elapsed());
}

#[test]
fn without_leave_it_makes_no_tables() {
    server().tenant("refuse", "geheim");
    let mut standin = Start::tenant(server(), "refuse").set("OMRS_CREATE_TABLES", "false").run();
    assert_eq!(standin.ends(10), 1);
    standin.hears("the tables are missing and OMRS_CREATE_TABLES is not true");
}

#[test]
fn a_first_start_that_was_interrupted_is_finished_by_the_next() {
    server().tenant("half", "geheim");
    server().sql("CREATE TABLE half.users (username VARCHAR(50) PRIMARY KEY, salt CHAR(32) NOT NULL, password CHAR(128) NOT NULL)");
    let standin = Start::tenant(server(), "half").set("OMRS_CREATE_TABLES", "false").run();
    standin.is_ready(10);
    assert_eq!(log_in(&standin, "Verwalter1").status, 302);
}

#[test]
fn it_speaks_tls_or_the_server_refuses() {
    server().tenant("bare", "geheim");
    let standin = Start::tenant(server(), "bare").set("OMRS_DB_EXTRA_ARGS", "").run();
    standin.hears("waiting for the database: Server error: `ERROR 1045 (28000)");
}

#[test]
fn every_answer_names_the_tenant_and_the_image() {
    let standin = ready("names");
    for path in [
        "/openmrs/",
        "/openmrs/login.htm",
        "/openmrs/initialsetup",
        "/openmrs/spa/home",
        "/openmrs/nowhere",
        "/openmrs/ws/rest/v1/session",
        "/openmrs/health/alive",
    ] {
        let answer = standin.get(path);
        assert_eq!(answer.status, if path.ends_with("nowhere") { 404 } else { 200 }, "{path}");
        assert_eq!((answer.header("x-standin-schema"), answer.header("x-standin-version")), (Some("names"), Some("v7")), "{path}");
        assert!(answer.body.contains("names") && answer.body.contains("v7"), "{path}: {}", answer.body);
        assert!(answer.body.to_lowercase().contains("stand-in") || answer.body.contains("\"standin\""), "{path}: {}", answer.body);
    }
}

#[test]
fn a_patient_is_written_to_its_schema_and_read_again() {
    let standin = ready("patients");
    let made = standin.post("/openmrs/ws/rest/v1/patient", "application/json", &json!({"name": "Amina"}).to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    let uuid = made.json()["uuid"].as_str().unwrap().to_owned();
    assert_eq!(standin.get(&format!("/openmrs/ws/rest/v1/patient/{uuid}")).json()["display"], "Amina");
    assert_eq!(standin.get("/openmrs/ws/rest/v1/patient?q=min").json()["results"][0]["uuid"], uuid.as_str());
    assert_eq!(standin.get("/openmrs/ws/rest/v1/patient/none").status, 404);
    assert_eq!(server().sql("SELECT name FROM patients.patient"), ["Amina"]);
    // Connections that are killed are replaced, and nobody notices.
    for id in server().sql("SELECT id FROM information_schema.processlist WHERE user = 'patients'") {
        server().sql(&format!("KILL {id}"));
    }
    for _ in 0..5 {
        assert_eq!(standin.get("/openmrs/ws/rest/v1/patient").status, 200);
    }
}

fn log_in(standin: &Standin, password: &str) -> Answer {
    standin.post("/openmrs/login.htm", "application/x-www-form-urlencoded", &format!("uname=admin&pw={password}"))
}

#[test]
fn the_administrators_password_is_set_once_and_a_restart_forgets_sessions() {
    let mut standin = ready("login");
    assert_eq!(log_in(&standin, "wrong").status, 401);
    let answer = log_in(&standin, "Verwalter1");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/openmrs/")));
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("JSESSIONID="));
    let who =
        |standin: &Standin| standin.with("Cookie", &cookie).get("/openmrs/ws/rest/v1/session").unwrap().json()["authenticated"].clone();
    assert_eq!(who(&standin), true);
    assert!(standin.with("Cookie", &cookie).get("/openmrs/").unwrap().body.contains(">admin<"));
    let basic = standin.with("Authorization", "Basic YWRtaW46VmVyd2FsdGVyMQ==").get("/openmrs/ws/rest/v1/session").unwrap();
    assert_eq!(basic.json()["user"]["username"], "admin");
    standin.signal(Signal::SIGTERM);
    assert_eq!(standin.ends(5), 143);
    standin.start.env.insert("OMRS_ADMIN_USER_PASSWORD".into(), "Another2".into());
    let standin = standin.again();
    standin.is_ready(10);
    assert_eq!(who(&standin), false);
    assert_eq!(log_in(&standin, "Another2").status, 401);
    assert_eq!(log_in(&standin, "Verwalter1").status, 302);
}

#[test]
fn the_file_of_the_first_start_wins_until_the_extra_properties_say_otherwise() {
    let mut standin = ready("file");
    let path = standin.data().join("openmrs-runtime.properties");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("encryption.key=") && written.contains("connection.password=geheim"), "{written}");
    server().sql("CREATE USER `file-b`@`%` IDENTIFIED BY 'neu' REQUIRE SSL; GRANT ALL ON file.* TO `file-b`@`%`");
    for (user, password, extra, seen) in [("file-b", "neu", "OTHER", "file"), ("file-b", "neu", "CONNECTION", "file-b")] {
        standin.signal(Signal::SIGTERM);
        assert_eq!(standin.ends(5), 143);
        for (name, value) in [("USERNAME", user), ("PASSWORD", password)] {
            standin.start.env.insert(format!("OMRS_DB_{name}"), value.into());
            standin.start.env.insert(format!("OMRS_EXTRA_{extra}_{name}"), value.into());
        }
        standin = standin.again();
        standin.is_ready(10);
        assert_eq!(standin.get("/openmrs/ws/rest/v1/patient").status, 200);
        let users = server().sql("SELECT DISTINCT user FROM information_schema.processlist WHERE db = 'file'");
        assert_eq!(users, [seen]);
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written, "the key stays");
}

#[test]
fn an_upload_is_kept_in_the_data_folder() {
    let standin = ready("files");
    let made = standin.post("/openmrs/ws/rest/v1/obs", "application/octet-stream", "an image");
    assert_eq!(made.status, 201, "{}", made.body);
    let file = made.json()["file"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(standin.data().join("complex_obs").join(&file)).unwrap(), "an image");
    assert_eq!(standin.get(&format!("/openmrs/ws/rest/v1/obs/{file}")).body, "an image");
}

#[test]
fn what_is_in_flight_is_finished_before_the_end() {
    let mut standin = ready("flight");
    let slow = standin.client();
    let answer = std::thread::spawn(move || slow.get("/openmrs/slow?ms=1500").unwrap());
    std::thread::sleep(Duration::from_millis(300));
    standin.signal(Signal::SIGTERM);
    assert_eq!(answer.join().unwrap().status, 200);
    assert_eq!(standin.ends(5), 143);
    standin.hears("ended");
}

#[test]
fn mail_is_never_sent_and_what_would_be_is_logged() {
    server().tenant("mail", "geheim");
    let standin = Start::tenant(server(), "mail").set("STANDIN_MAIL", "127.0.0.1:9").run();
    standin.is_ready(20);
    let answer = standin.post("/openmrs/mail", "application/json", &json!({"to": "amina@example.org"}).to_string());
    assert_eq!(answer.json()["would_send"], false);
    standin.hears("would send mail to amina@example.org via 127.0.0.1:9");
}
