//! `/healthz`, `/readyz` and `/metrics`, on an address of this machine alone unless it is told otherwise.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::status::{Ready, Status};

/// Listens; answers where, and what has to be awaited for it to answer.
///
/// # Errors
/// When nobody may listen there, or somebody does.
pub async fn serve(
    listen: SocketAddr,
    status: Status,
    metrics: Metrics,
) -> std::io::Result<(SocketAddr, impl Future<Output = std::io::Result<()>> + Send)> {
    let listener = TcpListener::bind(listen).await?;
    let at = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(status)
        .merge(Router::new().route("/metrics", get(scrape)).with_state(metrics));
    Ok((at, async move { axum::serve(listener, router).await }))
}

async fn healthz(State(status): State<Status>) -> impl IntoResponse {
    if status.is_alive() { (StatusCode::OK, "it turns\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "the loop hangs\n") }
}

async fn readyz(State(status): State<Status>) -> impl IntoResponse {
    match status.ready() {
        Ready::Leads(None) => (StatusCode::OK, "it leads\n".to_owned()),
        Ready::Leads(Some(but)) => (StatusCode::OK, format!("it leads, but {but}\n")),
        Ready::StandsBy => (StatusCode::OK, "it stands by\n".to_owned()),
        Ready::Follows => (StatusCode::OK, "it follows the stack's orders\n".to_owned()),
        Ready::No(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
    }
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    match metrics.text() {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, CONTENT_TYPE)], text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], error.to_string()),
    }
}
