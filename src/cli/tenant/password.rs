//! `reeve tenant password`

use clap::Args;

use super::One;
use crate::cli::stack::{connect, load};
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, Failure, code};
use crate::model::Address;
use crate::session::Password as Asked;

/// Show the first administrator's password of a tenant, once: it is written down who asked. Its user changes it at the first login.
#[derive(Debug, Args)]
pub struct Password {
    #[command(flatten)]
    pub(in crate::cli) one: One,
    /// Show it though it was shown before.
    #[arg(long)]
    again: bool,
}

impl Password {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.one.dir.dir)?;
        let name = self.one.find(&loaded)?.name.clone();
        let address = Address::parse(&format!("tenant/{name}.secret")).map_err(|error| Failure::usage(error.to_string()))?;
        let session = connect(&loaded, terminal).await?;
        let held = session.hold(&terminal.line).await?;
        let asked = session.first_password(&held, &address, self.again, &terminal.line).await;
        held.release().await?;
        match asked? {
            Asked::Here(password) => {
                terminal.say(&format!("the first administrator's password of {name}; it holds until it is changed in the application"));
                terminal.data(password.expose())?;
                Ok(code::DONE)
            }
            Asked::Given(at) => Err(Failure::new(code::REFUSED, format!("the password of {name} was shown before, at {at}"))
                .advice("--again shows it once more; it is of no use when it was changed in the application")),
            Asked::Rotated => {
                Err(Failure::new(code::REFUSED, format!("the secret of {name} was rotated: its first password is not known any more"))
                    .advice("an administrator of the tenant sets another in the application"))
            }
        }
    }
}
