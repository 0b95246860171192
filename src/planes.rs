//! The planes: how each is reached, how ownership is marked there, and which errors mean what.
//!
//! AWS is always there. The inner planes (Docker, MySQL, files, HAProxy) live in private subnets: on a host of the fleet they are reached through
//! local sockets ([`Facts`]), from elsewhere by the way that the stack names ([`Access`]), and without either they
//! are not observed, which is no error ([`Reach::Closed`]).

pub mod aws;
pub mod docker;
pub mod error;
pub mod facts;
pub mod files;
pub mod haproxy;
pub mod https;
mod lately;
pub mod mysql;
pub mod once;
pub mod ours;
pub mod owner;
pub mod tunnel;
pub mod vault;
pub mod webhook;

pub use aws::Aws;
pub use docker::Docker;
pub use error::{Class, Error, Result};
pub use facts::Facts;
pub use files::Files;
pub use haproxy::Haproxy;
pub use mysql::Mysql;
pub use ours::Ours;
pub use vault::Vault;

use std::collections::BTreeSet;

use crate::model::{Access, Stranger};
use aws::gate::Gate;
use aws::stats::Stats;
use tunnel::Tunnels;

/// A plane, or why it is not looked at.
#[derive(Debug, Clone)]
pub enum Reach<P> {
    /// There is a way to it. Whether it answers is seen when it is read.
    Open(P),
    /// There is none: the words for people, which say how there could be one.
    Closed(String),
}

impl<P> Reach<P> {
    /// The plane.
    ///
    /// # Errors
    /// `Unreachable` with the reason where there is no way to it.
    pub fn get(&self, name: &str) -> Result<&P> {
        match self {
            Self::Open(plane) => Ok(plane),
            Self::Closed(why) => Err(Error::new(Class::Unreachable, name, why.clone())),
        }
    }

    fn map(&self, change: impl FnOnce(&P) -> P) -> Self {
        match self {
            Self::Open(plane) => Self::Open(change(plane)),
            Self::Closed(why) => Self::Closed(why.clone()),
        }
    }

    fn closed(&self) -> Option<&str> {
        match self {
            Self::Open(_) => None,
            Self::Closed(why) => Some(why),
        }
    }
}

/// Every plane that a run has connected.
#[derive(Debug, Clone)]
pub struct Planes {
    /// AWS.
    pub aws: Aws,
    /// Docker Swarm, through the engine of a manager.
    pub docker: Reach<Docker>,
    /// The shared database server.
    pub mysql: Reach<Mysql>,
    /// The tenants' folders.
    pub files: Reach<Files>,
    /// This host's HAProxy.
    pub haproxy: Reach<Haproxy>,
}

impl Planes {
    /// AWS, and the inner planes as far as there is a way to them. Nothing is connected yet.
    #[must_use]
    pub fn new(aws: Aws, access: &Access, facts: Option<&Facts>, stats: &Stats) -> Self {
        let ours = || Ours::new(&aws.estate.stack, stats.clone());
        let (vault, tunnels) = (Vault::new(&aws), Tunnels::new(&aws));
        Self {
            docker: docker::reach(access, facts, ours(), &vault, &tunnels),
            mysql: mysql::reach(access, facts, ours(), &vault, &tunnels),
            files: files::reach(facts, ours()),
            haproxy: haproxy::reach(facts, ours()),
            aws,
        }
    }

    /// The same planes for a new pass: what one pass has read, the next one reads anew.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            aws: self.aws.fresh(),
            docker: self.docker.map(Docker::fresh),
            mysql: self.mysql.map(Mysql::fresh),
            files: self.files.map(Files::fresh),
            haproxy: self.haproxy.map(Haproxy::fresh),
        }
    }

    /// The same planes, `aws` in the place of AWS, and each change on the others asking `gate` first.
    #[must_use]
    pub fn gated(&self, aws: Aws, gate: &Gate) -> Self {
        Self {
            aws,
            docker: self.docker.map(|plane| plane.gated(gate)),
            mysql: self.mysql.map(|plane| plane.gated(gate)),
            files: self.files.map(|plane| plane.gated(gate)),
            haproxy: self.haproxy.map(|plane| plane.gated(gate)),
        }
    }

    /// The planes that there is no way to, and why.
    #[must_use]
    pub fn closed(&self) -> Vec<(&'static str, &str)> {
        let all = [
            (Docker::NAME, self.docker.closed()),
            (Mysql::NAME, self.mysql.closed()),
            (Files::NAME, self.files.closed()),
            (Haproxy::NAME, self.haproxy.closed()),
        ];
        all.into_iter().filter_map(|(name, why)| Some((name, why?))).collect()
    }

    /// What this pass has noted that is not ours, on all of them.
    #[must_use]
    pub fn strangers(&self) -> BTreeSet<Stranger> {
        self.ours().flat_map(Ours::strangers).collect()
    }

    /// What this pass has noted for whoever reads the plan.
    #[must_use]
    pub fn notes(&self) -> BTreeSet<String> {
        self.ours().flat_map(Ours::notes).collect()
    }

    fn ours(&self) -> impl Iterator<Item = &Ours> {
        let inner = [
            Docker::of(self).map(|plane| &plane.ours),
            Mysql::of(self).map(|plane| &plane.ours),
            Files::of(self).map(|plane| &plane.ours),
            Haproxy::of(self).map(|plane| &plane.ours),
        ];
        [&self.aws.ours].into_iter().chain(inner.into_iter().flatten())
    }
}

/// One of the planes, as a kind asks for its own.
pub trait Plane: Send + Sync + Sized + 'static {
    /// The plane's name: the part of a kind's name before the dot.
    const NAME: &'static str;
    /// Itself, out of all.
    ///
    /// # Errors
    /// Where there is no way to it.
    fn of(planes: &Planes) -> Result<&Self>;
}

impl Plane for Aws {
    const NAME: &'static str = "aws";
    fn of(planes: &Planes) -> Result<&Self> {
        Ok(&planes.aws)
    }
}

impl Plane for Docker {
    const NAME: &'static str = "docker";
    fn of(planes: &Planes) -> Result<&Self> {
        planes.docker.get(Self::NAME)
    }
}

impl Plane for Mysql {
    const NAME: &'static str = "mysql";
    fn of(planes: &Planes) -> Result<&Self> {
        planes.mysql.get(Self::NAME)
    }
}

impl Plane for Files {
    const NAME: &'static str = "files";
    fn of(planes: &Planes) -> Result<&Self> {
        planes.files.get(Self::NAME)
    }
}

impl Plane for Haproxy {
    const NAME: &'static str = "haproxy";
    fn of(planes: &Planes) -> Result<&Self> {
        planes.haproxy.get(Self::NAME)
    }
}
