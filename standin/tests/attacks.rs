//! The attacks do what they say, so that a test that sees one fail knows why.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may sleep")]

mod client;
#[path = "../../hold/tests/support/mod.rs"]
mod support;

use client::Start;
use support::MariaDb;

#[test]
fn each_attack_succeeds_where_nothing_is_in_its_way() {
    let server = MariaDb::start();
    server.tenant("a", "geheim");
    server.tenant("b", "geheim");
    let (a, b) = (Start::tenant(&server, "a").run(), Start::tenant(&server, "b").run());
    a.is_ready(20);
    b.is_ready(20);
    let try_it = |path: &str| a.get(&format!("/openmrs/attack/{path}")).json();

    assert_eq!(try_it(&format!("connect?host=127.0.0.1&port={}", b.port))["connected"], true);
    assert_eq!(try_it("connect?host=127.0.0.1&port=9")["connected"], false);
    assert_eq!(try_it("connect?unix=/no/such.sock")["connected"], false);
    let seen = try_it(&format!("http?url=http://127.0.0.1:{}/openmrs/health/alive", b.port));
    assert_eq!(seen["status"], 200);
    assert!(seen["text"].as_str().unwrap().contains("x-standin-schema: b"), "{seen}");
    let file = b.data().join("openmrs-runtime.properties");
    assert!(try_it(&format!("read?path={}", file.display()))["text"].as_str().unwrap().contains("encryption.key"));
    assert!(try_it(&format!("read?path={}", b.data().display()))["text"].as_str().unwrap().contains("openmrs-runtime.properties"));
    assert_eq!(try_it(&format!("write?path={}/new", b.data().display()))["written"], true);
    assert_eq!(try_it("write?path=/no/such/folder/new")["written"], false);
    assert_eq!(try_it(&format!("fill?path={}/new&mb=2", b.data().display()))["mb"], 2);
    assert!(try_it("fill?path=/no/such/folder/new")["error"].is_string());
    assert_eq!(try_it(&format!("crowd?host=127.0.0.1&port={}&count=20", b.port))["opened"], 20);
    assert_eq!(try_it("crowd?host=127.0.0.1&port=9")["opened"], 0);
    assert_eq!(try_it("fork-bomb?count=20&seconds=0")["started"], 20);
    assert_eq!(try_it("fill-memory?mb=32&seconds=0")["mb"], 32);
    assert!(try_it("log-flood?mb=2")["mb"].as_u64().unwrap() >= 2);
    a.hears("flood flood");

    let sql = try_it("mysql?schema=b&connections=5");
    assert_eq!((&sql["login"], &sql["opened"]), (&true.into(), &5.into()), "{sql}");
    assert!(sql["schemas"].as_array().unwrap().contains(&"a".into()) && !sql["schemas"].as_array().unwrap().contains(&"b".into()), "{sql}");
    for what in ["tables", "patients", "create"] {
        assert!(sql[what]["error"].as_str().unwrap().contains("denied"), "{what}: {sql}");
    }
    server.sql("GRANT ALL ON b.* TO `a`@`%`");
    let sql = try_it("mysql?schema=b");
    assert!(sql["tables"].as_array().unwrap().contains(&"patient".into()), "{sql}");
    assert_eq!(try_it("mysql?tls=no")["login"], false);
    assert_eq!(try_it("mysql?user=b&password=wrong")["login"], false);
    assert_eq!(b.get("/openmrs/ws/rest/v1/patient").status, 200);
}
