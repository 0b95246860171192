//! `reeve unlock`

use clap::Args;

use super::stack::open;
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, code};
use crate::record::{Lock, Unlocked};

/// Release the stack's lock, held by a process that is surely dead.
#[derive(Debug, Args)]
pub struct Unlock {
    #[command(flatten)]
    pub(super) dir: Dir,
    /// The lock of restore drills instead, which one that was killed leaves for a minute.
    #[arg(long, conflicts_with = "loop_")]
    drill: bool,
    /// The lead of the reconcile loop instead, which an instance that was killed leaves for a minute.
    #[arg(long = "loop")]
    loop_: bool,
}

impl Unlock {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let session = open(&self.dir.dir, terminal).await?;
        let lock = match (self.drill, self.loop_) {
            (true, _) => Lock::Drill,
            (_, true) => Lock::Loop,
            _ => Lock::Stack,
        };
        let record = session.record().with_lock(lock);
        if let Ok(Some(holder)) = record.holder().await
            && holder.is_held_here()
        {
            let (who, pid) = (holder.describe(), holder.pid);
            return Err(Failure::new(code::LOCKED, format!("the lock is not released: its holder is alive, {who}"))
                .advice(format!("let it end, or ask it to (`kill {pid}`): it finishes what it has begun and gives the lock back")));
        }
        let by = session.connection.caller.clone();
        let unlocked = record.unlock(&by).await?;
        terminal.say(&match unlocked {
            Unlocked::Nothing => "nobody held the lock".to_owned(),
            Unlocked::Removed(holder) => format!("released the lock of {}", holder.describe()),
            Unlocked::Damaged => "the lock could not be read; it was replaced".to_owned(),
        });
        Ok(code::DONE)
    }
}
