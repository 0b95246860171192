//! `reeve tenant backup`

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::One;
use super::data::{make, place, recipients, target, words};
use crate::cli::stack::{connect, load};
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, code};

/// Write a tenant's schema and files into one encrypted archive, while it runs.
#[derive(Debug, Args)]
pub struct Backup {
    #[command(flatten)]
    pub(in crate::cli) one: One,
    /// The archive, or the folder that it goes to. Default: NAME-TIME.tar.gz.age in the current folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Encrypt it for this age recipient (age1...) instead of the stack's own key in SSM.
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
}

impl Backup {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.one.dir.dir)?;
        let tenant = self.one.find(&loaded)?;
        let name = tenant.name.clone();
        let session = connect(&loaded, terminal).await?;
        let place = place(&loaded, &session, tenant).await?;
        let path = target(self.out.as_deref(), &name, Timestamp::now());
        let to = recipients(&session, &self.recipient).await?;
        let made = make(&session, &place, &path, to, terminal).await?;
        for one in &made.manifest.left_out {
            terminal.say(&format!("warning: not in it: {one}"));
        }
        terminal.say(&format!("{name}: {}; {} bytes, sha256 {}", words(&made.manifest), made.size, made.sha256));
        terminal.data(&made.path.display().to_string())?;
        Ok(code::DONE)
    }
}
