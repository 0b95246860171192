//! The local parts behind `reeve sandbox`: a Docker Engine (or several) in a swarm, a registry, MariaDB with TLS (or several), and a place
//! for HAProxy.
//!
//! They are the real programs of this machine, in a temporary folder and in namespaces of their own: Docker's rules and bridges never
//! touch the machine. A small keeper process takes everything away when this process drops [`Parts`], ends or is killed.

mod database;
mod docker;
mod files;
mod http;
mod image;
mod keeper;
mod network;
mod programs;
mod registry;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

pub use self::image::Image;
use self::keeper::{Keeper, Outcome};
use self::network::Network;
use super::{Database, Server};
use crate::model::Cidr;
use crate::model::firewall::{self, Allowed, Family};

/// How long all parts together may take to start; they need about two seconds.
const START: Duration = Duration::from_secs(90);

/// Where HAProxy answers in an engine's namespace: over TLS, and without.
const LISTEN: (u16, u16) = (8443, 8080);

/// Where the waker of the first engine's host is asked, on this machine; the others' follow.
const WAKER: u16 = 7430;

/// The owner of the tenants' folder: user and group, as the fleet's access point has them.
const TENANTS: (u32, u32) = (1001, 0);

/// How to start [`Parts`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Docker Engines, each as a host of its own, all managers of one swarm: 1 to 9.
    pub engines: u8,
    /// Database servers, each with its own data and at an address of its own: 1 to 4.
    pub servers: u8,
    /// The port of all of them, the one that the stack's YAML names.
    pub mysql_port: u16,
    /// The name of their administrator, whose password is the same in all of them.
    pub administrator: String,
    /// The wrapper that tenants start through; `None`: where the build left it, or `REEVE_HOLD_PROGRAM`.
    pub hold: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { engines: 1, servers: 1, mysql_port: 3307, administrator: "reeve_root".to_owned(), hold: None }
    }
}

/// What goes wrong with the parts; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Programs are not installed.
    #[error("the local parts need {programs}: run `make setup`, or install the packages {packages}")]
    Programs {
        /// Their names.
        programs: String,
        /// The Debian packages that have them.
        packages: String,
    },
    /// Not the superuser.
    #[error("the local parts need root, for network namespaces and Docker: run it with sudo")]
    NotRoot,
    /// The wrapper is not built.
    #[error("no reeve-hold, which tenants start through, found (looked at {looked}): run `make setup`")]
    NoHold {
        /// The paths that were tried.
        looked: String,
    },
    /// More engines than there are addresses for, or none.
    #[error("{0} Docker Engines are not possible: 1 to {max} are", max = network::ENGINES)]
    Engines(u8),
    /// More database servers than there are addresses for, or none.
    #[error("{0} database servers are not possible: 1 to {max} are", max = network::SERVERS)]
    Servers(u8),
    /// A file could not be written, or a process not started.
    #[error("{path}: {cause}: the local parts need it")]
    Write {
        /// The file, folder or program.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The network namespaces could not be made.
    #[error("the network of the local parts could not be made: {why}")]
    Network {
        /// What was said.
        why: String,
    },
    /// A part ended or stayed silent before it answered.
    #[error("{part} did not start ({why}); its last messages:\n{log}")]
    Start {
        /// Which.
        part: &'static str,
        /// What was seen.
        why: String,
        /// The end of its log.
        log: String,
    },
    /// The engine refused a request.
    #[error("the local Docker Engine refused {what}: {why}")]
    Docker {
        /// The request's path.
        what: String,
        /// Its answer.
        why: String,
    },
    /// The registry refused an image.
    #[error("{image} could not be pushed: {why}")]
    Push {
        /// The image.
        image: String,
        /// The registry's answer.
        why: String,
    },
}

/// One Docker Engine, as a host of the fleet.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Its network namespace, in `/var/run/netns`.
    pub space: String,
    /// Its address, where published ports answer.
    pub address: Ipv4Addr,
    /// Its socket.
    pub docker: PathBuf,
    /// The host facts of a host with this engine: what `REEVE_HOST` names.
    pub host: PathBuf,
    link: String,
}

impl Engine {
    /// What to put before a command so that it runs on this host's network.
    #[must_use]
    pub fn enter(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net=/var/run/netns/{}", self.space)]
    }
}

/// The running parts. Dropping them stops them, by their ids, and removes all that they made.
#[derive(Debug)]
pub struct Parts {
    network: Network,
    folder: PathBuf,
    engines: Vec<Engine>,
    databases: Vec<SocketAddrV4>,
    registry: SocketAddrV4,
    _keeper: Keeper,
}

impl Parts {
    /// Why they cannot run on this machine; `None`: they can.
    #[must_use]
    pub fn missing(options: &Options) -> Option<Error> {
        programs::missing().or_else(|| programs::hold(options.hold.clone()).err())
    }

