//! What came of a step, in its span.

use tracing::Span;

use super::conclude::{class, left};
use super::perform::{End, Performed};
use crate::planes::Error;
use crate::trace::{failed, set};

impl Performed {
    /// Writes into the step's span what came of it. One that was in flight when everything was told to end at once has no outcome.
    pub(super) fn trace(&self, span: &Span) {
        if span.is_disabled() {
            return;
        }
        let broke = |error: &Error| failed(span, class(error.class), error);
        let outcome = match self {
            Self::Done { .. } => "done",
            Self::Failed(error) => {
                broke(error);
                "failed"
            }
            Self::Going { end, .. } => {
                match end {
                    End::Failed(error) => broke(error),
                    End::Stopped(why) => failed(span, "stopped", left(*why, true)),
                }
                "going"
            }
            Self::Left { why, begun } => {
                failed(span, "stopped", left(*why, *begun));
                if *begun { "not awaited" } else { "not begun" }
            }
            Self::Awaited { .. } => "not awaited",
            Self::NotRecorded(why) => {
                failed(span, "journal", why);
                "not begun"
            }
        };
        set(span, "reeve.outcome", outcome);
    }
}
