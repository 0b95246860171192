//! What a tenant tries at the shared database, with its own user.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::attacker::{Attacker, said};
use super::{CLINIC, MALLORY};
use crate::fleet_ground::Fleet;

/// More than a tenant's connections.
const MANY: usize = 1000;

pub async fn only_its_own_is_there(fleet: &Fleet, attacker: &Attacker) {
    let (own, theirs) = (schema(MALLORY), schema(CLINIC));
    let bare = attacker.attack("mysql?tls=no").await;
    assert_eq!(bare["login"], false, "{bare}");

    let tried = attacker.attack(&format!("mysql?schema={theirs}")).await;
    assert_eq!(tried["login"], true, "{tried}");
    let mut schemas = tried["schemas"].as_array().cloned().unwrap_or_default();
    schemas.retain(|one| one != "information_schema");
    assert_eq!(schemas, [json!(own)], "{tried}");
    for what in ["tables", "patients", "writer", "create"] {
        assert!(said(&tried[what], "error").contains("denied"), "{what}: {tried}");
    }
    // Nobody else's processes, users, marks, or right to end anything.
    let processes = attacker.attack("mysql?sql=SELECT%20USER%20FROM%20information_schema.PROCESSLIST").await;
    let users = processes["sql"].as_array().cloned().unwrap_or_default();
    assert!(!users.is_empty() && users.iter().all(|user| user.as_str().is_some_and(|user| user.contains(MALLORY))), "{processes}");
    let user = users[0].as_str().unwrap_or_default().to_owned();
    let theirs_id = fleet.sql(&format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER LIKE '%{CLINIC}%' LIMIT 1")).await;
    assert!(theirs_id.parse::<u64>().is_ok(), "the other tenant is connected: {theirs_id}");
    for (what, sql) in [
        ("users", "SELECT User FROM mysql.user".to_owned()),
        ("marks", "SELECT * FROM reeve.marks".to_owned()),
        ("kill", format!("KILL {theirs_id}")),
        ("the administrator's kill", format!("CALL mysql.rds_kill({theirs_id})")),
        ("another schema", "CREATE DATABASE intruder".to_owned()),
        ("another user", "CREATE USER intruder".to_owned()),
        ("a file of the server", format!("LOAD DATA INFILE '/etc/passwd' INTO TABLE `{own}`.patient")),
        ("a file to the server", "SELECT 1 INTO OUTFILE '/tmp/intruder'".to_owned()),
        ("its own limit", format!("ALTER USER `{user}`@`%` WITH MAX_USER_CONNECTIONS 0")),
        ("a setting", "SET GLOBAL require_secure_transport=0".to_owned()),
        ("a definer", format!("CREATE DEFINER=`root`@`localhost` VIEW `{own}`.v AS SELECT 1")),
    ] {
        let tried = attacker.attack(&format!("mysql?sql={}", sql.replace(' ', "%20"))).await;
        let error = said(&tried["sql"], "error");
        assert!(error.contains("denied") || error.contains("not owner") || error.contains("SUPER"), "{what}: {tried}");
    }
    let crowd = attacker.attack(&format!("mysql?connections={MANY}")).await;
    assert!(crowd["opened"].as_u64().is_some_and(|opened| (1..60).contains(&opened)), "{crowd}");
    assert!(said(&crowd, "error").contains("max_user_connections"), "{crowd}");

    without_walls(fleet, attacker, &user).await;
}

/// The same, where the server lets it.
async fn without_walls(fleet: &Fleet, attacker: &Attacker, user: &str) {
    let theirs = schema(CLINIC);
    root(fleet, &format!("GRANT SELECT ON `{theirs}`.* TO `{user}`@`%`; GRANT PROCESS ON *.* TO `{user}`@`%`")).await;
    root(fleet, &format!("ALTER USER `{user}`@`%` REQUIRE NONE WITH MAX_USER_CONNECTIONS 0; SET GLOBAL require_secure_transport=0")).await;
    let tried = attacker.attack(&format!("mysql?tls=no&schema={theirs}&connections=100")).await;
    assert_eq!((&tried["login"], &tried["opened"]), (&json!(true), &json!(100)), "{tried}");
    assert!(list(&tried["schemas"]).contains(&theirs) && list(&tried["tables"]).contains(&"patient".to_owned()), "{tried}");
    let processes = attacker.attack("mysql?sql=SELECT%20USER%20FROM%20information_schema.PROCESSLIST").await;
    assert!(list(&processes["sql"]).iter().any(|user| user.contains(CLINIC)), "{processes}");
    root(fleet, &format!("REVOKE SELECT ON `{theirs}`.* FROM `{user}`@`%`; REVOKE PROCESS ON *.* FROM `{user}`@`%`")).await;
    root(fleet, &format!("ALTER USER `{user}`@`%` REQUIRE SSL WITH MAX_USER_CONNECTIONS 60; SET GLOBAL require_secure_transport=1")).await;
}

fn schema(tenant: &str) -> String {
    format!("hostedehr-tenant-{tenant}-schema")
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// As the server's own root, which nobody has on RDS.
async fn root(fleet: &Fleet, sql: &str) {
    let socket = format!("--socket={}", fleet.parts.folder().join("mysql/socket").display());
    let done = Command::new("mariadb").args(["--no-defaults", &socket, "--execute", sql]).stdin(Stdio::null()).output().await;
    let done = done.expect("mariadb-client");
    assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
}
