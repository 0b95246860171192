//! What people are told of a pass, and the plan that is put by for them.

use std::time::Instant;

use tracing::warn;

use super::pass::Passed;
use super::told;
use super::turn::Turn;
use crate::notify::Seen;
use crate::session::seal;

impl Turn {
    /// Puts the plan by that waits for a person.
    pub(super) async fn hold(&mut self, passed: &Passed) {
        let (Some(plan), true) = (&passed.plan, passed.is_settled()) else { return };
        let digest = if passed.decision.held.is_empty() { String::new() } else { plan.digest.clone() };
        let Some(record) = self.lead.record().filter(|_| self.held.as_ref() != Some(&digest)) else { return };
        let kept = async {
            if digest.is_empty() {
                return Ok(record.hold_plan(None).await?);
            }
            let changes = passed.decision.held.iter().map(|(address, verb)| told::change(*verb, address)).collect();
            Ok::<(), crate::session::Error>(record.hold_plan(Some((&seal(plan)?, changes))).await?)
        };
        match kept.await {
            Ok(()) => self.held = Some(digest),
            Err(error) => warn!(plan = plan.digest, "the plan that waits for approval could not be kept: {error}"),
        }
    }

    /// Whether the ledger of what people were told is at hand: nothing is told without it.
    pub(super) async fn knows_what_was_told(&mut self) -> bool {
        let Some(record) = self.lead.record() else { return false };
        let read = self.post.read(record).await;
        if let Err(error) = &read {
            warn!("what people were told cannot be read, nobody is told anything: {error}");
        }
        read.is_ok()
    }

    /// Tells people what is new to them, each thing once.
    pub(super) async fn tell(&mut self, mut seen: Seen) {
        let (Some(record), Some(session), Some(loaded)) = (self.lead.record().cloned(), &self.session, &self.loaded) else { return };
        let channels = loaded.channels();
        seen.rewritten = self.rewritten.take();
        let told = async {
            let notices = self.post.ledger().turn(&session.stack.name, &jiff::Timestamp::now().to_string(), &seen);
            for notice in &notices {
                self.shared.metrics.told(&notice.kind.to_string());
                notice.log();
            }
            self.post.keep(&record, &channels, &notices).await?;
            let resting = self.silent.resting(Instant::now());
            self.post.deliver(&record, &session.connection.aws, &channels, |name| !resting.contains(name)).await
        };
        match told.await {
            Err(error) => warn!("what people are told could not be kept: {error}"),
            Ok(outcomes) => {
                for (channel, outcome) in outcomes {
                    self.shared.metrics.delivered(channel, &outcome);
                    match outcome {
                        Ok(()) => self.silent.succeeded(&channel),
                        Err(why) => {
                            let rests = self.silent.failed(channel, why.clone(), Instant::now(), rand::random());
                            warn!(channel, "the {channel} took no notices, tried again in {} s: {why}", rests.as_secs());
                        }
                    }
                }
                // Notices leave with passes: the next one is no later than that.
                if let Some(again) = self.silent.next(Instant::now()) {
                    self.due = self.due.min(again);
                }
            }
        }
    }
}
