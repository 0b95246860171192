//! What happens to the application: started when the lock is held, stopped the moment that cannot be seen any more, let go on or killed.

use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::{self, Moment};
use crate::crowd::{self, Crowd};
use crate::keeper::{Order, Word};
use crate::say::say;
use crate::settings::{EMPTY, Settings};

/// Exit code: another container is the writer now, or the database was away for too long. Nothing is wrong with this one.
pub const LOST: u8 = 75;
/// Exit code: the database refuses this user, or its TLS cannot be trusted.
pub const REFUSED: u8 = 77;
/// Exit code: the settings, the secret or the command are wrong.
pub const WRONG: u8 = 78;

/// What wakes the guard.
#[derive(Debug)]
pub enum Event {
    /// A signal came in.
    Signal(Signal),
    /// The keeper tells something.
    Word(Word),
}

/// The longest time between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);
/// How long what is left over after the application's end has before it is killed, and how long that may take.
const LEFTOVERS: Duration = Duration::from_secs(2);
const KILLED: Duration = Duration::from_secs(10);

/// The application with everything around it.
pub struct Guard {
    settings: Settings,
    events: Receiver<Event>,
    /// `None`: no database, nothing to hold.
    orders: Option<UnboundedSender<Order>>,
    /// When the last good look was asked for.
    good: Moment,
    /// Since when everything is stopped.
    stopped: Option<Moment>,
}

impl Guard {
    /// Nothing runs yet.
    pub const fn new(settings: Settings, events: Receiver<Event>, orders: Option<UnboundedSender<Order>>) -> Self {
        Self { settings, events, orders, good: Duration::ZERO, stopped: None }
    }

    /// Waits for the lock, runs the application, returns the exit code.
    pub fn run(mut self, mut command: Command) -> u8 {
        if self.orders.is_some() {
            match self.wait_for_lock() {
                Ok((epoch, empty)) => {
                    command.env("REEVE_EPOCH", epoch.to_string());
                    know_whether_empty(&mut command, empty);
                    say(format!("tenant {}, epoch {epoch}: starting the application", self.settings.tenant));
                }
                Err(code) => return code,
            }
        }
        let child = match command.process_group(0).spawn() {
            Ok(child) => child,
            Err(e) => {
                say(format!("{} cannot be started: {e}", command.get_program().display()));
                self.note(false, "the application could not be started");
                return if e.kind() == std::io::ErrorKind::PermissionDenied { 126 } else { 127 };
            }
        };
        let application = Pid::from_raw(child.id().cast_signed());
        self.watch(application, Crowd::of(application))
    }

    /// Until the lock is ours. A signal to end is obeyed at once: nothing runs yet.
    fn wait_for_lock(&mut self) -> Result<(u64, bool), u8> {
        loop {
            match self.events.recv() {
                Ok(Event::Word(Word::Ready { epoch, empty, sent })) => {
                    self.good = sent;
                    if self.is_late() {
                        // The machine slept between the answer and here. Nothing has started, so the next container may.
                        self.note(false, "slept before the start");
                        say("the lock's time is over before the application could start");
                        return Err(LOST);
                    }
                    return Ok((epoch, empty));
                }
                Ok(Event::Word(Word::Refused(words))) => {
                    say(words);
                    return Err(REFUSED);
                }
                Ok(Event::Signal(signal @ (Signal::SIGTERM | Signal::SIGINT | Signal::SIGQUIT))) => {
                    say(format!("{signal} while waiting: nothing was started"));
                    return Err(crowd::by_signal(signal));
                }
                Ok(Event::Signal(Signal::SIGCHLD)) => drop(crowd::reap()),
                Ok(Event::Signal(_)) => {}
                Ok(Event::Word(_)) | Err(_) => {
                    say("the thread that talks to the database has ended");
                    return Err(LOST);
                }
            }
        }
    }

    /// Whether the last good look is too long ago.
    fn is_late(&self) -> bool {
        clock::now().saturating_sub(self.good) > self.settings.ping() + self.settings.timeout()
    }

