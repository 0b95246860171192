//! What makes a host of a machine. Each [`Step`] looks first (what is off?) and acts only on what is, so that a second run changes nothing.
//!
//! What a step decides is pure and stands beside its tests; files and programs are reached through [`Machine`], engines and AWS through
//! `planes`. Nothing here knows of plans: a host makes itself, from what the stack told it ([`HostConfig`]).

pub mod bundle;
pub mod config;
pub mod daemon;
pub mod distro;
pub mod door;
pub mod edge;
mod error;
pub mod files;
pub mod firewall;
pub mod haproxy;
pub mod install;
pub mod journal;
pub mod machine;
pub mod network;
mod node;
pub mod orders;
pub mod roll;
pub mod services;
pub mod step;
pub mod swap;
pub mod swarm;
pub mod units;

use std::path::PathBuf;

use bollard::Docker;
use tokio::sync::OnceCell;

pub use config::HostConfig;
pub use error::{Error, Result};
pub use machine::Machine;
pub use step::Step;

use crate::planes::aws::connect::{Options, connect};
use crate::planes::aws::metadata::Metadata;
use crate::planes::{Aws, docker};
use config::Identity;
use distro::Distro;

/// A machine that is, or is to be, a host of a stack.
#[derive(Debug)]
pub struct Host {
    /// Its files and programs.
    pub machine: Machine,
    /// What the stack tells its hosts.
    pub config: HostConfig,
    /// The folder with the unpacked bundle, while it is being set up from one.
    pub bundle: Option<PathBuf>,
    aws: OnceCell<Aws>,
    identity: OnceCell<Identity>,
}

impl Host {
    /// A machine with its settings.
    #[must_use]
    pub fn new(machine: Machine, config: HostConfig, bundle: Option<PathBuf>) -> Self {
        Self { machine, config, bundle, aws: OnceCell::new(), identity: OnceCell::new() }
    }

    /// AWS, asked for once.
    async fn aws(&self) -> Result<&Aws> {
        let connected = self.aws.get_or_try_init(|| async {
            let options = Options { stack: self.config.stack.clone(), region: self.config.region.clone(), ..Options::default() };
            connect(options).await.map(|connection| connection.aws)
        });
        Ok(connected.await?)
    }

    /// Which instance this is: as the settings say, or as the metadata service does.
    async fn identity(&self) -> Result<&Identity> {
        let known = self.identity.get_or_try_init(|| async {
            if let Some(identity) = &self.config.identity {
                return Ok(identity.clone());
            }
            let metadata = Metadata::new();
            let (instance, address) = tokio::try_join!(metadata.get("instance-id"), metadata.get("local-ipv4"))?;
            Ok::<_, Error>(Identity { instance, address, manager: None })
        });
        known.await
    }

    /// The engine of this machine.
    async fn docker(&self) -> Result<Docker> {
        Ok(docker::connect(&self.config.docker, None).await?)
    }

    /// What stands in `/etc/os-release`.
    async fn distro(&self) -> Result<&'static Distro> {
        let release = self.machine.read("/etc/os-release").await?.unwrap_or_default();
        distro::of(&release).ok_or_else(|| Error::Unfit("/etc/os-release names neither Amazon Linux 2023 nor Debian 12".into()))
    }
}
