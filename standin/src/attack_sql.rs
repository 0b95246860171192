//! What a tenant would try at the shared database with its own user.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::database::opts;
use crate::web::App;

const LIMIT: Duration = Duration::from_secs(3);

/// What is tried.
#[derive(Deserialize)]
pub struct Aim {
    /// Another tenant's schema.
    #[serde(default)]
    schema: String,
    /// `no`: without TLS.
    #[serde(default)]
    tls: String,
    /// Another user's name and password.
    user: Option<String>,
    password: Option<String>,
    /// How many connections to open at once.
    #[serde(default)]
    connections: usize,
    /// A statement of one's own.
    sql: Option<String>,
}

/// Logs in, lists the schemas, lists and reads another's, opens many connections; says what came of each.
pub async fn mysql(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let mut settings = app.settings().clone();
    settings.user = aim.user.unwrap_or(settings.user);
    settings.password = aim.password.unwrap_or(settings.password);
    let opts = opts(&settings, None, aim.tls != "no");
    let connect = async || match timeout(LIMIT, Conn::new(opts.clone())).await {
        Ok(conn) => conn.map_err(|e| e.to_string()),
        Err(_) => Err("no answer".into()),
    };
    let mut conn = match connect().await {
        Ok(conn) => conn,
        Err(words) => return app.json(StatusCode::OK, json!({"login": false, "error": words})),
    };
    let mut body = json!({"login": true, "schemas": rows(&mut conn, "SHOW DATABASES").await});
    if !aim.schema.is_empty() {
        let schema = aim.schema.replace('`', "``");
        body["tables"] = rows(&mut conn, &format!("SHOW TABLES FROM `{schema}`")).await;
        body["patients"] = rows(&mut conn, &format!("SELECT name FROM `{schema}`.patient LIMIT 5")).await;
        body["writer"] = rows(&mut conn, &format!("SELECT name FROM `{schema}`.reeve_writer")).await;
        body["create"] = rows(&mut conn, &format!("CREATE TABLE `{schema}`.intruder (a INT)")).await;
    }
    if let Some(sql) = aim.sql {
        body["sql"] = rows(&mut conn, &sql).await;
    }
    let mut open = Vec::new();
    while open.len() < aim.connections {
        match connect().await {
            Ok(conn) => open.push(conn),
            Err(words) => {
                body["error"] = words.into();
                break;
            }
        }
    }
    body["opened"] = open.len().into();
    for conn in open {
        let _ = conn.disconnect().await;
    }
    let _ = conn.disconnect().await;
    app.json(StatusCode::OK, body)
}

/// The first column of the rows, or the error.
async fn rows(conn: &mut Conn, sql: &str) -> Value {
    let found: Result<Vec<mysql_async::Row>, Error> = conn.query(sql).await;
    match found {
        Ok(rows) => rows.into_iter().map(|mut row| row.take_opt::<String, _>(0).and_then(Result::ok)).collect(),
        Err(e) => json!({"error": e.to_string()}),
    }
}
