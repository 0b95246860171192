//! Hosts, made of real engines in network namespaces of their own, on an emulated AWS. Needs root, dockerd, iproute2 and iptables.

#[path = "ground.rs"]
mod ground;

#[path = "daemon.rs"]
mod daemon;
#[path = "firewall.rs"]
mod firewall;
#[path = "roll.rs"]
mod roll;
#[path = "scaling.rs"]
mod scaling;
#[path = "swap.rs"]
mod swap;
#[path = "swarm.rs"]
mod swarm;
