//! What the hosts know of use, and of whom they send nobody to: this host's own note, which is taken up after a start and told again and again, and what the others told.
//!
//! Without the word of every host that routes, nobody is put to rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::notes::{Asked, Told};
use super::policy::Resting;
use super::routes::Routes;
use super::task::{Pace, is_due};
use crate::planes::docker::Published;
use crate::planes::error::{Class, Error, Result};
use crate::record::Edge as Note;

/// A host that has said nothing for so long is not known to be alive.
const SILENT: SignedDuration = SignedDuration::from_secs(180);

/// So often all are asked while somebody is put to rest.
const HURRY: Duration = Duration::from_secs(2);

/// What this host knows of itself and of the others.
#[derive(Debug)]
pub struct Hosts {
    /// What this host tells the others.
    note: Note,
    /// At which ports containers answer.
    published: Published,
    /// What it told before it was started anew is read.
    is_known: bool,
    /// What the record is to be told and asked.
    asked: watch::Sender<Asked>,
    told: watch::Receiver<Told>,
    /// What it told, of all hosts but this one.
    heard: Told,
    /// When the use of this host was last read.
    read: Option<Instant>,
    /// When it was last told.
    noted: Option<Instant>,
}

impl Hosts {
    /// Of a host that begins to know now, whose words go by `asked` and `told` (`notes.rs`).
    pub fn new(instance: &str, now: Timestamp, published: Published, asked: watch::Sender<Asked>, told: watch::Receiver<Told>) -> Self {
        Self { note: Note::new(instance, now), published, is_known: false, asked, told, heard: Told::default(), read: None, noted: None }
    }

    /// Until something was told that this host cannot do without: nobody knows when tenants were used here before that is read.
    pub async fn came(&mut self) {
        if !self.is_known && self.told.changed().await.is_ok() {
            self.told.mark_changed();
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Takes in what the record told since the last look, and asks it for what all hosts told where this instance `leads`; sooner while somebody is put to rest.
    pub fn hear(&mut self, leads: bool, hurry: bool, pace: &Pace) {
        if self.told.has_changed().unwrap_or_default() {
            self.heard = self.told.borrow_and_update().clone();
            if let (Some(Some(before)), false) = (&self.heard.before, self.is_known) {
                // Those of tasks that are gone are forgotten with the next look.
                self.published.recall(&before.ports);
            }
            self.heard.all.iter_mut().for_each(|all| all.retain(|note| note.instance != self.note.instance));
        }
        let every = leads.then_some(if hurry { HURRY } else { pace.note });
        self.asked.send_if_modified(|asked| std::mem::replace(&mut asked.all, every) != every);
        if !leads {
            // What was told while this instance led before is old when it leads again.
            self.heard.all = None;
        }
    }

    /// Notes what this host knows of use, of who among those that are put to rest is left alone, and of where tasks answer.
    ///
    /// # Errors
    /// When HAProxy does not answer.
    pub async fn note(&mut self, routes: &mut Routes, resting: &BTreeMap<String, Timestamp>, pace: &Pace, now: Timestamp) -> Result<()> {
        if !self.is_known && !self.take_up(routes, now).await? {
            // HAProxy ended just now, or the record did not answer yet. A note of this moment would hide what came before, and nobody has looked at.
            return Ok(());
        }
        if is_due(self.read, pace.quiet) || !resting.is_empty() {
            routes.read_use(&mut self.note, now).await?;
            self.read = Some(Instant::now());
        }
        let away = routes.away(resting).await?;
        let news = away != self.note.away;
        self.note.away = away;
        if news || is_due(self.noted, pace.note) {
            self.note.at = now;
            self.note.ports = self.published.all();
            self.asked.send_modify(|asked| asked.note = Some(self.note.clone()));
            self.noted = Some(Instant::now());
        }
        Ok(())
    }

    /// Takes up what this host told before, and what its HAProxy knows besides; whether both could be asked.
    async fn take_up(&mut self, routes: &mut Routes, now: Timestamp) -> Result<bool> {
        let Some(before) = &self.heard.before else { return Ok(false) };
        if let Some(note) = before {
            self.note = note.clone();
            self.note.away.clear();
        }
        self.is_known = routes.read_use(&mut self.note, now).await?;
        Ok(self.is_known)
    }

    /// What was in the way of a tenant's rest counts as use: the next try comes after as long a time.
    pub fn counts_as_used(&mut self, tenant: &str, now: Timestamp) {
        self.note.used.insert(tenant.to_owned(), now);
    }

    fn notes(&self) -> impl Iterator<Item = &Note> {
        self.heard.all.iter().flatten().chain(self.is_known.then_some(&self.note))
    }

    /// When a tenant was last used, on whatever host. A host that does not know may have been used until it began to.
    pub fn used(&self, tenant: &str, routers: &BTreeSet<String>) -> Option<Timestamp> {
        let of = |note: &Note| note.used.get(tenant).copied().or_else(|| routers.contains(&note.instance).then_some(note.since));
        self.notes().filter_map(of).max()
    }

    /// Whether all hosts have taken their hands off a tenant for the rest that began then.
    pub fn left_alone(&self, tenant: &str, since: Timestamp, routers: &BTreeSet<String>) -> bool {
        let away = |router: &String| self.notes().any(|note| note.instance == *router && note.away.get(tenant) == Some(&since));
        routers.iter().all(away)
    }

    /// Whether every host that routes says what it sees.
    pub fn resting(&self, now: Timestamp, routers: &BTreeSet<String>) -> Resting {
        if self.heard.before.is_none() || self.heard.all.is_none() || self.heard.wrong.is_some() {
            return Resting::Unknown;
        }
        let speaks = |router: &String| self.notes().any(|note| note.instance == *router && now.duration_since(note.at) < SILENT);
        if self.is_known && routers.iter().all(speaks) { Resting::Allowed } else { Resting::Forbidden }
    }

    /// That the record answers.
    ///
    /// # Errors
    /// Why it does not.
    pub fn hears(&self) -> Result<()> {
        let unheard = |why: &String| Error::new(Class::Unreachable, "record.edges", format!("{why}; nobody is put to rest meanwhile"));
        self.heard.wrong.as_ref().map_or(Ok(()), |why| Err(unheard(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_started_anew_knows_where_tasks_answer() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let ports = [("old".to_owned(), 30_001), ("told".to_owned(), 30_002)];
        let before = Note { ports: ports.into(), ..Note::new("host", at(1)) };
        // As it lies in the record; one of an earlier version has no ports.
        let text = serde_json::to_string(&before).unwrap();
        let read = |text: &str| serde_json::from_str::<Note>(text).unwrap();
        assert_eq!(read(&text), before);
        assert!(read(&text.replace(r#","ports":{"old":30001,"told":30002}"#, "")).ports.is_empty());

        let (published, told) = (Published::default(), watch::Sender::<Told>::default());
        let mut hosts = Hosts::new("host", at(9), published.clone(), watch::channel(Asked::default()).0, told.subscribe());
        published.note("told", 30_009);
        hosts.hear(false, false, &Pace::default());
        assert_eq!(published.of("old"), None, "nothing was told yet");
        told.send_modify(|told| told.before = Some(Some(before)));
        hosts.hear(false, false, &Pace::default());
        assert_eq!((published.of("old"), published.of("told"), published.of("other")), (Some(30_001), Some(30_009), None));
    }
}
