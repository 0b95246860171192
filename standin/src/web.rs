//! The paths, what every answer bears, and the hanging of a start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::database::Database;
use crate::settings::Settings;
use crate::start::Phase;
use crate::{attack, attack_sql, pages, rest};

/// The application.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    settings: Settings,
    database: Database,
    phase: watch::Receiver<Phase>,
    sessions: Mutex<HashMap<String, String>>,
}

impl App {
    /// With nobody logged in.
    #[must_use]
    pub fn new(settings: Settings, database: Database, phase: watch::Receiver<Phase>) -> Self {
        Self(Arc::new(Inner { settings, database, phase, sessions: Mutex::default() }))
    }

    /// What it was started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// The sessions: users by cookie, in memory only.
    pub fn sessions<T>(&self, what: impl FnOnce(&mut HashMap<String, String>) -> T) -> T {
        what(&mut self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The cookie and the user of a request that bears a session.
    #[must_use]
    pub fn session_of(&self, headers: &HeaderMap) -> Option<(String, String)> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let id = cookies.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().strip_prefix("JSESSIONID="))?;
        self.sessions(|all| all.get(id).cloned()).map(|user| (id.to_owned(), user))
    }

    /// A JSON answer that names the tenant and the image.
    #[must_use]
    pub fn json(&self, status: StatusCode, mut body: Value) -> Response {
        body["standin"] = json!({"schema": self.settings().schema, "version": self.settings().version});
        (status, axum::Json(body)).into_response()
    }

    /// A JSON answer that says what went wrong.
    #[must_use]
    pub fn failed(&self, words: &str) -> Response {
        self.json(StatusCode::INTERNAL_SERVER_ERROR, json!({"error": {"message": words}}))
    }
}

/// All paths.
pub fn router(app: App) -> Router {
    let attack = Router::new()
        .route("/fork-bomb", get(attack::fork_bomb))
        .route("/fill-memory", get(attack::fill_memory))
        .route("/log-flood", get(attack::log_flood))
        .route("/connect", get(attack::connect))
        .route("/http", get(attack::http))
        .route("/read", get(attack::read))
        .route("/write", get(attack::write))
        .route("/fill", get(attack::fill))
        .route("/crowd", get(attack::crowd))
        .route("/mysql", get(attack_sql::mysql));
    Router::new()
        .route("/openmrs", get(pages::to_home))
        .route("/openmrs/", get(pages::home))
        .route("/openmrs/login.htm", get(pages::login).post(pages::log_in))
        .route("/openmrs/logout", get(pages::log_out))
        .route("/openmrs/spa/{*page}", get(pages::home))
        .route("/openmrs/initialsetup", get(pages::setup))
        .route("/openmrs/health/started", get(rest::started))
        .route("/openmrs/health/alive", get(rest::alive))
        .route("/openmrs/ws/rest/v1/session", get(rest::session).delete(rest::end_session))
        .route("/openmrs/ws/rest/v1/patient", get(rest::patients).post(rest::add_patient))
        .route("/openmrs/ws/rest/v1/patient/{uuid}", get(rest::patient))
        .route("/openmrs/ws/rest/v1/obs", post(rest::upload).layer(DefaultBodyLimit::max(64 << 20)))
        .route("/openmrs/ws/rest/v1/obs/{file}", get(rest::download))
        .route("/openmrs/ws/fhir2/R4/metadata", get(rest::alive))
        .route("/openmrs/slow", get(rest::slow))
        .route("/openmrs/mail", post(rest::mail))
        .nest("/openmrs/attack", attack)
        .fallback(pages::nothing)
        .layer(from_fn_with_state(app.clone(), through))
        .with_state(app)
}

/// Every request goes through here: it hangs as long as the start demands, and its answer bears who answered.
async fn through(State(app): State<App>, request: Request, next: Next) -> Response {
    let health = request.uri().path().starts_with("/openmrs/health/");
    let needs = if health { Phase::Starting } else { Phase::Ready };
    let mut phase = app.0.phase.clone();
    let mut hung = false;
    let mut response = loop {
        let now = *phase.borrow_and_update();
        if now == Phase::Stopping && hung {
            break app.json(StatusCode::SERVICE_UNAVAILABLE, json!({"error": {"message": "the stand-in is being stopped"}}));
        }
        if now >= needs {
            break next.run(request).await;
        }
        hung = true;
        if phase.changed().await.is_err() {
            break StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    for (name, value) in [("x-standin-schema", &app.settings().schema), ("x-standin-version", &app.settings().version)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
