//! Restore drills: a copy of the newest restorable state of each database server or of the file system is made beside the live one, looked into,
//! and deleted. The live one is only read.
//!
//! A copy bears no mark of the stack, so that nothing takes it for a part of the estate. It is known by its name, which is made here, and by a
//! tag of its own ([`TAG`]): by both a later drill finds what one that was killed left, and deletes that and nothing else.

mod compare;
mod database;
mod files;
mod look;
mod name;
mod together;
mod wait;

use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::model::Address;
use crate::model::drill::{Drill, Outcome, Part};
use crate::planes::error::{Class, Error, Result};
use crate::planes::{Aws, Planes};

pub use name::name;
pub use together::{NotDrilled, together};

/// The tag that every copy bears; its value is the stack's name.
pub const TAG: &str = "reeve:drill";

/// What is being done: whoever looks at it meanwhile is told.
pub type Progress = watch::Sender<String>;

/// What a copy is made from: the newest restorable state there is.
#[derive(Debug)]
pub enum Source {
    /// Of a database server.
    Database(database::Source),
    /// Of the file system.
    Files(files::Source),
}

/// A copy that was asked for.
#[derive(Debug, Clone)]
pub struct Begun {
    name: String,
    /// AWS's name of the work, where it has one.
    job: String,
    at: Timestamp,
    since: Instant,
}

/// What came of asking for a copy, as far as it is known.
#[derive(Debug)]
pub enum Fate {
    /// There is none, and none will come.
    Nothing,
    /// It is there, or may come to be.
    MayCome(Begun),
}

/// What was seen of a copy.
#[derive(Debug, Default)]
pub struct Seen {
    copy: String,
    seconds: u64,
    found: Vec<String>,
    wrong: Vec<String>,
    unseen: Vec<String>,
}

impl Source {
    /// Finds all of that part: the file system; the database server that tenants share, and after it each that a tenant has for itself. Nothing is
    /// touched.
    ///
    /// # Errors
    /// When the live one, or a state to restore, is not there; what AWS answered.
    pub async fn find(aws: &Aws, part: Part) -> Result<Vec<Self>> {
        Ok(match part {
            Part::Database => database::Source::find(aws).await?.into_iter().map(Self::Database).collect(),
            Part::Files => vec![Self::Files(files::Source::find(aws).await?)],
        })
    }

    /// The resource that it is a copy of.
    ///
    /// # Errors
    /// None that is expected.
    pub fn address(&self) -> Result<Address> {
        match self {
            Self::Database(source) => Ok(source.address.clone()),
            Self::Files(_) => {
                let parsed = Address::parse(Part::Files.address());
                parsed.map_err(|error| Error::new(Class::Invalid, "drill", error.to_string()))
            }
        }
    }

    /// The name of the live one.
    #[must_use]
    pub fn live(&self) -> &str {
        match self {
            Self::Database(source) => &source.id,
            Self::Files(source) => source.live(),
        }
    }

    /// Of what it is.
    #[must_use]
    pub fn part(&self) -> Part {
        match self {
            Self::Database(_) => Part::Database,
            Self::Files(_) => Part::Files,
        }
    }

