//! The swarm: exactly one host initialises it, the others join, and what is left of hosts that are gone is cleared away.

pub mod board;
pub mod decide;
mod local;
mod tend;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, InstanceStateName};
use bollard::Docker;
use tokio::time::{Instant, sleep};

use super::config::Identity;
use super::{Error, Host, Result};
use crate::model::host::MANAGERS;
use crate::planes::Aws;
use crate::planes::error::Error as Refused;
use board::{Board, Store};
use decide::{Next, Own, Role, Seen, decide};

/// The label by which a node says which instance it is.
pub const LABEL: &str = "reeve.instance";

/// How long one run tries; the unit that calls it begins again.
const PATIENCE: Duration = Duration::from_secs(180);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// For how long a host has to look as if it should leave its swarm before it does: a manager that starts looks like a worker for moments.
const SURE: Duration = Duration::from_secs(20);

/// A host, connected to all that the swarm is about.
struct Member<'a> {
    aws: &'a Aws,
    identity: &'a Identity,
    role: Role,
    docker: Docker,
    store: Store<'a>,
}

/// What was seen at one look.
struct Look {
    own: Own,
    node: Option<String>,
    board: Board,
    gone: BTreeSet<String>,
}

impl<'a> Member<'a> {
    async fn of(host: &'a Host) -> Result<Self> {
        let (docker, identity) = (host.docker().await?, host.identity().await?);
        let aws = host.aws().await?;
        Ok(Self { aws, identity, role: role(aws, host, identity).await?, docker, store: Store::of(aws, &host.config) })
    }

    async fn look(&self) -> Result<Look> {
        let (own, node) = local::own(&self.docker).await?;
        let board = self.store.read().await?;
        let gone = gone(self.aws, &board).await?;
        Ok(Look { own, node, board, gone })
    }

    fn next(&self, look: &Look) -> Next {
        decide(&Seen { me: &self.identity.instance, role: self.role, own: look.own.clone(), board: &look.board, gone: &look.gone })
    }

    /// Where others reach it as a manager.
    fn address(&self) -> String {
        format!("{}:{}", self.identity.address, local::PORT)
    }

    /// Tells the others how to join, and where and what this host is.
    async fn publish(&self, attempt: u32, look: &Look) -> Result<()> {
        if let (Role::Manager, Own::Manager(id)) = (self.role, &look.own) {
            let known = look.board.attempts.get(&attempt);
            let (manager, worker) = local::tokens(&self.docker).await?;
            if known.and_then(|known| known.manager_token.as_ref()) != Some(&manager) {
                self.store.set(attempt, "manager-token", manager.reveal()).await?;
            }
            if known.and_then(|known| known.worker_token.as_ref()) != Some(&worker) {
                self.store.set(attempt, "worker-token", worker.reveal()).await?;
            }
            if known.and_then(|known| known.swarm.as_ref()) != Some(id) {
                self.store.set(attempt, "id", id).await?;
            }
        }
        self.register(attempt, look).await
    }

    /// This host's own line on the board.
    async fn register(&self, attempt: u32, look: &Look) -> Result<()> {
        let Some(node) = &look.node else { return Ok(()) };
        let line = board::Known { address: self.address(), node: node.clone() };
        let known = look.board.attempts.get(&attempt).and_then(|known| known.of(self.role).get(&self.identity.instance));
        if known == Some(&line) {
            return Ok(());
        }
        // A manager bears its label before anybody can miss it; those who lead give workers theirs.
        if matches!(look.own, Own::Manager(_)) {
            tend::label(self, node, &self.identity.instance).await?;
        }
        let folder = if self.role == Role::Manager { "managers" } else { "workers" };
        self.store.set(attempt, &format!("{folder}/{}", self.identity.instance), &format!("{} {node}", line.address)).await
    }

    async fn act(&self, next: &Next, look: &Look) -> Result<()> {
        match next {
            Next::Done | Next::Wait(_) => Ok(()),
            Next::Claim(attempt) => self.store.claim(*attempt, &self.identity.instance).await.map(drop),
            Next::Init(_) => local::init(&self.docker, &self.identity.address).await,
            Next::Publish(attempt) => self.publish(*attempt, look).await,
            Next::Join(attempt, addresses) => {
                let token = look.board.attempts.get(attempt).and_then(|known| known.token(self.role));
                let token = token.ok_or_else(|| Error::Unfit("the swarm's token is not there".into()))?;
                local::join(&self.docker, &self.identity.address, addresses, token).await
            }
            Next::Leave(_) => local::leave(&self.docker).await,
        }
    }
}

impl Host {
    /// Whether its engine is a worker of a swarm, by its own word.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn is_worker(&self) -> Result<bool> {
        let (own, _) = local::own(&self.docker().await?).await?;
        Ok(matches!(own, Own::Worker(_)))
    }
}