    /// From the start to the end of the application.
    fn watch(&mut self, application: Pid, crowd: Crowd) -> u8 {
        loop {
            let event = match self.events.recv_timeout(TICK) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.give_up(crowd, false, "nothing watches the lock any more"),
            };
            // The clock first: a machine that slept learns it before anything else happens.
            if self.orders.is_some() && self.stopped.is_none() && self.is_late() {
                let silent = clock::now().saturating_sub(self.good).as_millis();
                self.stop(crowd, &format!("the lock was last seen {silent} ms ago"));
                self.order(Order::Look);
            }
            match event {
                Some(Event::Signal(Signal::SIGCHLD)) | None => {
                    if let Some((_, code)) = crowd::reap().into_iter().find(|(pid, _)| *pid == application) {
                        return self.after(crowd, code);
                    }
                }
                Some(Event::Signal(signal)) => {
                    let ends = matches!(signal, Signal::SIGTERM | Signal::SIGINT | Signal::SIGQUIT);
                    if ends && self.stopped.is_some() {
                        // It must not run again without the lock, not even to end.
                        self.give_up(crowd, false, &format!("{signal} while stopped"));
                        return crowd::by_signal(signal);
                    }
                    crowd.signal(signal);
                }
                Some(Event::Word(Word::Good { sent })) => self.good_look(crowd, sent),
                Some(Event::Word(Word::Bad(words))) => {
                    if self.stopped.is_none() {
                        self.stop(crowd, &words);
                    } else {
                        say(format!("still stopped: {words}"));
                    }
                }
                Some(Event::Word(Word::Taken(words))) => {
                    crowd.signal(Signal::SIGSTOP);
                    return self.give_up(crowd, true, &format!("another container is the writer now: {words}"));
                }
                Some(Event::Word(_)) => {}
            }
            if let Some(since) = self.stopped {
                // Children that were born while the others were being stopped.
                crowd.signal(Signal::SIGSTOP);
                if clock::now().saturating_sub(since) > self.settings.patience() {
                    return self.give_up(crowd, false, "the lock did not come back");
                }
            }
        }
    }

    /// A look was good. Only a fresh one lets what is stopped go on.
    fn good_look(&mut self, crowd: Crowd, sent: Moment) {
        self.good = self.good.max(sent);
        let Some(since) = self.stopped else { return };
        if clock::now().saturating_sub(sent) > self.settings.timeout() {
            return self.order(Order::Look);
        }
        say(format!("the lock is ours and the epoch unchanged: going on after {} ms", clock::now().saturating_sub(since).as_millis()));
        self.stopped = None;
        crowd.signal(Signal::SIGCONT);
    }

    fn stop(&mut self, crowd: Crowd, why: &str) {
        crowd.signal(Signal::SIGSTOP);
        self.stopped = Some(clock::now());
        say(format!("stopped: {why}"));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }

    /// The application has ended by itself: nothing of it stays.
    fn after(&self, crowd: Crowd, code: u8) -> u8 {
        if self.stopped.is_none() {
            crowd.signal(Signal::SIGTERM);
            Self::until_gone(crowd, LEFTOVERS);
        }
        crowd.signal(Signal::SIGKILL);
        let gone = Self::until_gone(crowd, KILLED);
        if gone {
            self.note(false, &format!("exit code {code}"));
        } else {
            say("some processes do not end; the next writer waits its time");
        }
        code
    }

    /// Kills everything, at once.
    fn give_up(&self, crowd: Crowd, lost: bool, why: &str) -> u8 {
        crowd.signal(Signal::SIGKILL);
        let gone = Self::until_gone(crowd, KILLED);
        say(format!("killed: {why}"));
        if gone {
            self.note(lost, why);
        }
        LOST
    }

    /// Reaps until nobody is left, or `limit` is over.
    fn until_gone(crowd: Crowd, limit: Duration) -> bool {
        let from = clock::now();
        loop {
            crowd::reap();
            if crowd.is_gone() {
                return true;
            }
            if clock::now().saturating_sub(from) > limit {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Has the end written down, and waits for that a moment.
    fn note(&self, lost: bool, why: &str) {
        let Some(orders) = &self.orders else { return };
        if orders.send(Order::End { lost, why: why.to_owned() }).is_err() {
            return;
        }
        let limit = self.settings.timeout() * 4;
        let from = clock::now();
        while let Some(left) = limit.checked_sub(clock::now().saturating_sub(from)) {
            match self.events.recv_timeout(left) {
                Ok(Event::Word(Word::Noted)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

/// Puts what was not known before the lock was held into the application's environment.
fn know_whether_empty(command: &mut Command, empty: bool) {
    let known = |value: &std::ffi::OsStr| Some(value.to_str()?.replace(EMPTY, if empty { "true" } else { "false" }));
    let waiting = |value: &&std::ffi::OsStr| value.to_str().is_some_and(|value| value.contains(EMPTY));
    let late: Vec<_> = (command.get_envs()).filter_map(|(name, value)| Some((name.to_owned(), known(value.filter(waiting)?)?))).collect();
    command.envs(late);
}
