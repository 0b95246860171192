//! Work on a thread of its own that is ended before its time: when somebody asks to stop, when the lease under which it changes things is lost, or when nothing
//! moves any more.
//!
//! The thread waits in pipes to and from a program. It is ended by killing that program: then the pipe breaks, and what the thread asks next is told why.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::progress::Progress;
use crate::planes::error::{Class, Error, Result};
use crate::planes::ours::Ours;

/// How often is looked whether it has to end.
const LOOK: Duration = Duration::from_millis(200);
/// How often the lease is asked for while a program works.
const LEASE: Duration = Duration::from_secs(1);

/// How many bytes of what a program says are kept.
const WORDS: usize = 65536;

/// What watches over a piece of work. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    call: &'static str,
    /// On whose behalf something is changed; `None` when the work only reads.
    ours: Option<Ours>,
    progress: Progress,
    /// After how many requests to stop it ends.
    asked: u32,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: Option<Error>,
    programs: Vec<Arc<Mutex<Child>>>,
}

/// A program that runs no longer than the work that it is for.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Arc<Mutex<Child>>,
    /// Hears what it says while it works: one that nobody hears stands still once its pipe is full.
    said: Option<JoinHandle<Vec<u8>>>,
    watch: Watch,
}

impl Watch {
    /// Over work that makes the call `call`, for `ours` when it changes something. It ends when it was asked to so many times.
    pub fn new(call: &'static str, ours: Option<&Ours>, progress: &Progress, asked: u32) -> Self {
        let (ours, progress, runtime) = (ours.cloned(), progress.clone(), Handle::current());
        Self(Arc::new(Shared { call, ours, progress, asked, runtime, state: Mutex::default() }))
    }

    /// Does `work` on a thread of its own. To let go of the future ends it too.
    pub async fn over<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let _end = EndOnDrop(self);
        let own = self.clone();
        let mut working = tokio::task::spawn_blocking(move || work(&own));
        let lost = self.lost();
        tokio::pin!(lost);
        let (mut looks, mut moved) = (tokio::time::interval(LOOK), (self.0.progress.moved(), Instant::now()));
        let done = loop {
            tokio::select! {
                done = &mut working => break done,
                error = &mut lost, if self.still().is_ok() => self.end(error),
                _ = looks.tick() => {
                    let now = self.0.progress.moved();
                    if now != moved.0 {
                        moved = (now, Instant::now());
                    }
                    self.look(moved.1.elapsed());
                }
            }
        };
        let done = done.map_err(|error| Error::new(Class::Invalid, self.0.call, format!("it broke off: {error}")))?;
        // Why it was ended is what is told, not that a pipe broke.
        done.map_err(|error| self.still().err().unwrap_or(error))
    }

    /// That it was not ended.
    pub fn still(&self) -> Result<()> {
        self.state().ended.clone().map_or(Ok(()), Err)
    }

    /// That something may be changed now: waits on this thread until the lease covers it.
    pub fn may(&self, call: &'static str) -> Result<()> {
        self.0.progress.moves();
        loop {
            self.still()?;
            let Some(ours) = &self.0.ours else { return Ok(()) };
            if let Ok(answer) = self.0.runtime.block_on(async { tokio::time::timeout(LOOK, ours.changes(call)).await }) {
                return answer;
            }
        }
    }

    /// Takes a program under guard.
    pub fn guard(&self, mut child: Child) -> Result<Guarded> {
        let said = child.stderr.take().map(|stderr| std::thread::spawn(move || last_words(stderr)));
        let child = Guarded { child: Arc::new(Mutex::new(child)), said, watch: self.clone() };
        self.state().programs.push(child.child.clone());
        self.still()?;
        Ok(child)
    }

    fn look(&self, silent: Duration) {
        if self.0.progress.asked() >= self.0.asked {
            self.end(stopped(self.0.call));
        } else if silent > self.0.progress.patience() {
            let (what, bytes) = self.0.progress.now();
            let message = format!("nothing moved for {} s ({what}, after {bytes} bytes), so it was ended", silent.as_secs());
            self.end(Error::new(Class::Invalid, self.0.call, message));
        }
    }

    /// Turns to the error once the lease is lost.
    async fn lost(&self) -> Error {
        let Some(ours) = &self.0.ours else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LEASE).await;
            if let Err(error) = ours.changes("tenant.lease").await {
                return error;
            }
        }
    }

    fn end(&self, why: Error) {
        let mut state = self.state();
        state.ended.get_or_insert(why);
        for program in &state.programs {
            drop(locked(program).kill());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0.state)
    }
}

impl Guarded {
    /// Waits for its end, and answers what it said.
    pub fn end(mut self) -> std::io::Result<(ExitStatus, String)> {
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        loop {
            // Not waited for under the lock: it may have to be killed meanwhile.
            if let Some(status) = locked(&self.child).try_wait()? {
                return Ok((status, String::from_utf8_lossy(&said).into_owned()));
            }
            self.watch.0.runtime.block_on(tokio::time::sleep(Duration::from_millis(5)));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.watch.state().programs.retain(|one| !Arc::ptr_eq(one, &self.child));
        let mut child = locked(&self.child);
        drop(child.kill());
        drop(child.wait());
    }
}

/// The end of what a program says. It may quote statements of any length.
fn last_words(mut from: impl Read) -> Vec<u8> {
    let (mut said, mut piece) = (Vec::new(), vec![0; WORDS]);
    while let Ok(read @ 1..) = from.read(&mut piece) {
        said.extend_from_slice(&piece[..read]);
        said.drain(..said.len().saturating_sub(WORDS));
    }
    said
}

struct EndOnDrop<'w>(&'w Watch);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end(stopped(self.0.0.call));
    }
}

/// Somebody asked to stop.
pub(super) fn stopped(call: &str) -> Error {
    Error::new(Class::Invalid, call, "stopped, as it was asked to")
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_program_that_says_much_is_heard_while_it_is_fed() {
        let watch = Watch::new("test", None, &Progress::default(), 1);
        let work = |watch: &Watch| {
            let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; cat > /dev/null; echo last >&2; exit 3";
            let mut command = Command::new("sh");
            let mut child = command.args(["-c", script]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
            let input = child.stdin.take();
            let program = watch.guard(child)?;
            input.expect("its input").write_all(&[b'x'; 1_000_000]).expect("it takes all of it");
            Ok(program.end().expect("an end"))
        };
        let (status, said) =
            tokio::time::timeout(Duration::from_secs(60), watch.over(work)).await.expect("it does not stand still").expect("done");
        assert_eq!(status.code(), Some(3));
        assert!(said.ends_with("xlast\n") && said.len() == WORDS, "{}", said.len());
    }
}
