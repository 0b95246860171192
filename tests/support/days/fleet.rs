//! The fleet through those days. The policy is the real one; hosts, Swarm and the waker are models of what they do.

use std::collections::VecDeque;

use jiff::Timestamp;
use reeve::scaling::world::{Away, Group, Host, Queued, Role, State, Takes, Task, World};
use reeve::scaling::{Memory, Settings, Step, decide};

use super::{GIB, TURN, Tenant};

/// What holds in these days.
#[derive(Debug, Clone)]
pub struct Rules {
    pub settings: Settings,
    /// Seconds without use until a tenant sleeps; none: nobody ever does.
    pub idle: Option<i64>,
    pub max_waking: usize,
    pub max: u32,
    /// Seconds from launched to in the swarm.
    pub boot: i64,
    /// Seconds that a container takes until it is ready.
    pub start: i64,
    /// A worker dies at this second.
    pub dies: Option<i64>,
    pub until: i64,
}

impl Rules {
    pub fn of(days: i64) -> Self {
        Self {
            settings: Settings::default(),
            idle: Some(3600),
            max_waking: 4,
            max: 24,
            boot: 240,
            start: 150,
            dies: None,
            until: days * super::DAY,
        }
    }
}

/// What the days were like. Times in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub host_seconds: i64,
    pub most_hosts: usize,
    pub grown: usize,
    pub shrunk: usize,
    pub replaced: usize,
    pub undrained: usize,
    pub wakes: usize,
    /// Tenants that were moved while somebody used them, by a drain; and by a host that died.
    pub disturbed: usize,
    pub lost: usize,
    /// The longest that a tenant had a turn in the queue and found no room.
    pub longest_without_room: i64,
    /// The longest from asked to ready.
    pub longest_wake: i64,
    /// When each change of the group's size was made, and what it became.
    pub sizes: Vec<(i64, u32)>,
    /// Whatever ought never to be.
    pub wrong: Vec<String>,
}

impl Outcome {
    /// How often it grew within so many seconds after it had shrunk.
    pub fn turned_within(&self, seconds: i64) -> usize {
        let grew = |two: &[(i64, u32)]| two[1].1 > two[0].1;
        self.sizes.windows(3).filter(|three| three[2].0 - three[1].0 < seconds && !grew(&three[..2]) && grew(&three[1..])).count()
    }
}

/// How a tenant is.
#[derive(Debug, Clone, PartialEq)]
enum Now {
    Asleep,
    /// In the queue.
    Queued,
    /// Its task waits for a host.
    Unplaced(i64),
    /// On that host, ready at that second.
    Starting(String, i64),
    Awake(String),
}

#[derive(Debug, Clone)]
struct One<'t> {
    tenant: &'t Tenant,
    now: Now,
    asked: i64,
    last_used: i64,
    task: u32,
    /// Uses that are over.
    past: usize,
}

impl One<'_> {
    fn node(&self) -> Option<&str> {
        match &self.now {
            Now::Starting(node, _) | Now::Awake(node) => Some(node),
            _ => None,
        }
    }

    fn is_used(&mut self, at: i64) -> bool {
        while self.tenant.used.get(self.past).is_some_and(|(_, until)| *until <= at) {
            self.past += 1;
        }
        self.tenant.used.get(self.past).is_some_and(|(from, _)| *from <= at)
    }
}

struct Fleet<'t> {
    rules: &'t Rules,
    hosts: Vec<(Host, i64)>,
    ones: Vec<One<'t>>,
    queue: VecDeque<usize>,
    desired: u32,
    launched: u32,
    out: Outcome,
}

fn host(name: &str, role: Role, zone: u32) -> Host {
    Host {
        name: name.into(),
        node: Some(format!("node-{name}")),
        role,
        zone: ["a", "b", "c"][zone as usize % 3].into(),
        state: State::Ready,
        takes: Takes::Active,
        away: None,
        memory: 31 * GIB,
        sick: false,
        grouped: true,
        held: false,
        named: false,
        empty: false,
    }
}