/// What the host is to be: as the group that it belongs to says.
async fn role(aws: &Aws, host: &Host, identity: &Identity) -> Result<Role> {
    if let Some(manager) = identity.manager {
        return Ok(if manager { Role::Manager } else { Role::Worker });
    }
    let groups = aws.autoscaling.describe_auto_scaling_groups().into_paginator().items().send();
    let groups: Vec<_> = groups.collect::<std::result::Result<_, _>>().await.map_err(Refused::from)?;
    let mine = groups.iter().find(|group| group.instances().iter().any(|one| one.instance_id() == Some(&identity.instance)));
    let Some(mine) = mine else {
        return Err(Error::Unfit(format!("{} is in no Auto Scaling group (yet): whether it leads is not known", identity.instance)));
    };
    let tag = |key: &str| mine.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
    if tag("reeve:stack") != Some(&host.config.stack) {
        return Err(Error::Unfit(format!("{} is in a group of another stack than {}", identity.instance, host.config.stack)));
    }
    Ok(if tag("reeve:address") == Some(MANAGERS) { Role::Manager } else { Role::Worker })
}

/// Which of the instances that the board names are surely gone. What EC2 does not know any more is; what it does not know yet has
/// written on the board only just now.
async fn gone(aws: &Aws, board: &Board) -> Result<BTreeSet<String>> {
    let named: BTreeSet<String> = board.instances().into_iter().collect();
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let filter = Filter::builder().name("instance-id").set_values(Some(named.iter().cloned().collect())).build();
    let pages = aws.ec2.describe_instances().filters(filter).into_paginator().items().send();
    let found: Vec<_> = pages.collect::<std::result::Result<_, _>>().await.map_err(Refused::from)?;
    let mut gone = named;
    let fresh =
        board.attempts.values().next_back().and_then(|attempt| attempt.claim.as_ref()).filter(|claim| claim.age < Duration::from_secs(300));
    if let Some(claim) = fresh {
        gone.remove(&claim.instance);
    }
    for instance in found.iter().flat_map(|reservation| reservation.instances()) {
        let state = instance.state().and_then(|state| state.name());
        let dead = matches!(state, Some(InstanceStateName::Terminated | InstanceStateName::ShuttingDown));
        if let Some(id) = instance.instance_id() {
            if dead {
                gone.insert(id.to_owned())
            } else {
                gone.remove(id)
            };
        }
    }
    Ok(gone)
}

/// What is off.
///
/// # Errors
/// The engine or AWS does not answer.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let member = Member::of(host).await?;
    let look = member.look().await?;
    let mut off = match member.next(&look) {
        Next::Done => Vec::new(),
        Next::Claim(_) | Next::Init(_) => vec!["there is no swarm".into()],
        Next::Publish(_) => vec!["it is a manager, and the others are not told how to join".into()],
        Next::Join(..) => vec!["it is not in the swarm".into()],
        Next::Leave(why) => vec![format!("it is in a swarm that it should leave: {why}")],
        Next::Wait(why) => vec![format!("it is not in the swarm: {why}")],
    };
    if off.is_empty()
        && let Own::Manager(_) = look.own
    {
        off = tend::off(&member, &look).await?;
    }
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// The engine or AWS does not answer, or it did not come about in time.
pub async fn make(host: &Host) -> Result<()> {
    let member = Member::of(host).await?;
    let end = Instant::now() + PATIENCE;
    let mut leaving: Option<(String, Instant)> = None;
    loop {
        let look = member.look().await?;
        let next = member.next(&look);
        let why = match &next {
            Next::Done => {
                if let Some(attempt) = look.board.newest() {
                    member.publish(attempt, &look).await?;
                }
                return match look.own {
                    Own::Manager(_) => tend::make(&member).await,
                    _ => Ok(()),
                };
            }
            Next::Leave(why) => {
                let since = leaving.take().filter(|(before, _)| before == why).map_or_else(Instant::now, |(_, since)| since);
                let sure = since.elapsed() >= SURE || matches!(look.own, Own::Broken(_));
                if sure {
                    member.act(&next, &look).await?;
                } else {
                    leaving = Some((why.clone(), since));
                }
                format!("it should leave its swarm: {why}")
            }
            other => {
                leaving = None;
                let said = member.act(other, &look).await.err().map(|error| error.to_string());
                match other {
                    Next::Wait(why) => why.clone(),
                    _ => said.unwrap_or_default(),
                }
            }
        };
        if Instant::now() > end {
            return Err(Error::Unfit(format!("it is not in the swarm: {why}")));
        }
        // What can go on at once does.
        if matches!(next, Next::Wait(_) | Next::Leave(_) | Next::Join(..)) || !why.is_empty() {
            sleep(PAUSE).await;
        }
    }
}
