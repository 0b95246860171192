//! Carries notices to where people read them, and keeps the ledger.

use std::time::Duration;

use serde_json::json;

use super::{Ledger, Notice, text};
use crate::planes::{Aws, Error, Vault, webhook};
use crate::record::{Record, RecordError, canonical};

/// Where the loop's ledger is in the record.
const LOOP: &str = "notices.json";

/// Where the edge's is: another process may lead it.
const EDGE: &str = "loop/edge-notices.json";

/// How many notices one message carries at most: SNS takes 256 KiB.
const TOGETHER: usize = 100;

/// The longest that one delivery may take.
const ANSWER: Duration = Duration::from_secs(10);

const WEBHOOK: &str = "webhook";
const TOPIC: &str = "topic";

/// The names of all channels that there can be.
pub const CHANNELS: [&str; 2] = [WEBHOOK, TOPIC];

/// Where notices go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Channels {
    /// Where the URL of a webhook is kept: `file:PATH` or `ssm:NAME`.
    pub webhook: Option<String>,
    /// An SNS topic.
    pub topic: Option<String>,
}

impl Channels {
    fn names(&self) -> Vec<&'static str> {
        [self.webhook.as_ref().map(|_| WEBHOOK), self.topic.as_ref().map(|_| TOPIC)].into_iter().flatten().collect()
    }
}

/// The ledger as it lies in a record, and who carries what it says.
#[derive(Debug)]
pub struct Post {
    key: &'static str,
    ledger: Ledger,
    /// As it was last read or written; `None`: not read yet.
    written: Option<Ledger>,
}

impl Default for Post {
    fn default() -> Self {
        Self { key: LOOP, ledger: Ledger::default(), written: None }
    }
}

impl Post {
    /// That of who wakes tenants and puts them to rest.
    #[must_use]
    pub fn of_the_edge() -> Self {
        Self { key: EDGE, ..Self::default() }
    }

    /// Reads what the leader before has told. One that cannot be read counts as none: things are told once more.
    ///
    /// # Errors
    /// What the record answered.
    pub async fn read(&mut self, record: &Record) -> Result<(), RecordError> {
        if self.written.is_none() {
            let found = record.store().get(self.key).await?;
            self.ledger = found.and_then(|object| serde_json::from_slice(&object.body).ok()).unwrap_or_default();
            self.written = Some(self.ledger.clone());
        }
        Ok(())
    }

    /// Another one may lead meanwhile: what it told is read before anything more is told here.
    pub fn forget(&mut self) {
        *self = Self { key: self.key, ..Self::default() };
    }

    /// The ledger.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Puts notices by for the channels, and writes the ledger where it changed.
    ///
    /// # Errors
    /// What the record answered.
    pub async fn keep(&mut self, record: &Record, channels: &Channels, notices: &[Notice]) -> Result<(), RecordError> {
        self.ledger.post(&channels.names(), notices);
        for gone in CHANNELS.iter().filter(|name| !channels.names().contains(*name)) {
            self.ledger.sent(gone, usize::MAX);
        }
        self.write(record).await
    }

    async fn write(&mut self, record: &Record) -> Result<(), RecordError> {
        if self.written.as_ref() != Some(&self.ledger) {
            record.store().put(self.key, canonical(&self.ledger)?).await?;
            self.written = Some(self.ledger.clone());
        }
        Ok(())
    }

    /// Sends what is to be sent, to each channel that `may` be tried now; answers which could not be reached, and why. Never with a word of the webhook's URL.
    ///
    /// # Errors
    /// What the record answered.
    pub async fn deliver(
        &mut self,
        record: &Record,
        aws: &Aws,
        channels: &Channels,
        may: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'static str, Result<(), String>)>, RecordError> {
        let mut outcomes = Vec::new();
        for (name, target) in [(WEBHOOK, &channels.webhook), (TOPIC, &channels.topic)] {
            let Some(target) = target.as_ref().filter(|_| may(name)) else { continue };
            while !self.ledger.unsent(name).is_empty() {
                let some: Vec<Notice> = self.ledger.unsent(name).iter().take(TOGETHER).cloned().collect();
                let send = async {
                    match name {
                        WEBHOOK => to_webhook(aws, target, &some).await,
                        _ => to_topic(aws, target, &some).await,
                    }
                };
                let sent = tokio::time::timeout(ANSWER, send).await;
                let outcome = sent.map_or_else(
                    |_| Err(format!("no answer within {} s", ANSWER.as_secs())),
                    |sent| sent.map_err(|error| error.to_string()),
                );
                let arrived = outcome.is_ok();
                outcomes.push((name, outcome));
                if !arrived {
                    break;
                }
                self.ledger.sent(name, some.len());
                self.write(record).await?;
            }
        }
        Ok(outcomes)
    }
}

/// The document that a webhook gets. `text` is what chat programs show.
fn document(notices: &[Notice]) -> Vec<u8> {
    let stack = notices.first().map_or("", |one| one.stack.as_str());
    json!({ "format_version": 1, "stack": stack, "text": text(stack, notices), "notices": notices }).to_string().into_bytes()
}

async fn to_webhook(aws: &Aws, source: &str, notices: &[Notice]) -> Result<(), Error> {
    let url = Vault::new(aws).value(source).await?;
    webhook::post(&url, document(notices)).await
}

async fn to_topic(aws: &Aws, arn: &str, notices: &[Notice]) -> Result<(), Error> {
    let stack = notices.first().map_or("", |one| one.stack.as_str());
    let kinds: std::collections::BTreeSet<String> = notices.iter().map(|one| one.kind.to_string()).collect();
    let subject: String = format!("reeve {stack}: {}", kinds.into_iter().collect::<Vec<_>>().join(", ")).chars().take(100).collect();
    aws.sns.publish().topic_arn(arn).subject(subject).message(text(stack, notices)).send().await?;
    Ok(())
}
