//! Errors say what is wrong and never a word of a secret.

use reeve::kinds::Kind;
use reeve::kinds::mysql::schema::Schema;
use reeve::kinds::mysql::user::User;
use reeve::planes::aws::stats::Stats;
use reeve::planes::facts::Facts;
use reeve::planes::{Class, Error};
use serde_json::json;

use crate::life::{Life, plane, plane_of, secret, server, wish};
use crate::mariadb::{ADMIN_PASSWORD, Mariadb};

async fn refused(facts: Facts) -> Error {
    let cx = plane_of("refused", &facts, &Stats::default()).await;
    let error = Schema::fetch(&cx).await.expect_err("no listing");
    let shown = format!("{error} {error:?} {cx:?}");
    assert!(!shown.contains(ADMIN_PASSWORD) && !shown.contains("WrongCanary"), "{shown}");
    error
}

fn changed(change: impl FnOnce(&mut reeve::planes::facts::Server)) -> Facts {
    let mut here = server().server();
    change(&mut here);
    Facts { mysql: Some(here), ..Facts::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_used_says_why_and_names_the_runbook() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let error = refused(changed(|here| here.address = format!("localhost:{closed}"))).await;
    assert_eq!(error.class, Class::Unreachable, "{error}");
    assert!(error.to_string().contains("reeve runbook mysql-refusing"), "{error}");
    let error = refused(changed(|here| here.address = "no-such-host.invalid:3307".into())).await;
    assert_eq!(error.class, Class::Unreachable, "{error}");

    let wrong = server().folder.join("wrong.json");
    std::fs::write(&wrong, r#"{"user":"reeve_root","password":"WrongCanary123"}"#).expect("written");
    let error = refused(changed(|here| here.admin = format!("file:{}", wrong.display()))).await;
    assert_eq!((error.class, error.code.as_str()), (Class::Denied, "1045"), "{error}");
    assert!(error.to_string().contains("reeve runbook mysql-refusing"), "{error}");

    let error = refused(changed(|here| here.ca = "/nowhere/ca.pem".into())).await;
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_the_one_it_says_is_refused() {
    let other = Mariadb::start();
    let error = refused(changed(|here| here.ca = other.folder.join("ca.pem"))).await;
    assert_eq!(error.class, Class::Unreachable, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    // The certificate is of `localhost` and 127.0.0.1, not of this name of the same machine.
    let error = refused(changed(|here| here.address = here.address.replace("localhost", "127.0.0.2"))).await;
    assert_eq!(error.class, Class::Unreachable, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_is_told_from_a_broken_one_and_one_that_restarts_is_found_again() {
    let small = Mariadb::start_with(&["--max-connections=10", "--extra-max-connections=1"]);
    let cx = plane_of("full", &small.facts(), &Stats::default()).await;
    Schema::fetch(&cx).await.expect("a listing");
    // What the pool holds is ended behind its back; the next pass connects anew.
    small.by_hand("KILL USER reeve_root");
    Schema::fetch(&cx.fresh()).await.expect("a listing all the same");
    small.by_hand("KILL USER reeve_root");
    Life::of(&cx, "tenant/one.schema").create(&wish::<Schema>(json!({}))).await;
    small.by_hand("KILL USER reeve_root; CREATE USER filler@'%' IDENTIFIED BY 'filler'");
    let folder = small.folder.clone();
    let port = small.port;
    let fillers: Vec<_> = (0..11)
        .map(|_| {
            let mut client = std::process::Command::new("mariadb");
            client.args(["--no-defaults", "-h", "localhost", "--protocol=tcp", "-u", "filler", "-pfiller", "-e", "SELECT SLEEP(20)"]);
            client.arg(format!("--port={port}")).arg(format!("--ssl-ca={}", folder.join("ca.pem").display()));
            client.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().expect("the program mariadb")
        })
        .collect();
    let mut error = None;
    for _ in 0..50 {
        if let Err(told) = Schema::fetch(&plane_of("full", &small.facts(), &Stats::default()).await).await {
            error = Some(told);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let error = error.expect("it is full");
    for mut filler in fillers {
        drop(filler.kill());
        drop(filler.wait());
    }
    assert_eq!((error.class, error.code.as_str()), (Class::Throttled, "1040"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_of_a_creation_holds_the_password() {
    let cx = plane("canary").await;
    let value = "it's a Canary\\ `with` everything; --";
    let (parameter, fingerprint) = secret("canary", value).await;
    let want: User = wish(json!({ "schema": "canary-x", "password": parameter, "fingerprint": fingerprint }));
    let made = Life::of(&cx, "tenant/one.user").create(&want).await;
    assert!(!format!("{made:?} {cx:?}").contains("Canary"));
    let error = cx.change_with_secret("mysql.CreateUser", "CREATE USER oops IDENTIFIED BY 'Canary123' NONSENSE 'Canary123'").await;
    let error = error.expect_err("no such statement");
    assert!(!format!("{error} {error:?}").contains("Canary"), "{error:?}");
    let error =
        User::create(&cx, &Life { salt: "x", ..Life::of(&cx, "tenant/one.user") }.creation(&User { fingerprint: "else".into(), ..want }))
            .await
            .expect_err("another fingerprint");
    assert!(!format!("{error} {error:?}").contains("Canary"), "{error:?}");
    let noted = server().by_hand("SELECT GROUP_CONCAT(note) FROM reeve.marks WHERE stack = 'canary'");
    assert!(noted.contains("fingerprint") && !noted.contains("Canary"), "{noted}");
}
