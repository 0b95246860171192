//! `reeve host run`: what a host does by itself, as a service. It follows what the stack tells its hosts: its HAProxy is made so, and tenants wake and rest.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::cli::run::{edge, service};
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, Failure, code};
use crate::edge::Orders;
use crate::host::config::CONFIG;
use crate::host::orders::Sent;
use crate::host::{Host, HostConfig, machine};
use crate::planes::aws::connect::{Caller, Options};
use crate::reconcile::{Ready, Status};
use crate::session::Session;

/// How often it is asked whether there are other orders, and looked whether HAProxy is as they say.
const LOOK: Duration = Duration::from_secs(10);
/// What takes longer is looked after again at the next look.
const PATIENCE: Duration = Duration::from_secs(20);
/// A change of HAProxy that has begun is not cut off: so long it may take at the end.
const FINISH: Duration = Duration::from_secs(50);

/// Route, wake and put to rest as the stack tells its hosts.
#[derive(Debug, Args)]
pub struct Run {
    /// What the stack told this host when it was made.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// The machine's files lie in this folder. For tests.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    #[command(flatten)]
    how: service::How,
}

impl Run {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let config = HostConfig::read(&self.config).map_err(|error| Failure::new(code::ERROR, error.to_string()))?;
        let mut service = self.how.begin().await?;
        let (orders_in, orders) = watch::channel(None);
        let host = Host::new(machine::Machine::at(&self.root), config, None);
        let caller = host.kept_caller().await.unwrap_or_else(|error| {
            warn!("who this host is to AWS was kept and cannot be read: {error}");
            None
        });
        let connect = Options { stats: terminal.counted.clone(), caller, ..Options::default() };
        let edge = edge::Working::begin(orders, connect.clone(), &terminal.line, &service.metrics);
        let mut following = Following { host, connect, orders: orders_in, tag: None, session: None, routing: None, said: String::new() };
        following.recall().await;
        let status = service.status.clone();
        loop {
            tokio::select! {
                biased;
                () = service.stop.asked() => break,
                never = service.serving.watch() => match never {},
                () = async {
                    following.look(&status).await;
                    tokio::select! {
                        () = tokio::time::sleep(LOOK) => {}
                        _ = service.hangup.recv() => {}
                    }
                } => {}
            }
        }
        info!("stopping");
        edge.end().await;
        following.finish().await;
        service.end().await;
        Ok(code::DONE)
    }
}

/// HAProxy being made as it should be; what comes of it is what was different.
type Routing = JoinHandle<Result<BTreeSet<String>, String>>;

/// A host that follows.
struct Following {
    host: Host,
    connect: Options,
    orders: watch::Sender<Option<Arc<Orders>>>,
    /// What tells these orders from the next ones.
    tag: Option<String>,
    session: Option<Arc<Session>>,
    /// HAProxy is being made so.
    routing: Option<Routing>,
    /// What was last said to be wrong.
    said: String,
}

impl Following {
    /// Begins with the orders that were kept, should nobody give others.
    async fn recall(&mut self) {
        match self.host.kept_orders().await {
            Ok(Some(text)) => match Orders::parse(text.as_bytes()) {
                Ok(orders) => self.follow(orders),
                Err(why) => warn!("the orders that this host kept are not followed: {why}"),
            },
            Ok(None) => {}
            Err(error) => warn!("the orders that this host kept cannot be read: {error}"),
        }
    }

    /// Asks for other orders, and makes HAProxy as they say.
    async fn look(&mut self, status: &Status) {
        status.turns();
        let fetched = tokio::time::timeout(PATIENCE, self.fetch()).await;
        status.turns();
        let routed = self.route().await;
        let fetched = fetched.unwrap_or_else(|_| Err(format!("asking for orders took more than {} s", PATIENCE.as_secs())));
        // Orders that are a little old are better than none: this host serves while it has some.
        let wrong = [fetched.as_ref().err(), routed.as_ref().err()].into_iter().flatten().cloned().collect::<Vec<_>>().join("; ");
        status.is(match routed {
            Ok(()) => Ready::Follows,
            Err(why) => Ready::No(why),
        });
        if self.said != wrong {
            match wrong.is_empty() {
                true => info!("this host is as the stack tells it again"),
                false => warn!("this host cannot be as the stack tells it: {wrong}"),
            }
            self.said = wrong;
        }
    }

    async fn fetch(&mut self) -> Result<(), String> {
        let sent = self.host.orders(self.tag.clone()).await.map_err(|error| error.to_string())?;
        let Some(Sent { text, tag }) = sent else { return Ok(()) };
        let orders = Orders::parse(&text).map_err(|why| format!("the orders are not followed: {why}"))?;
        if orders.stack.name != self.host.config.stack {
            return Err(format!("the orders are for the stack {}, and this is a host of {}", orders.stack.name, self.host.config.stack));
        }
        self.follow(orders);
        self.host.keep_orders(&text).await.map_err(|error| error.to_string())?;
        // Last: what went wrong until here is tried again.
        self.tag = tag;
        Ok(())
    }

    fn follow(&mut self, orders: Orders) {
        self.orders.send_if_modified(|before| {
            let differs = before.as_deref() != Some(&orders);
            if differs {
                info!(tenants = orders.tenants.len(), "new orders: {} tenants are served", orders.tenants.len());
                *before = Some(Arc::new(orders));
            }
            differs
        });
    }

    /// Makes this host's HAProxy as the orders say. What has begun goes on whoever waits for it.
    async fn route(&mut self) -> Result<(), String> {
        if self.routing.is_none() {
            let begun = tokio::time::timeout(PATIENCE, self.begin()).await;
            self.routing = begun.map_err(|_| format!("HAProxy cannot be looked at within {} s", PATIENCE.as_secs()))??;
        }
        let Some(work) = self.routing.as_mut() else { return Ok(()) };
        let done = tokio::time::timeout(PATIENCE, work).await.map_err(|_| format!("HAProxy takes more than {} s", PATIENCE.as_secs()))?;
        self.routing = None;
        let changed = done.map_err(|error| error.to_string())??;
        if !changed.is_empty() {
            info!("HAProxy is as the stack tells it: {}", changed.into_iter().collect::<Vec<_>>().join(", "));
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<Option<Routing>, String> {
        let orders = self.orders.borrow().clone().ok_or("it has no orders yet")?;
        if self.host.is_worker().await.map_err(|error| error.to_string())? {
            // Nobody comes to a worker, and it cannot see where tenants run.
            return Ok(None);
        }
        let session = self.session(&orders).await?;
        let config = orders.config();
        Ok(Some(tokio::spawn(async move { session.route(&config).await.map_err(|error| error.to_string()) })))
    }

    async fn session(&mut self, orders: &Orders) -> Result<Arc<Session>, String> {
        let stack = edge::stack(orders)?;
        if let Some(session) = self.session.as_ref().filter(|session| session.stack == stack) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::open(stack, self.connect.clone()).await.map_err(|error| error.to_string())?);
        let caller = Caller { account: session.connection.aws.estate.account.clone(), arn: session.connection.caller.clone() };
        if self.connect.caller.as_ref() != Some(&caller) {
            self.host.keep_caller(&caller).await.map_err(|error| error.to_string())?;
            self.connect.caller = Some(caller);
        }
        self.session = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Waits for what has begun.
    async fn finish(&mut self) {
        if let Some(work) = self.routing.take()
            && tokio::time::timeout(FINISH, work).await.is_err()
        {
            warn!("HAProxy was still being changed after {} s", FINISH.as_secs());
        }
    }
}
