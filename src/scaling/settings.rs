//! How long things are watched before something is done about them, and how much room is kept.

use jiff::SignedDuration;

/// The policy's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Room is kept for this share of what runs, and for one tenant of the largest reservation at least. Default: 0.1.
    pub spare: f64,
    /// There has to be too much for so long before a host is taken away. Default: 30 minutes.
    pub quiet: SignedDuration,
    /// A host that is to go takes nothing more for so long before its tenants are moved. Most of them go to sleep meanwhile, and who is moved cannot work for minutes.
    /// Default: 8 hours, a working day.
    pub linger: SignedDuration,
    /// A host that was launched has so long to join. Default: 15 minutes.
    pub join: SignedDuration,
    /// A worker that does not answer, or is sick, is replaced after so long. Default: 5 minutes.
    pub worker_down: SignedDuration,
    /// A manager is replaced after so long. Default: 15 minutes.
    pub manager_down: SignedDuration,
    /// A sick host that is drained keeps what still runs on it for so long. Default: 10 minutes.
    pub empties: SignedDuration,
    /// A task that waits for so long although there is room is told. Default: 5 minutes.
    pub pending: SignedDuration,
    /// A container that began so often within `dying_within` is told. Default: 4.
    pub dying: usize,
    /// See `dying`. Default: 15 minutes.
    pub dying_within: SignedDuration,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = SignedDuration::from_mins;
        Self {
            spare: 0.1,
            quiet: minutes(30),
            linger: SignedDuration::from_hours(8),
            join: minutes(15),
            worker_down: minutes(5),
            manager_down: minutes(15),
            empties: minutes(10),
            pending: minutes(5),
            dying: 4,
            dying_within: minutes(15),
        }
    }
}
