//! Health, REST and the other things that a program asks for.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::database::Patient;
use crate::say;
use crate::start::Phase;
use crate::web::App;

/// 200 when all answers, 503 before.
pub async fn started(State(app): State<App>) -> Response {
    let ready = app.phase() == Phase::Ready;
    app.json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, json!({"started": ready}))
}

/// The process lives.
pub async fn alive(State(app): State<App>) -> Response {
    app.json(StatusCode::OK, json!({"alive": true}))
}

/// Who asks: by session, or by `Authorization: Basic`.
pub async fn session(State(app): State<App>, headers: HeaderMap) -> Response {
    let mut user = app.session_of(&headers);
    if let Some((name, password)) = basic(&headers) {
        match app.database().knows(&name, &password).await {
            Ok(true) => user = Some((String::new(), name)),
            Ok(false) => {}
            Err(words) => return app.failed(&words),
        }
    }
    let body = match user {
        Some((id, name)) => json!({"authenticated": true, "sessionId": id, "user": {"username": name}}),
        None => json!({"authenticated": false}),
    };
    app.json(StatusCode::OK, body)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// Ends the session.
pub async fn end_session(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some((id, _)) = app.session_of(&headers) {
        app.sessions(|all| all.remove(&id));
    }
    StatusCode::NO_CONTENT.into_response()
}

/// A patient to be made.
#[derive(Deserialize)]
pub struct New {
    name: String,
}

/// What is looked for.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
}

fn shown(patient: &Patient) -> Value {
    json!({"id": patient.id, "uuid": patient.uuid, "display": patient.name})
}

/// Makes a patient.
pub async fn add_patient(State(app): State<App>, axum::Json(new): axum::Json<New>) -> Response {
    match app.database().add_patient(&new.name).await {
        Ok(patient) => app.json(StatusCode::CREATED, shown(&patient)),
        Err(words) => app.failed(&words),
    }
}

/// The last hundred patients, or those whose name holds `q`.
pub async fn patients(State(app): State<App>, Query(search): Query<Search>) -> Response {
    match app.database().patients(&search.q, "").await {
        Ok(found) => app.json(StatusCode::OK, json!({"results": found.iter().map(shown).collect::<Vec<_>>()})),
        Err(words) => app.failed(&words),
    }
}

/// One patient.
pub async fn patient(State(app): State<App>, Path(uuid): Path<String>) -> Response {
    match app.database().patients("", &uuid).await {
        Ok(found) => match found.first() {
            Some(patient) => app.json(StatusCode::OK, shown(patient)),
            None => app.json(StatusCode::NOT_FOUND, json!({"error": {"message": "no such patient"}})),
        },
        Err(words) => app.failed(&words),
    }
}

/// Keeps an uploaded file in `complex_obs`.
pub async fn upload(State(app): State<App>, body: Bytes) -> Response {
    let kept = async {
        let file = format!("{}.bin", crate::random::hex(8)?);
        let folder = app.settings().data.join("complex_obs");
        tokio::fs::create_dir_all(&folder).await.map_err(|e| format!("{}: {e}", folder.display()))?;
        let path = folder.join(&file);
        tokio::fs::write(&path, &body).await.map_err(|e| format!("{}: {e}", path.display()))?;
        let uuid = app.database().add_obs(&file).await?;
        Ok::<_, String>((uuid, file))
    };
    match kept.await {
        Ok((uuid, file)) => app.json(StatusCode::CREATED, json!({"uuid": uuid, "file": file, "bytes": body.len()})),
        Err(words) => app.failed(&words),
    }
}

/// Gives an uploaded file back.
pub async fn download(State(app): State<App>, Path(file): Path<String>) -> Response {
    let plain = file.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') && !file.starts_with('.');
    match tokio::fs::read(app.settings().data.join("complex_obs").join(&file)).await {
        Ok(bytes) if plain => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        _ => app.json(StatusCode::NOT_FOUND, json!({"error": {"message": "no such file"}})),
    }
}

/// How long a slow answer takes.
#[derive(Deserialize)]
pub struct Slow {
    #[serde(default)]
    ms: u64,
}

/// Answers late.
pub async fn slow(State(app): State<App>, Query(slow): Query<Slow>) -> Response {
    sleep(Duration::from_millis(slow.ms)).await;
    app.json(StatusCode::OK, json!({"slept_ms": slow.ms}))
}

/// A mail to be sent.
#[derive(Deserialize)]
pub struct Mail {
    to: String,
}

/// Would send a mail: reaches for the mail server and sends nothing.
pub async fn mail(State(app): State<App>, axum::Json(mail): axum::Json<Mail>) -> Response {
    let Some(host) = &app.settings().mail else {
        say(&format!("would send mail to {} and has no mail server", mail.to));
        return app.json(StatusCode::OK, json!({"would_send": false, "why": "no mail server"}));
    };
    say(&format!("would send mail to {} via {host}", mail.to));
    let greeting = timeout(Duration::from_secs(2), async {
        let mut server = TcpStream::connect(host).await?;
        let mut buffer = [0; 256];
        let n = server.read(&mut buffer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&buffer[..n]).trim().to_owned())
    });
    let body = match greeting.await {
        Ok(Ok(greeting)) => json!({"would_send": true, "via": host, "greeting": greeting}),
        Ok(Err(e)) => json!({"would_send": false, "via": host, "why": e.to_string()}),
        Err(_) => json!({"would_send": false, "via": host, "why": "no answer"}),
    };
    app.json(StatusCode::OK, body)
}
