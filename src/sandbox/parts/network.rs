//! The addresses of one set of parts: sixteen out of 10.231.0.0/16, which this machine reaches and nobody else.
//!
//! In the middle is a network namespace with a bridge, the database servers and the registry, as the cloud's side would be; each engine has a
//! namespace of its own on that bridge, as a host would be, so that Docker's rules and bridges touch neither the machine nor each other.

use std::net::Ipv4Addr;
use std::path::Path;

/// How many sets fit.
const SLOTS: u16 = 4096;

/// The most engines that the addresses are enough for.
pub(super) const ENGINES: u8 = 9;

/// The most database servers that the addresses are enough for.
pub(super) const SERVERS: u8 = 4;

/// One set of addresses and names.
#[derive(Clone, Debug)]
pub(super) struct Network {
    slot: u16,
}

impl Network {
    /// One whose interface is not there; that it is still free when it is made, the kernel decides.
    pub(super) fn draw() -> Self {
        let drawn = || Self { slot: rand::random_range(0..SLOTS) };
        let free = |network: &Self| !Path::new("/sys/class/net").join(network.link()).exists();
        (0..64).map(|_| drawn()).find(free).unwrap_or_else(drawn)
    }

    /// The namespace in the middle.
    pub(super) fn name(&self) -> String {
        format!("reeve-{:03x}", self.slot)
    }

    /// An engine's namespace, counted from 1.
    pub(super) fn space(&self, engine: u8) -> String {
        format!("{}-{engine}", self.name())
    }

    /// This machine's interface into it.
    pub(super) fn link(&self) -> String {
        format!("rv{:03x}", self.slot)
    }

    /// This machine's own address in it.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        self.address(1)
    }

    /// The first database server's and the registry's address.
    pub(super) fn middle(&self) -> Ipv4Addr {
        self.address(2)
    }

    /// A database server's address, counted from 1: the further ones are behind those of the engines.
    pub(super) fn server(&self, server: u8) -> Ipv4Addr {
        if server == 1 { self.middle() } else { self.address(1 + ENGINES + server) }
    }

    /// An engine's address, counted from 1.
    pub(super) fn engine(&self, engine: u8) -> Ipv4Addr {
        self.address(2 + engine)
    }

    fn address(&self, host: u8) -> Ipv4Addr {
        let [high, low] = (self.slot << 4).to_be_bytes();
        Ipv4Addr::new(10, 231, high, low + host)
    }
}
