//! `reeve adopt`: an existing object bears our mark from now on. What differs from the YAML, the next plan says.

use clap::Args;

use super::super::stack::{connect, load};
use super::super::terminal::Terminal;
use super::super::{Dir, Exit, Failure, code};
use super::locked::Locked;
use crate::model::Address;
use crate::session::Error;

/// Take an existing object over; refuses one that is owned.
#[derive(Debug, Args)]
pub struct Adopt {
    #[command(flatten)]
    pub dir: Dir,
    /// The address that it shall answer to.
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// The object's id, as the kind's references hold it (an EC2 id, an ARN, a name).
    #[arg(value_name = "ID")]
    id: String,
}

impl Adopt {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.dir.dir)?;
        let address = Address::parse(&self.address).map_err(|error| Failure::usage(error.to_string()))?;
        let Some(wish) = loaded.wishes.get(&address) else {
            return Err(Failure::usage(format!("the YAML has no {address}")).advice("write it first: what is not wished would be deleted"));
        };
        let session = connect(&loaded, terminal).await?;
        let mut locked = Locked::take(&session, terminal).await?;
        let failed = |error| match error {
            Error::NotAdopted(why) => Failure::new(code::REFUSED, why),
            Error::Plane(error) if error.is_not_found() => {
                let why = format!("there is no {} `{}` in {}: {error}", wish.kind.name, self.id, loaded.stack.region);
                Failure::new(code::ERROR, why).advice(format!("what an id is says {}", wish.kind.page))
            }
            error => error.into(),
        };
        let allowed = locked.interruptible(async |_| session.may_adopt(&address, wish, &self.id).await.map_err(failed)).await;
        let outcome = match allowed {
            // What is written now is written to its end: who asks to stop waits for it.
            Ok(()) => session.adopt(&locked.held, &address, wish, &self.id, &terminal.line).await.map_err(failed),
            Err(failure) => Err(failure),
        };
        locked.release(terminal).await;
        outcome?;
        terminal.say(&format!("{} is {address} from now on; `reeve plan {}` says what differs", self.id, self.dir.dir.display()));
        Ok(code::DONE)
    }
}
