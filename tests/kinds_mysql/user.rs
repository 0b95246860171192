use std::collections::BTreeSet;

use reeve::kinds::mysql::user::User;
use reeve::kinds::{Kind, Live};
use reeve::planes::Class;
use serde_json::json;

use crate::life::{Life, plane, secret, server, tenant, wish};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_changed_and_dropped_and_its_connections_end() {
    let cx = plane("users").await;
    let one = tenant(&cx, "one", json!({})).await;
    let life = Life::of(&cx, "tenant/one.user");
    let elsewhere = Life::of(&cx, "tenant/other.schema").create(&wish::<reeve::kinds::mysql::schema::Schema>(json!({}))).await.id;
    let with = |field: &str, value: serde_json::Value| {
        let mut spec = serde_json::to_value(&one.wish).expect("JSON");
        spec[field] = value;
        wish::<User>(spec)
    };
    let wishes = vec![
        one.wish.clone(),
        with("max_user_connections", json!(3)),
        with("max_queries_per_hour", json!(1000)),
        with("max_updates_per_hour", json!(500)),
        with("max_connections_per_hour", json!(100)),
        with("account_locked", json!(true)),
        with("schema", json!(elsewhere)),
        one.wish.clone(),
    ];
    life.lives(&one.user, &wishes).await;

    let (user, password) = (one.user.clone(), one.password.clone());
    let sleeper = std::thread::spawn(move || server().as_user(&user, &password, true, "SELECT SLEEP(30)"));
    let count = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{}'", one.user);
    while server().by_hand(&count) != "1" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    life.dies::<User>(&one.user).await;
    assert!(sleeper.join().expect("it ends").is_err(), "the connection was ended");
    assert_eq!(server().by_hand(&count), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_rotation_a_second_user_stands_beside_the_first_until_that_is_dropped() {
    let cx = plane("rotation").await;
    let one = tenant(&cx, "one", json!({})).await;
    let (parameter, fingerprint) = secret("rotation", "SecondPassword1234567890ab").await;
    let next = User { password: Some(reeve::model::Ref::to(parameter)), fingerprint: fingerprint.into(), ..one.wish.clone() };
    let second = Life { salt: "beside", ..Life::of(&cx, "tenant/one.user") };
    let made = second.create(&next).await;
    assert_ne!(made.id, one.user);
    assert!(made.id.len() <= 32);
    for (user, password) in [(&one.user, one.password.as_str()), (&made.id, "SecondPassword1234567890ab")] {
        server().as_user(user, password, true, &format!("USE `{}`; SELECT 1", one.schema)).expect("both work");
    }
    Life::of(&cx, "tenant/one.user").dies::<User>(&one.user).await;
    assert!(server().as_user(&one.user, &one.password, true, "SELECT 1").is_err());
    let left: Vec<Live<User>> = User::fetch(&cx.fresh()).await.expect("a listing");
    assert_eq!(left.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [made.id.as_str()]);
    assert_eq!(second.differs(&made.id, &next).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_not_the_planned_one_makes_no_user() {
    let cx = plane("early").await;
    let (parameter, _) = secret("early", "SomePassword1234567890abcd").await;
    let want: User = wish(json!({ "schema": "nowhere", "password": parameter, "fingerprint": "another" }));
    let error = User::create(&cx, &Life::of(&cx, "tenant/one.user").creation(&want)).await.expect_err("refused");
    assert_eq!(error.class, Class::Early, "{error}");
    assert_eq!(server().by_hand("SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'early%'"), "0");
}

#[test]
fn what_nobody_may_wish_is_refused_in_the_yaml() {
    for (spec, field) in [
        (json!({ "schema": "s", "fingerprint": "f" }), "password"),
        (json!({ "schema": "s", "fingerprint": "f", "password": "p", "require_ssl": false }), "require_ssl"),
        (json!({ "schema": "s", "fingerprint": "f", "password": "p", "rights": ["all", "PROCESS on *.*"] }), "rights"),
    ] {
        let wrong: User = serde_json::from_value(spec).expect("a user");
        assert_eq!(wrong.check().iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), [field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replaced_user_made_goes_on_and_the_user_goes_with_its_schema() {
    let cx = plane("makers").await;
    let one = tenant(&cx, "one", json!({})).await;
    let made = "CREATE TABLE t (a INT); INSERT INTO t VALUES (7); CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS INT READS SQL DATA \
                RETURN (SELECT a FROM t); CREATE TRIGGER r AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES (1); CREATE TABLE log (n INT)";
    server().as_user(&one.user, &one.password, true, &format!("USE `{}`; {made}", one.schema)).expect("made");
    let (parameter, fingerprint) = secret("makers", "SecondPassword1234567890ab").await;
    let next = User { password: Some(reeve::model::Ref::to(parameter)), fingerprint: fingerprint.into(), ..one.wish.clone() };
    let second = Life { salt: "beside", ..Life::of(&cx, "tenant/one.user") };
    let beside = second.create(&next).await.id;
    Life::of(&cx, "tenant/one.user").dies::<User>(&one.user).await;

    let asked = format!("USE `{}`; SELECT a FROM v; SELECT f(); DELETE FROM t; SELECT COUNT(*) FROM log", one.schema);
    assert_eq!(server().as_user(&beside, "SecondPassword1234567890ab", true, &asked).expect("it goes on"), "7\n7\n1");
    assert!(server().as_user(&one.user, &one.password, true, "SELECT 1").is_err(), "nobody logs in with the old one");
    let pass = cx.fresh();
    let listed: Vec<String> = User::fetch(&pass).await.expect("a listing").into_iter().map(|one| one.id).collect();
    assert_eq!(listed, [beside.as_str()]);
    assert!(pass.ours.strangers().iter().all(|seen| seen.name != one.user), "it is no stranger either");

    // The same name once more: what the old one made is the new one's then.
    let again = User { ..one.wish.clone() };
    let back = Life { salt: "", ..Life::of(&cx, "tenant/one.user") }.create(&again).await.id;
    assert_eq!(back, one.user);
    Life::of(&cx, "tenant/one.user").dies::<User>(&back).await;
    second.dies::<User>(&beside).await;
    Life::of(&cx, "tenant/one.schema").dies::<reeve::kinds::mysql::schema::Schema>(&one.schema).await;
    assert_eq!(server().by_hand("SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'makers-%'"), "0");
    assert_eq!(server().by_hand("SELECT COUNT(*) FROM reeve.marks WHERE stack = 'makers'"), "0");
}
