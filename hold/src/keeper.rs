//! The thread that talks to the database: takes the lock, keeps looking at it, takes it again after a break. It only tells; what happens to
//! the application is the guard's.

use std::sync::mpsc::Sender;
use std::time::Duration;

use mysql_async::Conn;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use crate::clock::{self, Moment};
use crate::database::{Database, Trouble, within};
use crate::settings::Settings;
use crate::take;
use crate::writer::Writer;

/// What the keeper tells.
#[derive(Debug, Clone)]
pub enum Word {
    /// The lock is ours, the way is clear, the epoch is noted as started. True at `sent` and for some time after.
    Ready {
        /// The epoch.
        epoch: u64,
        /// The schema has no tables but the wrapper's own.
        empty: bool,
        /// Before the server was asked.
        sent: Moment,
    },
    /// It will not come to that.
    Refused(String),
    /// Lock and epoch are ours; asked at `sent`.
    Good {
        /// Before the server was asked.
        sent: Moment,
    },
    /// That could not be seen.
    Bad(String),
    /// Somebody else is the writer now.
    Taken(String),
    /// The end is noted, as far as it could be.
    Noted,
}

/// What the keeper is told.
#[derive(Debug, Clone)]
pub enum Order {
    /// Look at once.
    Look,
    /// All processes are gone: note it, give the lock back, end.
    End {
        /// Another had taken over.
        lost: bool,
        /// Why it ended.
        why: String,
    },
}

/// How long a connection may take to come about while nothing runs yet.
pub const CONNECT: Duration = Duration::from_secs(10);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// Takes the lock and keeps it until told to end.
pub async fn run(database: Database, settings: Settings, tell: Sender<Word>, mut orders: UnboundedReceiver<Order>) {
    let hostname = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (mut writer, epoch) = match take::take(&database, &settings, &hostname, &tell).await {
        Ok(taken) => taken,
        Err(words) => return drop(tell.send(Word::Refused(words))),
    };
    let mut last = clock::now();
    loop {
        // Counted from the last question, not from its answer: a slow answer takes nothing from the next one's time.
        let order = tokio::select! {
            order = orders.recv() => order,
            () = sleep(settings.ping().saturating_sub(clock::now().saturating_sub(last))) => Some(Order::Look),
        };
        last = clock::now();
        match order {
            Some(Order::Look) => {}
            Some(Order::End { lost, why }) => return end(writer, epoch, lost, &why, &settings, &tell).await,
            None => return,
        }
        let word = look(&mut writer, epoch, settings.timeout()).await;
        let bad = matches!(word, Word::Bad(_));
        if tell.send(word).is_err() {
            return;
        }
        if bad {
            let old = writer.id();
            drop(writer);
            let again = tokio::select! {
                again = come_back(&database, &settings, epoch, old, &tell) => again,
                order = told_to_end(&mut orders) => Back::Ended(order),
            };
            match again {
                Back::Ours(back) => writer = back,
                Back::Theirs(back) => {
                    if let Some(Order::End { lost, why }) = told_to_end(&mut orders).await {
                        end(back, epoch, lost, &why, &settings, &tell).await;
                    }
                    return;
                }
                Back::Ended(order) => {
                    // One more try to note it: the database may be there again.
                    if let Some(Order::End { lost, why }) = order
                        && let Ok(conn) = database.connect(settings.timeout()).await
                        && let Ok(Ok(back)) = tokio::time::timeout(settings.timeout(), Writer::open(conn, &database)).await
                    {
                        return end(back, epoch, lost, &why, &settings, &tell).await;
                    }
                    return drop(tell.send(Word::Noted));
                }
            }
        }
    }
}

/// The next order to end; orders to look are done with by the tries to come back.
async fn told_to_end(orders: &mut UnboundedReceiver<Order>) -> Option<Order> {
    loop {
        match orders.recv().await {
            Some(Order::Look) => {}
            other => return other,
        }
    }
}

/// Asks once whether lock and epoch are ours.
async fn look(writer: &mut Writer<'_>, epoch: u64, limit: Duration) -> Word {
    let sent = clock::now();
    match within(limit, writer.look()).await {
        Ok(look) if look.epoch != epoch => Word::Taken(format!("epoch {} has begun", look.epoch)),
        Ok(look) if look.ours => Word::Good { sent },
        Ok(_) => Word::Bad("the lock is not ours any more".into()),
        Err(trouble) => Word::Bad(trouble.to_string()),
    }
}

/// How the tries to come back ended.
enum Back<'a> {
    /// The lock is ours again and nobody was the writer meanwhile.
    Ours(Writer<'a>),
    /// Somebody was, or is.
    Theirs(Writer<'a>),
    /// Told to end meanwhile.
    Ended(Option<Order>),
}

/// Fresh connections until one has the lock again under the same epoch, or sees another epoch. `old` is the session that was lost: should the
/// server still keep the lock for it, that session is ended.
async fn come_back<'a>(database: &'a Database, settings: &Settings, epoch: u64, old: u32, tell: &Sender<Word>) -> Back<'a> {
    let mut said = String::new();
    let mut old = Some(old);
    loop {
        match attempt(database, settings, epoch, &mut old).await {
            Ok(Some((writer, true))) => {
                let mut writer = writer;
                // The wait for the lock may have taken long: what counts is asked now.
                match look(&mut writer, epoch, settings.timeout()).await {
                    Word::Bad(words) => drop(tell.send(Word::Bad(words))),
                    taken @ Word::Taken(_) => {
                        let _ = tell.send(taken);
                        return Back::Theirs(writer);
                    }
                    good => {
                        let _ = tell.send(good);
                        return Back::Ours(writer);
                    }
                }
            }
            Ok(Some((writer, false))) => {
                let _ = tell.send(Word::Taken("another epoch has begun".into()));
                return Back::Theirs(writer);
            }
            Ok(None) => {}
            Err(trouble) => {
                let words = trouble.to_string();
                if words != said {
                    let _ = tell.send(Word::Bad(words.clone()));
                    said = words;
                }
            }
        }
        sleep(AGAIN).await;
    }
}

/// One try. `Some((_, true))`: the lock is held again; `Some((_, false))`: the epoch is another; `None`: another session holds the lock.
async fn attempt<'a>(
    database: &'a Database,
    settings: &Settings,
    epoch: u64,
    old: &mut Option<u32>,
) -> Result<Option<(Writer<'a>, bool)>, Trouble> {
    let limit = settings.timeout();
    let conn: Conn = database.connect(limit).await?;
    let mut writer = within(limit, Writer::open(conn, database)).await?;
    if within(limit, writer.look()).await?.epoch != epoch {
        return Ok(Some((writer, false)));
    }
    if let Some(id) = *old
        && within(limit, writer.holder()).await? == Some(id)
    {
        within(limit, writer.kill(id.into())).await?;
    }
    if within(limit + Duration::from_secs(1), writer.take(1)).await? {
        *old = None;
        return Ok(Some((writer, true)));
    }
    Ok(None)
}

/// Notes the end; not to be able to is no reason to stay.
async fn end(mut writer: Writer<'_>, epoch: u64, lost: bool, why: &str, settings: &Settings, tell: &Sender<Word>) {
    let _ = within(settings.timeout(), writer.ended(epoch, lost, why)).await;
    let _ = tell.send(Word::Noted);
}
