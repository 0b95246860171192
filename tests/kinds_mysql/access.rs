//! What a tenant's user can and cannot do.

use serde_json::json;

use crate::life::{plane, server, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sees_its_own_schema_and_no_other() {
    let cx = plane("walls").await;
    let (a, b) = (tenant(&cx, "a", json!({})).await, tenant(&cx, "b", json!({})).await);
    let try_as_a = |sql: &str| server().as_user(&a.user, &a.password, true, sql);
    server().by_hand(&format!("CREATE TABLE `{}`.patient (name TEXT); INSERT INTO `{}`.patient VALUES ('B')", b.schema, b.schema));

    let own = format!(
        "USE `{}`; CREATE TABLE t (a INT); INSERT INTO t VALUES (7); CREATE VIEW v AS SELECT a FROM t; \
         CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 7; CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 8; SELECT f() + a FROM v",
        a.schema
    );
    assert_eq!(try_as_a(&own).expect("its own schema"), "14");
    assert_eq!(try_as_a("SHOW DATABASES").expect("a listing"), format!("information_schema\n{}", a.schema));
    assert_eq!(
        try_as_a(&format!("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}'", b.schema)).expect("a count"),
        "0"
    );
    assert_eq!(try_as_a("SELECT GROUP_CONCAT(DISTINCT USER) FROM information_schema.PROCESSLIST").expect("a listing"), a.user);
    for attack in [
        format!("SELECT * FROM `{}`.patient", b.schema),
        format!("USE `{}`", b.schema),
        format!("DROP DATABASE `{}`", b.schema),
        "CREATE DATABASE mine".to_owned(),
        "SELECT * FROM mysql.user".to_owned(),
        "SELECT * FROM reeve.marks".to_owned(),
        "CREATE USER x".to_owned(),
        format!("GRANT SELECT ON `{}`.* TO '{}'@'%'", a.schema, b.user),
        "SET GLOBAL max_connections = 1".to_owned(),
        "SELECT LOAD_FILE('/etc/passwd') INTO OUTFILE '/tmp/reeve-out'".to_owned(),
        "SHOW BINARY LOGS".to_owned(),
    ] {
        let answer = try_as_a(&attack).expect_err(&attack);
        assert!(answer.contains("denied"), "{attack}: {answer}");
    }
    // What a user makes in its own schema gives it rights that its own already say: no drift.
    let differs = crate::life::Life::of(&cx, "tenant/a.user").differs(&a.user, &a.wish).await;
    assert!(differs.is_empty(), "{differs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_without_tls_or_beyond_the_limits() {
    let cx = plane("limits").await;
    let one = tenant(&cx, "one", json!({ "max_user_connections": 1, "max_queries_per_hour": 20 })).await;
    assert!(server().as_user(&one.user, &one.password, false, "SELECT 1").is_err(), "without TLS");
    assert_eq!(server().as_user(&one.user, &one.password, true, "SELECT 1").expect("with TLS"), "1");
    let (user, password) = (one.user.clone(), one.password.clone());
    let first = std::thread::spawn(move || server().as_user(&user, &password, true, "SELECT SLEEP(2)"));
    while server().by_hand(&format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{}'", one.user)) != "1" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let second = server().as_user(&one.user, &one.password, true, "SELECT 1").expect_err("a second connection");
    assert!(second.contains("max_user_connections"), "{second}");
    first.join().expect("it ends").expect("the first is served");
    let many = "SELECT 1; ".repeat(30);
    let answer = server().as_user(&one.user, &one.password, true, &many).expect_err("too many");
    assert!(answer.contains("max_queries_per_hour"), "{answer}");
}
