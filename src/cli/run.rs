//! `reeve run`: the reconcile loop, as a service.

pub mod edge;
pub mod log;
pub mod orders;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::sync::watch;
use tracing::{error, info};

use super::stop::Stop;
use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::apply::Halt;
use crate::edge::Orders;
use crate::planes::aws::connect::Options;
use crate::reconcile::{self, Ended, Git, Metrics, Settings, Shared, Source, Status, Trigger, Why, serve};

/// Keep the estate as the YAML describes it, until SIGTERM.
#[derive(Debug, Args)]
pub struct Run {
    /// The stack's folder; or give --git.
    #[arg(value_name = "DIR", required_unless_present = "git", conflicts_with = "git")]
    dir: Option<PathBuf>,
    /// Take the stack from this repository instead. It is fetched before each pass.
    #[arg(long, value_name = "URL", requires = "reference")]
    git: Option<String>,
    /// The branch or tag.
    #[arg(long = "ref", value_name = "REF", requires = "git")]
    reference: Option<String>,
    /// The stack's folder in the repository.
    #[arg(long, value_name = "FOLDER", default_value = ".", requires = "git")]
    path: PathBuf,
    /// Who may sign commits, in the form of ssh-keygen(1)'s ALLOWED SIGNERS: a commit that none of them signed is not used.
    #[arg(long, value_name = "FILE", requires = "git")]
    signers: Option<PathBuf>,
    /// Where what is fetched is kept on this machine.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/reeve/source", requires = "git")]
    state: PathBuf,
    /// Where `/healthz`, `/readyz` and `/metrics` answer. Port 0: any that is free; the log names it.
    #[arg(long, default_value = "127.0.0.1:9464", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Only these planes.
    #[arg(long, value_delimiter = ',', value_name = "PLANE", value_parser = ["aws", "docker", "mysql", "files", "haproxy"])]
    plane: Vec<String>,
    /// Steps at a time.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
    /// The form of the log on stderr.
    #[arg(long, default_value = "human")]
    log: log::Form,
}

impl Run {
    /// The stack's folder as it was written, when one was.
    pub fn folder(&self) -> Option<&PathBuf> {
        self.dir.as_ref()
    }

    fn source(&self) -> Result<Source, Failure> {
        match (&self.dir, &self.git, &self.reference) {
            (Some(dir), None, _) if !dir.is_dir() => {
                Err(Failure::new(code::ERROR, format!("{}: there is no such folder", dir.display())).advice("name the folder of a stack"))
            }
            (Some(dir), None, _) => Ok(Source::Folder(dir.clone())),
            (None, Some(url), Some(reference)) => {
                let git = Git {
                    url: url.clone(),
                    reference: reference.clone(),
                    path: self.path.clone(),
                    signers: self.signers.clone(),
                    state: self.state.clone(),
                };
                git.check().map_err(Failure::usage)?;
                Ok(Source::Git(git))
            }
            _ => Err(Failure::usage("give the stack's folder, or --git URL and --ref REF")),
        }
    }

    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let source = self.source()?;
        let traces = log::begin(self.log);
        let (mut stop, mut hangup) = Stop::listen_as_service()?;
        let (trigger, metrics, status) = (Trigger::default(), Metrics::new(), Status::default());
        let (at, serving) = serve(self.listen, status.clone(), metrics.clone()).await.map_err(|error| {
            Failure::new(code::ERROR, format!("cannot listen at {}: {error}", self.listen)).advice("give another --listen ADDRESS:PORT")
        })?;
        info!(version = env!("CARGO_PKG_VERSION"), "listening on http://{at}");
        let (halt_in, halt) = watch::channel(Halt::No);
        let settings = Settings {
            source,
            planes: self.plane.into_iter().collect::<BTreeSet<_>>(),
            line: terminal.line.clone(),
            parallelism: usize::from(self.parallelism),
            connect: Options { stats: terminal.counted.clone(), ..Options::default() },
        };
        let counted = crate::edge::metrics::Metrics::default();
        metrics.register(|registry| counted.register(registry));
        let (edge_in, edge_stop) = watch::channel(false);
        let (orders_in, orders) = watch::channel(None);
        tokio::spawn(tell(status.loaded(), orders_in));
        let edge = edge::Settings { orders, connect: settings.connect.clone(), line: terminal.line.clone(), metrics: counted };
        let edge = tokio::spawn(edge::run(edge, edge_stop));
        let looping = reconcile::run(settings, Shared { halt, trigger: trigger.clone(), metrics, status });
        tokio::pin!(looping, serving);
        let mut serves = true;
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut looping => break ended,
                () = stop.asked(), if *halt_in.borrow() != Halt::Now => {
                    let next = if *halt_in.borrow() == Halt::No { Halt::Soon } else { Halt::Now };
                    halt_in.send_replace(next);
                    info!("asked to stop{}", if next == Halt::Now { " at once" } else { "" });
                }
                Some(()) = hangup.recv() => trigger.pull(Why::Asked),
                served = &mut serving, if serves => {
                    serves = false;
                    error!("health and metrics answer no more: {}", served.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string()));
                }
            }
        };
        // Last: tenants are answered for while what runs is finished.
        edge_in.send_replace(true);
        let _ = edge.await;
        log::end(traces).await;
        match ended {
            Ended::Clean => Ok(code::DONE),
            Ended::InFlight => Ok(code::INTERRUPTED),
        }
    }
}

/// Keeps what the stack tells its hosts up with the YAML, for as long as somebody listens.
async fn tell(mut loaded: watch::Receiver<Option<Arc<reconcile::Loaded>>>, orders: watch::Sender<Option<Arc<Orders>>>) {
    while loaded.changed().await.is_ok() {
        let Some(now) = loaded.borrow_and_update().as_ref().map(|loaded| orders::of(loaded)) else { continue };
        orders.send_if_modified(|before| {
            let differs = before.as_deref() != Some(&now);
            *before = Some(Arc::new(now));
            differs
        });
    }
}
