//! Becoming the writer: wait for the lock, raise the epoch, see everybody else out.
//!
//! The lock alone is not enough: a server that restarts or fails over forgets all locks, while the application of the last holder may go on
//! for as long as that holder needs to notice. So whoever takes it raises the epoch first, after which no look of the last holder is good any
//! more, and then waits until a session's time has passed since its last good one. The other sessions of the user are ended meanwhile, again
//! and again: as long as somebody comes back, nothing is started.

use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;
use crate::database::{Database, Trouble, within};
use crate::keeper::{CONNECT, Word};
use crate::say::say;
use crate::settings::Settings;
use crate::writer::{Seen, Writer};

/// Between two tries, and between two looks at who else is there.
const AGAIN: Duration = Duration::from_millis(1000);
const ROUND: Duration = Duration::from_millis(200);
/// How often what one waits for is said again.
const SAY: Duration = Duration::from_secs(10);

/// Says the same thing once in a while only.
#[derive(Default)]
struct Progress {
    last: Option<(String, clock::Moment)>,
}

impl Progress {
    fn say(&mut self, words: String) {
        let now = clock::now();
        if self.last.as_ref().is_none_or(|(said, at)| *said != words || now.saturating_sub(*at) >= SAY) {
            say(&words);
            self.last = Some((words, now));
        }
    }
}

/// Tries until this is the writer, then tells so.
///
/// # Errors
/// What will not get better by waiting.
pub async fn take<'a>(
    database: &'a Database,
    settings: &Settings,
    hostname: &str,
    tell: &Sender<Word>,
) -> Result<(Writer<'a>, u64), String> {
    let mut progress = Progress::default();
    loop {
        match attempt(database, settings, hostname, tell, &mut progress).await {
            Ok(taken) => return Ok(taken),
            Err(Trouble::Refused(words)) => return Err(format!("{} ({})", words, database.place)),
            Err(Trouble::Down(words)) => progress.say(format!("waiting for the database {}: {words}", database.place)),
        }
        sleep(AGAIN).await;
    }
}

async fn attempt<'a>(
    database: &'a Database,
    settings: &Settings,
    hostname: &str,
    tell: &Sender<Word>,
    progress: &mut Progress,
) -> Result<(Writer<'a>, u64), Trouble> {
    let conn = database.connect(CONNECT).await?;
    let mut writer = within(CONNECT, Writer::open(conn, database)).await?;
    let seen = wait_for_lock(&mut writer, progress).await?;
    let (epoch, open) = within(CONNECT, writer.raise(hostname)).await?;
    let raised = clock::now();
    // Until when the last holder's application may run. No look of its is good after the raise, and it stops `ping + timeout` after the last
    // good one: that is certain of a machine that keeps its time. For one that does not there is the rest of the session, counted from when
    // the holder was last seen to say something; if it was not seen (a server that restarted forgets the lock), from the raise.
    let last = seen.filter(|seen| seen.epoch + 1 == epoch).map_or(raised, |seen| seen.last.min(raised));
    let until = if open { (last + settings.session()).max(raised + settings.ping() + settings.timeout()) } else { raised };
    let quiet = if open { settings.quiet() } else { Duration::ZERO };
    see_out(&mut writer, settings, epoch, until, quiet, progress).await?;
    let empty = within(CONNECT, writer.is_empty(database)).await?;
    let sent = clock::now();
    within(settings.timeout(), writer.started(epoch)).await?;
    let _ = tell.send(Word::Ready { epoch, empty, sent });
    Ok((writer, epoch))
}

/// Waits for the lock; returns what was last seen of its holder.
async fn wait_for_lock(writer: &mut Writer<'_>, progress: &mut Progress) -> Result<Option<Seen>, Trouble> {
    let mut seen = None;
    loop {
        if within(CONNECT, writer.take(1)).await? {
            return Ok(seen);
        }
        progress.say("waiting: another container is this tenant's writer".into());
        if let Some(now) = within(CONNECT, writer.watch()).await? {
            seen = Some(now);
        }
    }
}

/// Ends the others' sessions until nobody has come back for `quiet` and the time is `until`.
async fn see_out(
    writer: &mut Writer<'_>,
    settings: &Settings,
    epoch: u64,
    until: clock::Moment,
    quiet: Duration,
    progress: &mut Progress,
) -> Result<(), Trouble> {
    let mut alone_since = None;
    loop {
        // Also keeps our own session awake, and sees that it still holds the lock.
        let look = within(settings.timeout(), writer.look()).await?;
        if !look.ours || look.epoch != epoch {
            return Err(Trouble::Down("the lock was lost again".into()));
        }
        let others = within(CONNECT, writer.clear()).await?;
        let now = clock::now();
        if others > 0 {
            alone_since = None;
            progress.say("ending the other sessions of this tenant's user; the application starts when none comes back".into());
        }
        if others == 0 && now.saturating_sub(*alone_since.get_or_insert(now)) >= quiet {
            if now >= until {
                return Ok(());
            }
            progress.say(format!("epoch {epoch}: waiting until the last writer must have stopped"));
        }
        sleep(ROUND).await;
    }
}
