//! `reeve tenant restore` and `reeve tenant stage`

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::One;
use super::data::{address, heard, identity, make, note_drill, place, recipients, target, told, untouched, words};
use crate::cli::apply::Locked;
use crate::cli::stack::{Loaded, connect, load};
use crate::cli::stop::Stop;
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, Failure, code};
use crate::desired::Tenant;
use crate::planes::Planes;
use crate::session::Session;
use crate::tenant::place::Place;
use crate::tenant::progress::Progress;
use crate::tenant::restore::{Checked, finished, holds_data, must_fit, restore};
use crate::tenant::stage::{SUFFIX, silence};

/// Put an archive's schema and files in the place of a tenant's, which must not run.
#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    pub(in crate::cli) one: One,
    /// The archive.
    #[arg(value_name = "ARCHIVE")]
    archive: PathBuf,
    /// Restore into this tenant instead; it has to be in the YAML and applied.
    #[arg(long = "as", value_name = "OTHER")]
    other: Option<String>,
    #[command(flatten)]
    how: How,
}

/// Put a tenant's data into its staging copy, NAME-staging, and take from it what reaches out: mail, messages, tasks, other systems.
#[derive(Debug, Args)]
pub struct Stage {
    #[command(flatten)]
    pub(in crate::cli) one: One,
    /// The archive. Default: a new backup is made in the current folder.
    #[arg(value_name = "ARCHIVE")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Replace what is there already; it is written into an archive first.
    #[arg(long)]
    replace: bool,
    /// The age identity that opens the archive. Default: the stack's own key in SSM.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
}

impl Restore {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.one.dir.dir)?;
        // An archive may be of a tenant that is no longer in the YAML, when it goes to another.
        let into = match &self.other {
            Some(other) => known(&loaded, other)?,
            None => self.one.find(&loaded)?,
        };
        let session = connect(&loaded, terminal).await?;
        let work = Work { loaded: &loaded, session: &session, from: &self.one.name, into, archive: &self.archive, stage: false };
        work.run(&self.how, terminal).await
    }
}

impl Stage {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.one.dir.dir)?;
        let from = self.one.find(&loaded)?;
        let into = known(&loaded, &format!("{}{SUFFIX}", from.name))?;
        let session = connect(&loaded, terminal).await?;
        let archive = match self.archive {
            Some(archive) => archive,
            None => {
                let place = place(&loaded, &session, from).await?;
                let path = target(None, &from.name, Timestamp::now());
                make(&session, &place, &path, recipients(&session, &[]).await?, terminal).await?.path
            }
        };
        let work = Work { loaded: &loaded, session: &session, from: &from.name, into, archive: &archive, stage: true };
        work.run(&self.how, terminal).await
    }
}

fn known<'l>(loaded: &'l Loaded, name: &str) -> Result<&'l Tenant, Failure> {
    if let Some(tenant) = loaded.desired.tenants.iter().find(|tenant| tenant.name == name) {
        return Ok(tenant);
    }
    let failure = Failure::usage(format!("there is no tenant {name:?}"));
    Err(failure.advice("write a document for it, `reeve apply DIR`, then `reeve tenant sleep DIR NAME`"))
}

struct Work<'a> {
    loaded: &'a Loaded,
    session: &'a Session,
    from: &'a str,
    into: &'a Tenant,
    archive: &'a Path,
    stage: bool,
}

impl Work<'_> {
    async fn run(&self, how: &How, terminal: &mut Terminal) -> Exit {
        let (session, into, progress) = (self.session, self.into.name.as_str(), Progress::default());
        let mut stop = Stop::listen()?;
        let (archive, place, full) = untouched(&mut stop, self.look(how, terminal, &progress)).await?;
        let manifest = &archive.manifest;
        let before = if full { Some(self.safety(&place, &mut stop, terminal).await?) } else { None };
        let locked = Locked::take(session, terminal).await?;
        let step = if self.stage { "stage" } else { "restore" };
        let place_address = address(&place)?;
        let work = async {
            let work = session.task(&locked.held, (&place_address, step), &terminal.line, async |planes: &Planes| {
                restore(planes, &place, &archive, before.as_ref(), &progress).await?;
                if self.stage {
                    silence(planes, &place, &progress).await.map_err(|error| crate::planes::Error {
                        message: format!("the copy still reaches out, do not start it: {}", error.message),
                        ..error
                    })?;
                }
                finished(planes, &place).await
            });
            Ok(work.await?)
        };
        let done = heard(&mut stop, &progress, terminal, told(into, &progress, terminal, work)).await;
        locked.release(terminal).await;
        done?;
        note_drill(session, manifest, &archive.sha256, into).await?;
        terminal.say(&format!("{into}: restored, every table and file counted and compared"));
        if self.stage {
            terminal.say(&format!(
                "{into}: mail, messages, tasks and other systems are switched off in its settings; give it a network without a way out too"
            ));
        }
        Ok(code::DONE)
    }

    /// Everything that comes before something is touched: the archive and the tenant are looked at, and it is asked whether it is meant. Answers also whether
    /// the tenant holds data.
    async fn look(&self, how: &How, terminal: &Terminal, progress: &Progress) -> Result<(Checked, Place, bool), Failure> {
        let (session, into) = (self.session, self.into.name.as_str());
        let opens = identity(session, how.identity.as_deref()).await?;
        let read = Checked::read(self.archive, opens, progress);
        let archive = told(into, progress, terminal, read).await?;
        let manifest = &archive.manifest;
        if manifest.tenant != self.from {
            let failure = Failure::new(code::REFUSED, format!("the archive is of {}, not of {}", manifest.tenant, self.from));
            return Err(failure.advice(format!("`reeve tenant restore DIR {} ARCHIVE --as {into}` says that it is meant", manifest.tenant)));
        }
        terminal.say(&format!("the archive of {} is whole: {}, made at {}", self.from, words(manifest), manifest.made_at));
        let place = place(self.loaded, session, self.into).await?;
        must_fit(manifest, &place)?;
        place.must_be_still(session.planes()).await?;
        let full = holds_data(session.planes(), &place).await?;
        if full && !how.replace {
            let failure = Failure::new(code::REFUSED, format!("{into} holds data: nothing was touched"));
            return Err(failure.advice("--replace writes that into an archive first, and then replaces it"));
        }
        let question =
            format!("Restore {} into {into}{}?", self.archive.display(), if full { ", in the place of what is there" } else { "" });
        if !(how.auto_approve || terminal.ask(&question).await == Some(true)) {
            let failure = Failure::new(code::REFUSED, "not approved: nothing was touched");
            return Err(failure.advice("--auto-approve agrees where there is no terminal"));
        }
        Ok((archive, place, full))
    }

    /// What is there goes into an archive first.
    async fn safety(&self, place: &Place, stop: &mut Stop, terminal: &Terminal) -> Result<Checked, Failure> {
        let path = target(None, &format!("{}-before-restore", place.tenant), Timestamp::now());
        let path = self.archive.parent().unwrap_or_else(|| Path::new("")).join(path);
        let made = make(self.session, place, &path, recipients(self.session, &[]).await?, terminal).await?;
        terminal.say(&format!("what {} holds is in {}", place.tenant, made.path.display()));
        let read = async {
            let progress = Progress::default();
            let read = Checked::read(&made.path, identity(self.session, None).await?, &progress);
            Ok(told(&place.tenant, &progress, terminal, read).await?)
        };
        untouched(stop, read).await
    }
}