/// The fleet through all of it.
pub fn run(tenants: &[Tenant], rules: &Rules) -> Outcome {
    let managers = (0..3).map(|n| (host(&format!("m{n}"), Role::Manager { reachable: true }, n), 0));
    let one = |tenant| One { tenant, now: Now::Asleep, asked: 0, last_used: 0, task: 0, past: 0 };
    let mut fleet = Fleet {
        rules,
        hosts: managers.collect(),
        ones: tenants.iter().map(one).collect(),
        queue: VecDeque::new(),
        desired: 0,
        launched: 0,
        out: Outcome::default(),
    };
    if rules.idle.is_none() {
        fleet.all_awake();
    }
    fleet.out.sizes.push((0, fleet.desired));
    let mut memory = Memory::default();
    for at in (0..rules.until).step_by(usize::try_from(TURN).expect("small")) {
        fleet.boot(at);
        fleet.die(at);
        fleet.use_and_sleep(at);
        fleet.wake(at);
        fleet.place(at);
        let now = Timestamp::from_second(1_800_000_000 + at).expect("a time");
        for step in decide(&fleet.world(), &rules.settings, &mut memory, now).steps {
            fleet.take(&step, at);
        }
        fleet.out.host_seconds += TURN * i64::try_from(fleet.hosts.len()).expect("small");
        fleet.out.most_hosts = fleet.out.most_hosts.max(fleet.hosts.len());
    }
    fleet.out
}

