//! `reeve run`: the reconcile loop, as a service.

pub mod edge;
mod log;
pub mod orders;
pub mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::sync::watch;
use tracing::info;

use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::apply::Halt;
use crate::edge::Orders;
use crate::kinds::haproxy::config::Route;
use crate::planes::aws::connect::Options;
use crate::reconcile::{self, Ended, Git, Settings, Shared, Source, Trigger, Why};

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
    #[command(flatten)]
    how: service::How,
    /// Only these planes.
    #[arg(long, value_delimiter = ',', value_name = "PLANE", value_parser = ["aws", "docker", "mysql", "files", "haproxy"])]
    plane: Vec<String>,
    /// Steps at a time.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallelism: u16,
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
        let mut service = self.how.begin().await?;
        let (trigger, metrics, status) = (Trigger::default(), service.metrics.clone(), service.status.clone());
        let (halt_in, halt) = watch::channel(Halt::No);
        let settings = Settings {
            source,
            planes: self.plane.into_iter().collect::<BTreeSet<_>>(),
            line: terminal.line.clone(),
            parallelism: usize::from(self.parallelism),
            connect: Options { stats: terminal.counted.clone(), ..Options::default() },
        };
        let (orders_in, orders) = watch::channel(None);
        tokio::spawn(tell(status.loaded(), status.kept(), orders_in));
        let edge = edge::Working::begin(orders, settings.connect.clone(), &terminal.line, &metrics);
        let looping = reconcile::run(settings, Shared { halt, trigger: trigger.clone(), metrics, status });
        tokio::pin!(looping);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut looping => break ended,
                () = service.stop.asked(), if *halt_in.borrow() != Halt::Now => {
                    let next = if *halt_in.borrow() == Halt::No { Halt::Soon } else { Halt::Now };
                    halt_in.send_replace(next);
                    info!("asked to stop{}", if next == Halt::Now { " at once" } else { "" });
                }
                Some(()) = service.hangup.recv() => trigger.pull(Why::Asked),
                never = service.serving.watch() => match never {},
            }
        };
        // Last: tenants are answered for while what runs is finished.
        edge.end().await;
        service.end().await;
        match ended {
            Ended::Clean => Ok(code::DONE),
            Ended::InFlight => Ok(code::INTERRUPTED),
        }
    }
}

/// Keeps what the stack tells its hosts up with the YAML, for as long as somebody listens.
async fn tell(
    mut loaded: watch::Receiver<Option<Arc<reconcile::Loaded>>>,
    mut kept: watch::Receiver<BTreeMap<String, Route>>,
    orders: watch::Sender<Option<Arc<Orders>>>,
) {
    while tokio::select! { changed = loaded.changed() => changed, changed = kept.changed() => changed }.is_ok() {
        let mut kept = kept.borrow_and_update().clone();
        let Some(loaded) = loaded.borrow_and_update().clone() else { continue };
        // Whoever is back in the YAML, archived too, is as that says.
        kept.retain(|_, route| !loaded.desired.tenants.iter().any(|tenant| tenant.name == route.tenant));
        let now = orders::with(orders::of(&loaded), &kept);
        orders.send_if_modified(|before| {
            let differs = before.as_deref() != Some(&now);
            *before = Some(Arc::new(now));
            differs
        });
    }
}
