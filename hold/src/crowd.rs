//! All processes that this one answers for: signalled together, reaped as they end.

use std::collections::HashSet;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// Whom a signal reaches.
#[derive(Debug, Clone, Copy)]
pub enum Crowd {
    /// Every process of the container but this one, which is its PID 1. The kernel walks them under one lock: none is born past it.
    Container,
    /// Outside a container: the application's process group and whatever else descends from this process.
    Family(Pid),
}

impl Crowd {
    /// The crowd of an application that this process has just started.
    #[must_use]
    pub fn of(application: Pid) -> Self {
        if getpid().as_raw() == 1 { Self::Container } else { Self::Family(application) }
    }

    /// Sends a signal to all. One that is gone already is no error.
    pub fn signal(self, signal: Signal) {
        match self {
            Self::Container => {
                let _ = kill(Pid::from_raw(-1), signal);
            }
            Self::Family(group) => {
                let _ = killpg(group, signal);
                // Children that are born while we look are seen in the next round; what is stopped or killed bears none.
                let mut seen = HashSet::new();
                loop {
                    let new: Vec<Pid> = descendants().into_iter().filter(|pid| seen.insert(*pid)).collect();
                    if new.is_empty() {
                        break;
                    }
                    for pid in new {
                        if nix::unistd::getpgid(Some(pid)) != Ok(group) {
                            let _ = kill(pid, signal);
                        }
                    }
                }
            }
        }
    }

    /// Whether nobody is left. Call `reap` first.
    #[must_use]
    pub fn is_gone(self) -> bool {
        match self {
            Self::Container => kill(Pid::from_raw(-1), None) == Err(Errno::ESRCH),
            Self::Family(_) => descendants().is_empty(),
        }
    }
}

/// What ended: the process, and its exit code as a shell counts them.
pub type Ended = (Pid, u8);

/// Takes in every child that has ended, also those that were left to us by their parents.
pub fn reap() -> Vec<Ended> {
    let mut ended = Vec::new();
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => ended.push((pid, u8::try_from(code & 0xff).unwrap_or(u8::MAX))),
            Ok(WaitStatus::Signaled(pid, signal, _)) => ended.push((pid, by_signal(signal))),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return ended,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return ended,
        }
    }
}

/// The exit code that tells of a signal: 128 and its number.
#[must_use]
pub fn by_signal(signal: Signal) -> u8 {
    u8::try_from(128 + signal as i32).unwrap_or(u8::MAX)
}

/// Every process below this one, from /proc.
fn descendants() -> Vec<Pid> {
    let all = processes();
    let mut ours = HashSet::from([getpid().as_raw()]);
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for (pid, parent, _) in &all {
            if ours.contains(parent) && ours.insert(*pid) {
                found.push(Pid::from_raw(*pid));
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Whether a child of `parent` is stopped.
#[must_use]
pub fn is_stopped(parent: i32) -> bool {
    processes().iter().any(|(_, of, state)| *of == parent && *state == 'T')
}

/// Every process that can be seen: its number, its parent's, its state.
fn processes() -> Vec<(i32, i32, char)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name in parentheses may hold anything; after it come the state and the parent.
            let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
            let state = rest.next()?.chars().next()?;
            Some((pid, rest.next()?.parse().ok()?, state))
        })
        .collect()
}
