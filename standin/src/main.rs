//! A stand-in for OpenMRS, for demo and tests: it behaves like OpenMRS's image at every seam that reeve relies on, and keeps no records of anyone.
//!
//! Real about it: port 8080 and the paths under `/openmrs`; a slow first start that makes its tables over TLS in its own schema, and
//! quicker later ones; TCP that connects long before anything answers; the two health endpoints; REST, pages, a login, sessions that a restart forgets; the
//! data folder with `openmrs-runtime.properties`, which wins over `OMRS_DB_*` after the first start; a pool of connections; the end on SIGTERM.
//!
//! Its own: every answer names the tenant's schema and the image's version (headers `x-standin-schema`, `x-standin-version`, and in the body); patients
//! need no login; `/openmrs/slow?ms=`, `/openmrs/mail`, and `/openmrs/attack/...`, by which tests try to break out of its container.

mod attack;
mod attack_sql;
mod database;
mod pages;
mod random;
mod rest;
mod settings;
mod start;
mod web;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::database::Database;
use crate::settings::Settings;
use crate::start::Phase;
use crate::web::App;

const HELP: &str = "reeve-standin: a STAND-IN for OpenMRS, for demo and tests. It is not OpenMRS and keeps no records.

Reads OMRS_DB_HOSTNAME, _PORT, _NAME, _USERNAME, _PASSWORD, OMRS_DB_EXTRA_ARGS (sslMode, serverSslCert), OMRS_CREATE_TABLES,
OMRS_ADMIN_USER_PASSWORD, OMRS_EXTRA_CONNECTION_USERNAME, _PASSWORD as OpenMRS's image does, and
  STANDIN_VERSION               stands in every answer
  STANDIN_FIRST_START_SECONDS   how long the first start takes (8)
  STANDIN_START_SECONDS         how long a later one takes (2)
  STANDIN_PORT, STANDIN_DATA    8080, /openmrs/data
  STANDIN_POOL                  connections to the database, at most (10)
  STANDIN_MAIL                  host:port that POST /openmrs/mail tries to reach
  STANDIN_WRITES_MS             it makes a patient by itself so often (never)

  --version, --help";

/// How long requests in flight may take to finish.
const GRACE: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some("--version") => say(&format!("reeve-standin {}", env!("CARGO_PKG_VERSION"))),
        Some("--help") => say(HELP),
        Some(attack::SLEEPER) => std::thread::park_timeout(Duration::from_secs(60)),
        Some(other) => {
            say(&format!("{other} is not known; --help"));
            return ExitCode::from(2);
        }
        None => {
            let settings = match Settings::read(|name| std::env::var(name).ok()) {
                Ok(settings) => settings,
                Err(words) => {
                    say(&words);
                    return ExitCode::from(2);
                }
            };
            let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
                Ok(runtime) => runtime,
                Err(e) => {
                    say(&e.to_string());
                    return ExitCode::FAILURE;
                }
            };
            let code = runtime.block_on(serve(settings)).unwrap_or_else(|words| {
                say(&words);
                1
            });
            runtime.shutdown_timeout(Duration::from_millis(200));
            return ExitCode::from(code);
        }
    }
    ExitCode::SUCCESS
}

/// One line; a log that nobody reads is no reason to stop.
pub(crate) fn say(words: &str) {
    let _ = writeln!(std::io::stdout(), "{words}");
}

/// Listens, starts, answers until SIGTERM or SIGINT; the exit code.
async fn serve(settings: Settings) -> Result<u8, String> {
    let mut term = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let mut int = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    say(&format!("stand-in for OpenMRS, version {}, schema {}, port {}", settings.version, settings.schema, settings.listen));
    let listener = TcpListener::bind(("0.0.0.0", settings.listen)).await.map_err(|e| format!("port {}: {e}", settings.listen))?;
    let (phase, seen) = watch::channel(Phase::Deploying);
    let database = Database::new(&settings);
    let app = App::new(settings.clone(), database.clone(), seen);
    let mut stopping = phase.subscribe();
    let server = axum::serve(listener, web::router(app)).with_graceful_shutdown(async move {
        let _ = stopping.wait_for(|phase| *phase == Phase::Stopping).await;
    });
    let server = tokio::spawn(async move { server.await });

    let code = tokio::select! {
        _ = term.recv() => 143,
        _ = int.recv() => 130,
        // A start that succeeds goes on serving; only one that fails ends here.
        words = async {
            match start::start(&settings, &database, &phase).await {
                Ok(()) => start::write(&settings, &database).await,
                Err(words) => words,
            }
        } => {
            say(&format!("cannot start: {words}"));
            1
        }
    };
    start::go(&phase, Phase::Stopping);
    if tokio::time::timeout(GRACE, server).await.is_err() {
        say("some requests did not finish");
    }
    database.close().await;
    say("ended");
    Ok(code)
}