    /// Starts them and waits until each answers.
    ///
    /// # Errors
    /// Programs or rights that are missing, or a part that does not start; then nothing is left of the others.
    pub async fn start(options: Options) -> Result<Self, Error> {
        if options.engines == 0 || options.engines > network::ENGINES {
            return Err(Error::Engines(options.engines));
        }
        if options.servers == 0 || options.servers > network::SERVERS {
            return Err(Error::Servers(options.servers));
        }
        if let Some(error) = programs::missing() {
            return Err(error);
        }
        let hold = programs::hold(options.hold.clone())?;
        loop {
            let folder = files::private()?;
            match Self::launch(&options, &hold, &folder).await {
                Ok(Some(parts)) => return parts.settle().await,
                Ok(None) => {}
                Err(error) => {
                    let _ = std::fs::remove_dir_all(&folder);
                    return Err(error);
                }
            }
        }
    }

    /// Writes every part's settings and starts the keeper; `None`: the addresses are taken.
    async fn launch(options: &Options, hold: &Path, folder: &Path) -> Result<Option<Self>, Error> {
        let network = Network::draw();
        let databases: Vec<_> = (1..=options.servers).map(|server| SocketAddrV4::new(network.server(server), options.mysql_port)).collect();
        let registry = SocketAddrV4::new(network.middle(), registry::PORT);
        let admin = folder.join("admin.json");
        let authority = database::prepare(folder, &databases, &options.administrator, &admin).await?;
        registry::prepare(&folder.join("registry"), registry)?;
        let servers: Vec<_> = databases.iter().map(|database| Cidr::from(*database.ip())).collect();
        let allowed = Allowed { dns: &[], database: Some((options.mysql_port, &servers)) };
        for (file, family) in [("rules.v4", Family::V4), ("rules.v6", Family::V6)] {
            files::write(&folder.join(file), &firewall::first(&firewall::rules(allowed, family), family))?;
        }

        let lib = folder.join("lib");
        files::folder(&lib)?;
        files::copy(hold, &lib.join("hold"), 0o755)?;
        files::copy(&authority, &lib.join("ca.pem"), 0o644)?;
        let tenants = folder.join("tenants");
        files::folder(&tenants)?;
        std::os::unix::fs::chown(&tenants, Some(TENANTS.0), Some(TENANTS.1))
            .map_err(|cause| Error::Write { path: tenants.clone(), cause })?;

        let mut engines = Vec::new();
        for number in 1..=options.engines {
            let own = folder.join(format!("engine{number}"));
            docker::prepare(&own, registry, &network.name())?;
            let engine = Engine {
                space: network.space(number),
                address: network.engine(number),
                docker: own.join("docker.sock"),
                host: own.join("host.json"),
                link: format!("engine{number}"),
            };
            let haproxy = own.join("haproxy");
            files::folder(&haproxy)?;
            let program = programs::find("haproxy").unwrap_or_else(|| "haproxy".into());
            let run: Vec<String> = engine.enter().into_iter().chain([program.display().to_string()]).collect();
            let facts = json!({
                "docker": format!("unix://{}", engine.docker.display()),
                "mysql": {
                    "address": databases[0].to_string(),
                    "ca": lib.join("ca.pem"),
                    "admin": format!("file:{}", admin.display()),
                },
                "files": tenants,
                "haproxy": {
                    "folder": haproxy,
                    "listen": format!("{}:{}", engine.address, LISTEN.0),
                    "plain": format!("{}:{}", engine.address, LISTEN.1),
                    // `reeve run` is no process of the engine's network: each host's has a port of its own on this machine.
                    "waker": format!("{}:{}", network.gateway(), WAKER + u16::from(number - 1)),
                    "run": run,
                },
                "lib": lib,
            });
            files::write(&engine.host, &format!("{facts:#}"))?;
            engines.push(engine);
        }
        match Keeper::start(&network, options.engines, options.servers, folder).await? {
            Outcome::Taken => Ok(None),
            Outcome::Started(keeper) => {
                Ok(Some(Self { network, folder: folder.to_owned(), engines, databases, registry, _keeper: keeper }))
            }
        }
    }

    /// Waits for every part, then makes the swarm.
    async fn settle(self) -> Result<Self, Error> {
        let (first, end) = (&self.engines[0], Instant::now() + START);
        for (number, engine) in self.engines.iter().enumerate() {
            self.until(end, "Docker", &format!("engine{}", number + 1), || docker::answers(engine)).await?;
            docker::network(engine).await?;
            match number {
                0 => docker::initialise(engine).await?,
                _ => docker::join(first, engine).await?,
            }
        }
        let nodes = u8::try_from(self.engines.len()).unwrap_or(u8::MAX);
        self.until(end, "the swarm", "engine1", || docker::ready(first, nodes)).await?;
        self.until(end, "the registry", "registry", || registry::answers(self.registry)).await?;
        for (number, address) in (1..).zip(&self.databases) {
            let own = database::folder(number);
            self.until(end, "MariaDB", &own, || database::greets(*address)).await?;
            // The administrator's password was in it.
            let _ = std::fs::remove_file(self.folder.join(own).join("first.sql"));
        }
        Ok(self)
    }

