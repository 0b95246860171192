//! `reeve tenant rotate`

use clap::Args;

use super::One;
use crate::cli::apply::change_of_one;
use crate::cli::stack::{connect, load};
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, Failure, code};
use crate::model::Address;

/// Give a tenant another database password: another user beside the old one, its container moved to it, the old user dropped. What was cut off
/// goes on with the next apply.
#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    pub(in crate::cli) one: One,
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
}

impl Rotate {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.one.dir.dir)?;
        let name = self.one.find(&loaded)?.name.clone();
        let address = Address::parse(&format!("tenant/{name}.secret")).map_err(|error| Failure::usage(error.to_string()))?;
        let session = connect(&loaded, terminal).await?;
        if let Some((plane, why)) = session.planes().closed().into_iter().find(|(plane, _)| matches!(*plane, "docker" | "mysql")) {
            let failure = Failure::new(code::ERROR, format!("{plane} is not observed, so nothing could follow the new password: {why}"));
            return Err(failure.advice("run it on a host of the fleet, or name the way in"));
        }
        let agreed =
            self.auto_approve || terminal.ask(&format!("Rotate the secret of {name}? Its container restarts.")).await == Some(true);
        if !agreed {
            return Err(
                Failure::new(code::REFUSED, "not approved: nothing was touched").advice("--auto-approve agrees where there is no terminal")
            );
        }
        let held = session.hold(&terminal.line).await?;
        let rotated = session.rotate(&held, &address, &terminal.line).await;
        held.release().await?;
        let fingerprint = rotated?;
        terminal.say(&format!("{address} has another value ({fingerprint}); what uses it follows"));
        change_of_one(self.one.dir.dir, &format!("tenant/{name}"), terminal).await
    }
}
