//! What a browser sees. Each page says that this is a stand-in.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use crate::random;
use crate::web::App;

/// The login form, as OpenMRS names its fields.
#[derive(Deserialize)]
pub struct Login {
    uname: String,
    pw: String,
}

fn page(app: &App, status: StatusCode, body: &str) -> Response {
    let settings = app.settings();
    let text = format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"><link rel=\"icon\" href=\"data:,\"><title>Stand-in for OpenMRS</title></head><body>\n\
         <h1>Stand-in for OpenMRS</h1>\n<p>This is not OpenMRS. It keeps no records.</p>\n{body}\n\
         <footer>schema <b id=\"schema\">{}</b>, version <b id=\"version\">{}</b></footer></body></html>\n",
        escape(&settings.schema),
        escape(&settings.version)
    );
    (status, Html(text)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn to(path: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, path)]).into_response()
}

/// `/openmrs` without its slash.
pub async fn to_home() -> Response {
    to("/openmrs/")
}

/// The first page.
pub async fn home(State(app): State<App>, headers: HeaderMap) -> Response {
    let body = app.session_of(&headers).map_or_else(
        || "<p><a href=\"/openmrs/login.htm\">Log in</a></p>".to_owned(),
        |(_, user)| format!("<p>Logged in as <b id=\"user\">{}</b></p>", escape(&user)),
    );
    page(&app, StatusCode::OK, &body)
}

const FORM: &str = "<form method=\"post\" action=\"/openmrs/login.htm\"><input name=\"uname\" autocomplete=\"username\"> <input name=\"pw\" type=\"password\" autocomplete=\"current-password\"> <button>Log in</button></form>";

/// The login form.
pub async fn login(State(app): State<App>) -> Response {
    page(&app, StatusCode::OK, FORM)
}

/// Looks at a name and password, and begins a session.
pub async fn log_in(State(app): State<App>, Form(login): Form<Login>) -> Response {
    match app.database().knows(&login.uname, &login.pw).await {
        Err(words) => page(&app, StatusCode::INTERNAL_SERVER_ERROR, &format!("<p>{}</p>", escape(&words))),
        Ok(false) => page(&app, StatusCode::UNAUTHORIZED, &format!("<p>Invalid username or password</p>{FORM}")),
        Ok(true) => match random::hex(16) {
            Err(words) => page(&app, StatusCode::INTERNAL_SERVER_ERROR, &words),
            Ok(id) => {
                let id = id.to_uppercase();
                app.sessions(|all| all.insert(id.clone(), login.uname));
                let cookie = format!("JSESSIONID={id}; Path=/openmrs; HttpOnly");
                (StatusCode::FOUND, [(header::LOCATION, "/openmrs/".to_owned()), (header::SET_COOKIE, cookie)]).into_response()
            }
        },
    }
}

/// Ends the session.
pub async fn log_out(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some((id, _)) = app.session_of(&headers) {
        app.sessions(|all| all.remove(&id));
    }
    to("/openmrs/login.htm")
}

/// What must never be reached from outside.
pub async fn setup(State(app): State<App>) -> Response {
    page(&app, StatusCode::OK, "<h2 id=\"setup\">Set-up wizard</h2><p>It should not be possible to come here.</p>")
}

/// Any other path.
pub async fn nothing(State(app): State<App>) -> Response {
    page(&app, StatusCode::NOT_FOUND, "<p>Nothing is here.</p>")
}
