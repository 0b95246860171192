//! `reeve tenant wake` and `reeve tenant sleep`

use std::time::{Duration, Instant};

use clap::Args;

use super::One;
use crate::cli::stack::{connect, load};
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, Failure, code};
use crate::desired::tenant::State;
use crate::kinds::docker::service::{Service, of_ours, scale, services};
use crate::kinds::{Kind, Ready};
use crate::model::Address;
use crate::model::runbook::TENANT_DATA;
use crate::planes::{Docker, Plane, Planes};
use crate::record::RecordError;
use crate::session::{Error, Held, Session};
use crate::tenant::restore::was_cut_off;

/// Start a tenant's container, and wait until it is ready.
#[derive(Debug, Args)]
pub struct Wake {
    #[command(flatten)]
    pub(in crate::cli) one: One,
}

/// Stop a tenant's container; its database and files stay.
#[derive(Debug, Args)]
pub struct Sleep {
    #[command(flatten)]
    pub(in crate::cli) one: One,
}

impl Wake {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        to(&self.one, 1, terminal).await
    }
}

impl Sleep {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        to(&self.one, 0, terminal).await
    }
}

/// How often a start is looked at, and whether the lock is free.
const LOOK: Duration = Duration::from_secs(1);
/// So long the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

async fn to(one: &One, replicas: i64, terminal: &mut Terminal) -> Exit {
    let loaded = load(&one.dir.dir)?;
    let tenant = one.find(&loaded)?;
    if replicas > 0 && tenant.spec.state != State::Active {
        let word = format!("{:?}", tenant.spec.state).to_lowercase();
        let failure = Failure::new(code::REFUSED, format!("{} is {word}: it does not run, whoever asks", tenant.name));
        return Err(failure.advice("write `state: active` and apply"));
    }
    let session = connect(&loaded, terminal).await?;
    let docker = Docker::of(session.planes()).map_err(Error::from)?;
    let all = services(docker).await.map_err(Error::from)?;
    let service = all.iter().find(|service| of_ours(docker, service).is_some_and(|of| of.tenant == tenant.name));
    let id = service.and_then(|service| service.id.clone());
    let id =
        id.ok_or_else(|| Failure::new(code::ERROR, format!("{} has no service yet", tenant.name)).advice("`reeve apply DIR` makes it"))?;
    if replicas > 0 && was_cut_off(session.planes(), &tenant.name).await.map_err(Error::from)? {
        let failure = Failure::new(code::REFUSED, format!("{} holds a part of its data: a restore was cut off, or goes on", tenant.name));
        return Err(failure.advice(format!("give that restore again, with its first archive: see {TENANT_DATA}")));
    }
    // Under the lease: nobody wakes a tenant whose data is just being restored.
    let address = Address::parse(&format!("tenant/{}.service", tenant.name)).map_err(|error| Failure::usage(error.to_string()))?;
    let step = if replicas > 0 { "wake" } else { "sleep" };
    let held = turn(&session, terminal).await?;
    let work = async |planes: &Planes| scale(Docker::of(planes)?, &id, replicas).await;
    let scaled = session.task(&held, (&address, step), &terminal.line, work).await;
    held.release().await?;
    scaled?;
    wait(&session, docker, &id, &tenant.name, terminal).await
}

/// The lock, when whoever applies is done: beside a loop that is most often a moment.
async fn turn(session: &Session, terminal: &Terminal) -> Result<Held, Error> {
    let (began, mut said) = (Instant::now(), false);
    loop {
        match session.hold(&terminal.line).await {
            Err(Error::Record(RecordError::Held(holder))) if began.elapsed() < PATIENCE => {
                if !std::mem::replace(&mut said, true) {
                    terminal.say(&format!("waits for its turn, {} s at most: {} applies", PATIENCE.as_secs(), holder.describe()));
                }
                tokio::time::sleep(LOOK).await;
            }
            held => return held,
        }
    }
}

async fn wait(session: &Session, docker: &Docker, id: &str, name: &str, terminal: &Terminal) -> Exit {
    let began = Instant::now();
    let mut said = String::new();
    loop {
        match Service::ready(docker, id).await.map_err(Error::from)? {
            Ready::Yes(_) => break,
            Ready::Failed(why) => return Err(Failure::new(code::ERROR, format!("{name}: {why}"))),
            Ready::NotYet(word) if word != said => {
                terminal.say(&format!("{name}: {word} ({} s)", began.elapsed().as_secs()));
                said = word;
            }
            Ready::NotYet(_) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
    session.follow().await?;
    terminal.say(&format!("{name}: done ({} s)", began.elapsed().as_secs()));
    Ok(code::DONE)
}
