//! The clock that every deadline is held against.
//!
//! `CLOCK_BOOTTIME` never goes back, is not set by anyone, and counts the time that the machine slept. A virtual machine that its host
//! froze without telling it is the exception: no clock of such a machine shows the gap, and the next ping does.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A moment: the time since the machine started.
pub type Moment = Duration;

/// Now.
///
/// # Panics
/// When the kernel has no `CLOCK_BOOTTIME`, which every Linux since 2.6.39 has: without a clock nothing can be promised, and the end of
/// PID 1 ends the container.
#[must_use]
pub fn now() -> Moment {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).expect("a kernel with CLOCK_BOOTTIME")
}
