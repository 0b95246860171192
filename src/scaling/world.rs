//! What is decided from: the fleet at one look. Memory is in bytes.

use std::collections::HashMap;

/// The fleet at one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// Every host: what the workers' group has launched, and every node of the swarm.
    pub hosts: Vec<Host>,
    /// Every task that is to run, of tenants and of others: all of them reserve memory.
    pub tasks: Vec<Task>,
    /// Tenants that are to wake and have no task yet.
    pub queued: Vec<Queued>,
    /// The largest reservation of all services, also of those that sleep.
    pub largest: u64,
    /// The workers' group. Without one nothing grows or shrinks.
    pub group: Option<Group>,
    /// What was not read whole, in words. While there is any, nothing is taken away.
    pub unread: Vec<String>,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its instance, or the host name of a node that is none.
    pub name: String,
    /// Its node, once it is in the swarm.
    pub node: Option<String>,
    /// What it is in the swarm.
    pub role: Role,
    /// Its zone, as far as it is known.
    pub zone: String,
    /// How the swarm has it.
    pub state: State,
    /// Whether it takes tasks.
    pub takes: Takes,
    /// Why scaling put it away, when scaling did.
    pub away: Option<Away>,
    /// Memory for reservations. 0: not known.
    pub memory: u64,
    /// AWS says that it is sick.
    pub sick: bool,
    /// The workers' or the managers' group has it, and counts it: it can be ended there.
    pub grouped: bool,
    /// Somebody keeps it as it is: drained or paused by hand, named in the YAML, protected in its group. It is neither shrunk nor replaced.
    pub held: bool,
    /// The YAML says that it is so: it stays, and nothing waits for it to change.
    pub named: bool,
    /// Surely nothing runs on it any more, not even what is about to end. Only looked at for hosts that were drained.
    pub empty: bool,
}

/// What a host is in the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It leads, and bears tenants.
    Manager {
        /// The other managers reach it.
        reachable: bool,
    },
    /// It bears tenants.
    Worker,
}

/// How the swarm has a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not yet: its group has launched it.
    Joining,
    /// It answers.
    Ready,
    /// The swarm has not heard of it since its leader changed.
    Unknown,
    /// It does not answer.
    Down,
}

/// Whether a node takes tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// New ones too.
    Active,
    /// It keeps what it has.
    Paused,
    /// What it has goes elsewhere.
    Drained,
}

/// Why scaling put a host away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// There is too much.
    Shrink,
    /// It is dead or sick.
    Replace,
}

impl Away {
    /// As the node's label says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shrink => "shrink",
            Self::Replace => "replace",
        }
    }

    /// From the node's label.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Shrink, Self::Replace].into_iter().find(|away| away.as_str() == text)
    }
}

/// A task that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Whose it is: the tenant, or the service's name.
    pub of: String,
    /// Its id.
    pub id: String,
    /// Bytes that it reserves.
    pub reserve: u64,
    /// The node that it was given; none while it waits for one.
    pub node: Option<String>,
    /// Any host may take it. Where not, neither is its host taken away nor one added for it.
    pub anywhere: bool,
    /// What Swarm says about it.
    pub said: String,
}

/// A tenant in the queue of those to be woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The tenant.
    pub of: String,
    /// Bytes that it will reserve.
    pub reserve: u64,
}

/// The workers' Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The fewest hosts.
    pub min: u32,
    /// The most hosts.
    pub max: u32,
    /// How many there are to be now.
    pub desired: u32,
}

impl Host {
    /// Whether it answers and takes tasks.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.state == State::Ready && self.takes == Takes::Active
    }

    /// Whether it leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        matches!(self.role, Role::Manager { .. })
    }
}

/// What a host bears.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Bytes that its tasks reserve.
    pub reserved: u64,
    /// How many they are.
    pub tasks: usize,
    /// One of them may not run on every host.
    pub fixed: bool,
}

/// What each node bears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loads<'w>(HashMap<&'w str, Load>);

impl Loads<'_> {
    /// What that host bears.
    #[must_use]
    pub fn of(&self, host: &Host) -> Load {
        host.node.as_deref().and_then(|node| self.0.get(node).copied()).unwrap_or_default()
    }

    /// What is left of it.
    #[must_use]
    pub fn free(&self, host: &Host) -> u64 {
        host.memory.saturating_sub(self.of(host).reserved)
    }
}

impl World {
    /// What each node bears.
    #[must_use]
    pub fn loads(&self) -> Loads<'_> {
        let mut loads = HashMap::new();
        for task in &self.tasks {
            let Some(node) = &task.node else { continue };
            let load: &mut Load = loads.entry(node.as_str()).or_default();
            (load.reserved, load.tasks, load.fixed) = (load.reserved + task.reserve, load.tasks + 1, load.fixed || !task.anywhere);
        }
        Loads(loads)
    }

    /// The hosts of the workers' group.
    pub fn workers(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.grouped && !host.leads())
    }

    /// How many hosts the group will have and the swarm has not yet.
    #[must_use]
    pub fn coming(&self) -> u32 {
        let there = self.workers().filter(|host| host.state != State::Joining).count();
        // A node that has no label yet is one of those.
        let unlabelled =
            self.hosts.iter().filter(|host| !host.grouped && !host.held && !host.leads() && host.state == State::Ready).count();
        let desired = self.group.as_ref().map_or(0, |group| group.desired);
        desired.saturating_sub(u32::try_from(there + unlabelled).unwrap_or(u32::MAX))
    }

    /// The memory of a host that the group would launch: that of a worker, or of a manager, which comes from the same template.
    #[must_use]
    pub fn typical(&self) -> Option<u64> {
        let of = |leads: bool| self.hosts.iter().filter(|host| host.leads() == leads && host.memory > 0).map(|host| host.memory).min();
        of(false).or_else(|| of(true))
    }
}