    /// Asks again until it is so; a part that ended, or the end of patience, is an error.
    async fn until(&self, end: Instant, part: &'static str, folder: &str, mut is_so: impl AsyncFnMut() -> bool) -> Result<(), Error> {
        let failed = |why: &str, log: PathBuf| Error::Start { part, why: why.to_owned(), log: files::tail(&log) };
        let own = self.folder.join(folder);
        while !is_so().await {
            if own.join("ended").exists() {
                return Err(failed("it ended", own.join("log")));
            }
            if self.folder.join("ended").exists() {
                return Err(failed("it was not started", self.folder.join("inside.log")));
            }
            if Instant::now() > end {
                return Err(failed(&format!("silent for {} s", START.as_secs()), own.join("log")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The engines, of which the first made the swarm.
    #[must_use]
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    /// The host facts of the first engine's host: the value of `REEVE_HOST`.
    #[must_use]
    pub fn host(&self) -> &Path {
        &self.engines[0].host
    }

    /// What to put before a command so that it runs on the first engine's network.
    #[must_use]
    pub fn enter(&self) -> Vec<String> {
        self.engines[0].enter()
    }

    /// Where the first database server answers, the one that the hosts know.
    #[must_use]
    pub fn database(&self) -> SocketAddrV4 {
        self.databases[0]
    }

    /// Where each database server answers.
    #[must_use]
    pub fn databases(&self) -> &[SocketAddrV4] {
        &self.databases
    }

    /// What the emulated RDS has to know of them.
    #[must_use]
    pub fn behind_rds(&self) -> Database {
        let server = |(number, address): (u8, &SocketAddrV4)| Server {
            address: (*address.ip()).into(),
            socket: self.folder.join(database::folder(number)).join("socket"),
        };
        Database { servers: (1..).zip(&self.databases).map(server).collect(), admin: self.admin() }
    }

    /// The authority of the certificates of all database servers.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("lib/ca.pem")
    }

    /// The file with the database administrator's name and password.
    #[must_use]
    pub fn admin(&self) -> PathBuf {
        self.folder.join("admin.json")
    }

    /// The registry, `address:port`: images are pushed to and pulled from the same.
    #[must_use]
    pub fn registry(&self) -> String {
        self.registry.to_string()
    }

    /// This machine's own address as the parts see it.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        self.network.gateway()
    }

    /// The folder that holds everything; logs are in it, a folder for each part.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The variables that make reeve find them.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 1] {
        [("REEVE_HOST", self.host().display().to_string())]
    }

    /// Pushes the stand-in application into the registry, in two versions, and answers their addresses by digest. `None`: it was not built.
    ///
    /// # Errors
    /// It cannot be read, or the registry refuses.
    pub async fn standin(&self) -> Result<Option<[String; 2]>, Error> {
        let Some(path) = programs::standin() else { return Ok(None) };
        let failed = |cause| Error::Write { path: path.clone(), cause };
        let program = std::fs::read(&path).map_err(failed)?;
        let mut images = [String::new(), String::new()];
        for (image, version) in images.iter_mut().zip(["1", "2"]) {
            *image = Image::of("standin", version, &program).map_err(failed)?.push(&self.registry()).await?;
        }
        Ok(Some(images))
    }

    /// Makes the network again that says how tenants' networks are, as a host does after its engine has started anew.
    ///
    /// # Errors
    /// There is no such engine, or it refuses.
    pub async fn network_again(&self, engine: usize) -> Result<(), Error> {
        let number = u8::try_from(engine).unwrap_or(u8::MAX);
        docker::network(self.engines.get(engine).ok_or(Error::Engines(number))?).await
    }

    /// Cuts an engine (counted from 0) off from everything: the others, the database, this machine. Its socket still answers.
    ///
    /// # Errors
    /// There is no such engine, or its link is gone.
    pub async fn cut(&self, engine: usize) -> Result<(), Error> {
        self.link(engine, "down").await
    }

    /// Undoes [`Self::cut`].
    ///
    /// # Errors
    /// As there.
    pub async fn heal(&self, engine: usize) -> Result<(), Error> {
        self.link(engine, "up").await
    }

    async fn link(&self, engine: usize, state: &str) -> Result<(), Error> {
        let failed = |why: String| Error::Network { why };
        let engine = self.engines.get(engine).ok_or_else(|| failed(format!("there is no engine {engine}, counted from 0")))?;
        let program = programs::find("ip").unwrap_or_else(|| "ip".into());
        let output = tokio::process::Command::new(program)
            .args(["-n", &self.network.name(), "link", "set", &engine.link, state])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|cause| failed(cause.to_string()))?;
        if output.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())) }
    }
}