    /// What a drill makes of it, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Database(source) => source.words(),
            Self::Files(source) => source.words(),
        }
    }

    /// Asks for a copy of that name. What is known of it is in `fate` from before the call on, also when nobody hears of the answer.
    ///
    /// # Errors
    /// What AWS answered; unless `fate` says that nothing was made, the copy may come to be.
    pub async fn begin(&self, aws: &Aws, name: &str, fate: &mut Fate) -> Result<Begun> {
        let mut begun = Begun { name: name.to_owned(), job: String::new(), at: Timestamp::now(), since: Instant::now() };
        *fate = Fate::MayCome(begun.clone());
        let job = match self {
            Self::Database(source) => source.begin(aws, name).await.map(|()| String::new()),
            Self::Files(source) => source.begin(aws, name).await,
        };
        match job {
            Ok(job) => {
                begun.job = job;
                *fate = Fate::MayCome(begun.clone());
                Ok(begun)
            }
            Err(error) => {
                if made_nothing(&error) {
                    *fate = Fate::Nothing;
                }
                Err(error)
            }
        }
    }

    /// Waits until the copy can be used, and looks into it. What goes wrong is in the answer: the copy has to be deleted in any case.
    pub async fn look(&self, planes: &Planes, begun: &Begun, progress: &Progress) -> Seen {
        let mut seen = Seen { copy: begun.name.clone(), ..Seen::default() };
        let looked = match self {
            Self::Database(source) => source.look(planes, begun, &mut seen, progress).await,
            Self::Files(source) => source.look(&planes.aws, begun, &mut seen, progress).await,
        };
        if let Err(error) = looked {
            seen.wrong.push(error.to_string());
        }
        if let Self::Database(source) = self {
            seen.unseen.extend(source.left_out.iter().cloned());
        }
        seen
    }

    /// Deletes the copy that was asked for. It may not be there yet: AWS makes it minutes later, and it is waited for.
    ///
    /// # Errors
    /// When it stands still; what AWS answered.
    pub async fn remove(&self, aws: &Aws, copy: &Begun, progress: &Progress) -> Result<()> {
        progress.send_replace(format!("deleting {}", copy.name));
        match self {
            Self::Database(_) => database::remove(aws, &copy.name, Some(copy), progress).await,
            Self::Files(_) => files::remove(aws, &copy.name, Some(copy), progress).await,
        }
    }

    /// What came of it. `removed` says why the copy stands still.
    #[must_use]
    pub fn result(&self, begun: &Begun, seen: Seen, removed: Result<()>, by: &str) -> Drill {
        let (source, data_at) = match self {
            Self::Database(source) => (source.id.clone(), source.latest),
            Self::Files(source) => (source.point.clone(), source.made),
        };
        let Seen { copy, seconds, found, mut wrong, unseen } = seen;
        if let Err(error) = removed {
            wrong.push(format!("{copy} could not be deleted and goes on costing: {error}; the next `reeve drill DIR` tries again"));
        }
        let outcome = match (wrong.is_empty(), self.part() == Part::Files || unseen.is_empty()) {
            (false, _) => Outcome::Broken,
            (true, false) => Outcome::Incomplete,
            (true, true) => Outcome::Whole,
        };
        let age = begun.at.as_second().saturating_sub(data_at.as_second());
        Drill {
            format_version: Drill::FORMAT_VERSION,
            part: self.part(),
            at: begun.at,
            by: by.to_owned(),
            source,
            copy,
            seconds,
            data_at,
            data_age_seconds: u64::try_from(age).unwrap_or_default(),
            outcome,
            found,
            wrong,
            unseen,
        }
    }
}

/// Whether a call that asked for a copy has surely not made one: it was not sent, or AWS refused it in words of its own. That the name is taken
/// is no such word: a copy that nobody heard of has it.
fn made_nothing(error: &Error) -> bool {
    match error.class {
        Class::LeaseLost | Class::Unreachable | Class::Denied => true,
        Class::Ambiguous | Class::AlreadyExists => false,
        // Without a code it is an answer of success that makes no sense.
        Class::NotFound | Class::InUse | Class::Early | Class::Throttled | Class::Invalid => !error.code.is_empty(),
    }
}

impl Begun {
    /// The copy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds since it was asked for.
    fn seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }
}

/// The copies that drills of this stack left, by name.
///
/// # Errors
/// What AWS answered.
pub async fn leftovers(aws: &Aws, part: Part) -> Result<Vec<String>> {
    match part {
        Part::Database => database::leftovers(aws).await,
        Part::Files => files::leftovers(aws).await,
    }
}

/// Deletes a copy that an earlier drill left, where it still is there and a drill's.
///
/// # Errors
/// When it stands still, or is none of a drill's; what AWS answered.
pub async fn remove(aws: &Aws, part: Part, name: &str, progress: &Progress) -> Result<()> {
    match part {
        Part::Database => database::remove(aws, name, None, progress).await,
        Part::Files => files::remove(aws, name, None, progress).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_sent_or_was_refused_has_made_nothing() {
        let of = |class, code: &str| made_nothing(&Error { code: code.to_owned(), ..Error::new(class, "rds.X", "") });
        assert!(of(Class::Denied, "AccessDenied") && of(Class::LeaseLost, "") && of(Class::Invalid, "InvalidParameterValue"));
        assert!(!of(Class::Ambiguous, "") && !of(Class::Ambiguous, "InternalFailure"));
        assert!(!of(Class::AlreadyExists, "DBInstanceAlreadyExists"), "who has it may be the copy that nobody heard of");
        assert!(!of(Class::Invalid, ""), "an answer without a job is one of success");
    }
}
