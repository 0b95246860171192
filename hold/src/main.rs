//! `reeve-hold`: PID 1 of a tenant's container.
//!
//! It starts the container's own command as its child, passes signals on to every process, reaps what ends, and exits as the command does.
//! With a database in its settings (`REEVE_HOLD`) it also sees to it that one container at a time works on that database.
//!
//! # What holds
//! - The application is started only by the holder of the tenant's lock, after it raised the epoch, ended every other session of its user,
//!   and saw none come back. If an earlier container did not say that all of its processes ended, it also waits: at least
//!   `ping_ms + timeout_ms` after it raised the epoch, and until that one's lock session (`wait_timeout_s`, 15 s) would be over, counted from its
//!   last sign of life, or, if none was seen, from the raise.
//! - A wrapper that runs stops its application (`SIGSTOP` to every process) at the latest `ping_ms + timeout_ms` (5 s) after it last asked the
//!   server and heard that lock and epoch are its own. The server keeps the lock for 15 s after that question. So a cut-off
//!   machine may be 10 s late with its stop, and nobody else has started yet.
//!   Measured with these times: everything was stopped 4.9 s after a line was cut, and a container that was waiting started 20 s after the cut.
//!   One that comes later, when the lock is free already, waits 15 s from then.
//! - After a restart or failover of the server, which forgets all locks, the epoch decides: the last holder goes on if it takes the lock again
//!   and nobody raised the epoch meanwhile; otherwise its processes are killed.
//! - What is stopped goes on only after a look that is at most `timeout_ms` old by a clock that counts sleep. A machine that slept finds the
//!   last good look too old at the first tick and stops everything before it looks.
//! - An application that a stopped (`kill -STOP`) or broken wrapper leaves running, and that connects again as the same user, keeps the next
//!   one from starting: safety goes before being there.
//! - Nothing of the secret is in this process's environment, arguments or words.
//!
//! # What does not hold
//! - Between the last good look and the stop (up to 5 s) the application may write though the lock is lost already. Nobody else writes at that
//!   time: the next holder has not started yet.
//! - When a whole machine sleeps for longer than the session and wakes after another took over, its application runs until the first tick
//!   of the wrapper (some milliseconds; up to 5 s if no clock of that machine saw the gap). Its sessions are gone, but one that it opens anew
//!   within that time can write. Nothing on the database's side tells it from the rightful one, as both use one user.
//! - What the server received before its session was killed is carried out or rolled back by the server; the kill is waited for.
//! - A session of *another* user of the tenant (the one before a rotation) can be neither seen nor ended by this one: whoever rotates ends
//!   those. The lock excludes all the same, and a last holder that is not seen gets the whole wait.
//! - What writes to the schema without the wrapper (an operator, a restore) is not held back.
//! - A copy of the schema put back over the live one takes the epoch back: stop the container first.
//! - The guard must be PID 1 (or its only parent must end with it): if it alone is killed outside a container, its application goes on.
//!
//! The account needs room for 3 sessions beside the application's pool: of this wrapper, of the one that waits, and of one that comes back.
//! Dead sessions of a host that was cut off count until the next wrapper ends them, for which it must get in.

mod clock;
mod crowd;
mod database;
mod guard;
mod keeper;
mod probe;
mod say;
mod settings;
mod take;
mod writer;

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use nix::sys::signal::Signal;
use signal_hook::iterator::Signals;

use crate::database::Database;
use crate::guard::{Event, Guard, WRONG};
use crate::keeper::Word;
use crate::say::say;
use crate::settings::{Secret, Settings, VARIABLE};

const HELP: &str = "reeve-hold -- COMMAND [ARGUMENT ...]
reeve-hold probe --port PORT --ready PATH --live PATH

PID 1 of a tenant's container: holds the lock of the tenant's database, starts the command, passes signals on, reaps.
probe asks the application whether it is ready, and once it was, whether it lives.
Settings: JSON in the environment variable REEVE_HOLD. Without a host in it there is no lock.

  --version   what this is
  --help      this text

Exit codes: the command's own, or 128 and the signal's number;
  75 another container is the writer now (or the database stayed away), 77 the database refuses, 78 the settings are wrong";

/// The signals that are passed on, and the one that tells of a child.
const SIGNALS: [Signal; 9] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGALRM,
    Signal::SIGCHLD,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|a| a.to_str()) {
        Some("--version") => {
            println!("reeve-hold {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some("--help") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some("probe") => {
            return match probe::run(arguments.collect()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(words) => {
                    say(words);
                    ExitCode::FAILURE
                }
            };
        }
        Some("--") => {}
        _ => {
            say("which command? reeve-hold -- COMMAND [ARGUMENT ...]");
            return WRONG.into();
        }
    }
    hold(arguments.collect())
        .unwrap_or_else(|words| {
            say(words);
            WRONG
        })
        .into()
}

/// Reads the settings, starts the threads and runs the application.
fn hold(arguments: Vec<OsString>) -> Result<u8, String> {
    let (program, rest) = arguments.split_first().ok_or("no command after --")?;
    let settings = Settings::read(std::env::var(VARIABLE).ok().as_deref())?;
    let secret = Secret::read(&settings)?;
    let mut command = Command::new(program);
    command.args(rest).env_remove(VARIABLE).envs(secret.complete(&settings)?);
    let database = Database::of(&settings, &secret)?;
    drop(secret);

    // By handlers, not by a mask: the application would inherit a mask.
    let signals = Signals::new(SIGNALS.map(|signal| signal as i32)).map_err(|e| format!("signals: {e}"))?;
    nix::sys::prctl::set_child_subreaper(true).map_err(|e| format!("to become the reaper: {e}"))?;

    let (tell, events) = channel();
    let signal_tell = tell.clone();
    thread::Builder::new().name("signals".into()).spawn(move || pass_on(signals, &signal_tell)).map_err(|e| format!("a thread: {e}"))?;
    let orders = match database {
        Some(database) => Some(keep(database, settings.clone(), tell)?),
        None => None,
    };
    Ok(Guard::new(settings, events, orders).run(command))
}

/// Takes signals and tells of them.
fn pass_on(mut signals: Signals, tell: &Sender<Event>) {
    for signal in signals.forever().filter_map(|number| Signal::try_from(number).ok()) {
        if tell.send(Event::Signal(signal)).is_err() {
            return;
        }
    }
}

/// Starts the keeper's thread.
fn keep(database: Database, settings: Settings, tell: Sender<Event>) -> Result<tokio::sync::mpsc::UnboundedSender<keeper::Order>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| format!("the runtime: {e}"))?;
    let (orders, received) = tokio::sync::mpsc::unbounded_channel();
    let (words, heard) = channel::<Word>();
    thread::Builder::new()
        .name("keeper".into())
        .spawn(move || runtime.block_on(keeper::run(database, settings, words, received)))
        .map_err(|e| format!("a thread: {e}"))?;
    thread::Builder::new()
        .name("words".into())
        .spawn(move || {
            for word in heard {
                if tell.send(Event::Word(word)).is_err() {
                    return;
                }
            }
            // The keeper has ended. If that was not asked for, nothing watches the lock any more.
            let _ = tell.send(Event::Word(Word::Bad("the thread that talks to the database has ended".into())));
        })
        .map_err(|e| format!("a thread: {e}"))?;
    Ok(orders)
}