impl Fleet<'_> {
    /// As many hosts as all need, all of them awake.
    fn all_awake(&mut self) {
        for at in 0..self.ones.len() {
            self.ones[at].now = Now::Unplaced(0);
            self.place(0);
            if self.ones[at].node().is_none() {
                self.launch(-self.rules.boot);
                self.desired += 1;
                self.boot(0);
                self.place(0);
            }
        }
    }

    fn launch(&mut self, at: i64) {
        self.launched += 1;
        let joining =
            Host { state: State::Joining, node: None, memory: 0, ..host(&format!("w{}", self.launched), Role::Worker, self.launched) };
        self.hosts.push((joining, at));
    }

    fn boot(&mut self, at: i64) {
        for (host, launched) in &mut self.hosts {
            if host.state == State::Joining && at - *launched >= self.rules.boot {
                (host.state, host.node, host.memory) = (State::Ready, Some(format!("node-{}", host.name)), 31 * GIB);
            }
        }
    }

    fn die(&mut self, at: i64) {
        if self.rules.dies != Some(at) {
            return;
        }
        let dead = self.hosts.iter_mut().find(|(host, _)| !host.leads() && host.serves()).expect("a worker");
        dead.0.state = State::Down;
        let node = dead.0.node.clone();
        self.out.lost += self.unplace(node.as_deref(), at);
    }

    /// Its tasks wait for another host; how many of them were used.
    fn unplace(&mut self, node: Option<&str>, at: i64) -> usize {
        let mut used = 0;
        for one in self.ones.iter_mut().filter(|one| one.node() == node) {
            (one.now, one.task, one.asked) = (Now::Unplaced(at), one.task + 1, at);
            used += usize::from(one.is_used(at));
        }
        used
    }

    fn use_and_sleep(&mut self, at: i64) {
        for n in 0..self.ones.len() {
            let one = &mut self.ones[n];
            if let Now::Starting(node, ready) = &one.now
                && *ready <= at
            {
                self.out.longest_wake = self.out.longest_wake.max(at - one.asked);
                one.now = Now::Awake(node.clone());
                one.last_used = at;
            }
            if one.is_used(at) {
                one.last_used = at;
                if one.now == Now::Asleep {
                    (one.now, one.asked) = (Now::Queued, at);
                    self.queue.push_back(n);
                    self.out.wakes += 1;
                }
            } else if matches!(one.now, Now::Awake(_)) && self.rules.idle.is_some_and(|idle| at - one.last_used >= idle) {
                one.now = Now::Asleep;
            }
        }
    }

    fn wake(&mut self, at: i64) {
        let waking = |one: &&One| matches!(one.now, Now::Unplaced(_) | Now::Starting(..));
        let mut free = self.rules.max_waking.saturating_sub(self.ones.iter().filter(waking).count());
        while free > 0
            && let Some(n) = self.queue.pop_front()
        {
            (self.ones[n].now, self.ones[n].task) = (Now::Unplaced(at), self.ones[n].task + 1);
            free -= 1;
        }
    }

    /// Swarm's rule: of the hosts that have room, the one with the fewest tasks.
    fn place(&mut self, at: i64) {
        let bears = |ones: &[One], node: Option<&str>| {
            let on = ones.iter().filter(|one| one.node() == node);
            on.fold((0, 0), |(tasks, bytes), one| (tasks + 1, bytes + one.tenant.reserve))
        };
        for n in 0..self.ones.len() {
            let Now::Unplaced(since) = self.ones[n].now else { continue };
            let size = self.ones[n].tenant.reserve;
            let able = self.hosts.iter().filter(|(host, _)| host.serves()).filter_map(|(host, _)| {
                let (tasks, bytes) = bears(&self.ones, host.node.as_deref());
                (bytes + size <= host.memory).then(|| (tasks, host.node.clone().expect("a node")))
            });
            let chosen = able.min();
            self.out.longest_without_room = self.out.longest_without_room.max(at - since);
            if let Some((_, node)) = chosen {
                let ready = if self.rules.idle.is_none() && at == 0 { 0 } else { at + self.rules.start };
                self.ones[n].now = Now::Starting(node, ready);
            }
        }
    }

    fn world(&self) -> World {
        let task = |one: &One| Task {
            of: one.tenant.name.clone(),
            id: format!("{}.{}", one.tenant.name, one.task),
            reserve: one.tenant.reserve,
            node: one.node().map(str::to_owned),
            anywhere: true,
            said: String::new(),
        };
        let queued = self.queue.iter().map(|n| self.ones[*n].tenant);
        let is_empty = |host: &Host| host.takes == Takes::Drained && !self.ones.iter().any(|one| one.node() == host.node.as_deref());
        World {
            hosts: self.hosts.iter().map(|(host, _)| Host { empty: is_empty(host), ..host.clone() }).collect(),
            tasks: self.ones.iter().filter(|one| !matches!(one.now, Now::Asleep | Now::Queued)).map(task).collect(),
            queued: queued.map(|tenant| Queued { of: tenant.name.clone(), reserve: tenant.reserve }).collect(),
            largest: self.ones.iter().map(|one| one.tenant.reserve).max().unwrap_or_default(),
            group: Some(Group { name: "workers".into(), min: 0, max: self.rules.max, desired: self.desired }),
            unread: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step, at: i64) {
        let place = |hosts: &[(Host, i64)], name: &str| hosts.iter().position(|(host, _)| host.name == name).expect("a host");
        match step {
            Step::Grow { to } => {
                (self.desired..*to).for_each(|_| self.launch(at));
                self.desired = *to;
                self.out.grown += 1;
                self.out.sizes.push((at, *to));
            }
            Step::Pause { host } => {
                let one = place(&self.hosts, host);
                (self.hosts[one].0.takes, self.hosts[one].0.away) = (Takes::Paused, Some(Away::Shrink));
            }
            Step::Drain { host, why } => {
                let one = place(&self.hosts, host);
                (self.hosts[one].0.takes, self.hosts[one].0.away) = (Takes::Drained, Some(*why));
                let node = self.hosts[one].0.node.clone();
                self.out.disturbed += self.unplace(node.as_deref(), at);
            }
            Step::Undrain { host } => {
                let one = place(&self.hosts, host);
                (self.hosts[one].0.takes, self.hosts[one].0.away) = (Takes::Active, None);
                self.out.undrained += 1;
            }
            Step::Shrink { host } | Step::Replace { host } => {
                let one = place(&self.hosts, host);
                let (gone, _) = self.hosts.remove(one);
                if gone.leads() || self.ones.iter().any(|one| one.node().is_some() && one.node() == gone.node.as_deref()) {
                    self.out.wrong.push(format!("{step:?} at {at}: it leads, or bears tenants"));
                }
                if matches!(step, Step::Replace { .. }) {
                    self.launch(at);
                    self.out.replaced += 1;
                } else {
                    self.desired -= 1;
                    self.out.shrunk += 1;
                    self.out.sizes.push((at, self.desired));
                }
            }
        }
    }
}
