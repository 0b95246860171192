//! What every service has: a log and traces, an ear for signals, and an address at which its health and its metrics are asked for.

use std::convert::Infallible;
use std::net::SocketAddr;

use clap::Args;
use tokio::signal::unix::Signal;
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::log;
use crate::cli::stop::Stop;
use crate::cli::{Failure, code};
use crate::reconcile::{Metrics, Status, serve};
use crate::trace::Traces;

/// Where it answers, and how it logs.
#[derive(Debug, Args)]
pub struct How {
    /// Where `/healthz`, `/readyz` and `/metrics` answer. Port 0: any that is free; the log names it.
    #[arg(long, default_value = "127.0.0.1:9464", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The form of the log on stderr.
    #[arg(long, default_value = "human")]
    log: log::Form,
}

/// A service that has begun.
pub struct Service {
    /// Who asks it to stop.
    pub stop: Stop,
    /// Who asks it to look at once.
    pub hangup: Signal,
    /// How it is.
    pub status: Status,
    /// What is counted.
    pub metrics: Metrics,
    /// Health and metrics, for as long as it goes on.
    pub serving: Serving,
    traces: Option<Traces>,
}

/// Answers who asks for health and metrics.
pub struct Serving(Option<JoinHandle<std::io::Result<()>>>);

impl How {
    /// Begins to log, to hear signals and to answer.
    ///
    /// # Errors
    /// Signals cannot be heard, or it cannot be listened there.
    pub async fn begin(self) -> Result<Service, Failure> {
        let traces = log::begin(self.log);
        let (stop, hangup) = Stop::listen_as_service()?;
        let (metrics, status) = (Metrics::new(), Status::default());
        let (at, serving) = serve(self.listen, status.clone(), metrics.clone()).await.map_err(|error| {
            Failure::new(code::ERROR, format!("cannot listen at {}: {error}", self.listen)).advice("give another --listen ADDRESS:PORT")
        })?;
        info!(version = env!("CARGO_PKG_VERSION"), "listening on http://{at}");
        Ok(Service { stop, hangup, status, metrics, serving: Serving(Some(tokio::spawn(serving))), traces })
    }
}

impl Serving {
    /// Says so should it end: nothing else ends with it.
    pub async fn watch(&mut self) -> Infallible {
        if let Some(work) = &mut self.0 {
            let why = match work.await {
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            error!("health and metrics answer no more: {why}");
            self.0 = None;
        }
        std::future::pending().await
    }
}

impl Service {
    /// Hands over what is left of the traces.
    pub async fn end(self) {
        if let Some(work) = self.serving.0 {
            work.abort();
        }
        log::end(self.traces).await;
    }
}
