//! `reeve held`: the plan of the loop that waits for a person.

use std::path::PathBuf;

use clap::Args;

use super::plan::{available, show};
use super::stack::open;
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, Format, code};
use crate::model::plan::Plan;
use crate::record::{plan_path, write_plan};
use crate::session::seal;
use crate::view::words::Words;

/// Show the plan that the loop holds for approval, and save it.
#[derive(Debug, Args)]
pub struct Held {
    #[command(flatten)]
    pub(super) dir: Dir,
    /// Save it; a bare name goes to `plans/`. `reeve apply FILE` then does it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to show it.
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Held {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        available(self.format)?;
        let session = open(&self.dir.dir, terminal).await?;
        let record = session.record();
        let Some(held) = record.held_plan().await? else {
            terminal.say("nothing waits for approval");
            if self.format == Format::Json {
                terminal.data("null")?;
            }
            return Ok(code::DONE);
        };
        let text = record.held_plan_text(&held.digest).await?;
        let plan: Plan = serde_json::from_slice(&text).map_err(|error| {
            Failure::new(code::ERROR, format!("the plan {} cannot be read: {error}", held.digest))
                .advice("`reeve plan DIR` makes a new one")
        })?;
        terminal.say(&format!("waiting for approval since {}: {}", held.since, held.changes.join(", ")));
        if let Some(out) = &self.out {
            let path = plan_path(out);
            write_plan(&path, &seal(&plan)?)?;
            terminal.say(&format!("saved to {}; `reeve apply {0}` does it", path.display()));
        }
        show(&plan, self.format, &Words::plan(&plan), terminal)?;
        Ok(code::CHANGES)
    }
}
