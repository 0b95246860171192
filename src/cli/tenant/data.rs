//! What the commands about a tenant's data share: keys, the line that says how far it is, the record.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use age::x25519::{Identity, Recipient};
use jiff::Timestamp;

use crate::cli::apply::Locked;
use crate::cli::stack::Loaded;
use crate::cli::stop::Stop;
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, code};
use crate::desired::Tenant;
use crate::desired::stack::DatabaseStyle;
use crate::model::Address;
use crate::model::runbook::TENANT_DATA;
use crate::planes::{Class, Planes};
use crate::record::{Backup, Drill};
use crate::session::{Error, Session};
use crate::tenant::archive::Manifest;
use crate::tenant::backup::{Made, backup, file_name};
use crate::tenant::key;
use crate::tenant::place::{Parts, Place};
use crate::tenant::progress::Progress;

/// How often it is said how far the work is.
const SAID: Duration = Duration::from_secs(5);

impl From<crate::planes::Error> for Failure {
    fn from(error: crate::planes::Error) -> Self {
        if error.class == Class::InUse { Self::new(code::REFUSED, error.message) } else { Error::from(error).into() }
    }
}

/// Says every few seconds how far `work` is.
pub async fn told<T>(name: &str, progress: &Progress, terminal: &Terminal, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(SAID);
    ticks.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                let (what, bytes) = progress.now();
                let seconds = began.elapsed().as_secs();
                terminal.say(&format!("{name}: {what}, {} MiB ({} min {} s)", bytes >> 20, seconds / 60, seconds % 60));
            }
        }
    }
}

/// Until `work` ends, which touches nothing. Who asks to stop is heard at once.
pub async fn untouched<T>(stop: &mut Stop, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = stop.asked() => Err(Failure::new(code::INTERRUPTED, "interrupted: nothing was touched")),
        done = work => done,
    }
}

/// Until `work` ends, which has begun to change things. Who asks to stop is heard at once: the first time it brings to an end what it can, the second time
/// it says what is half done, and the third time it is left as it is.
pub async fn heard<T>(
    stop: &mut Stop,
    progress: &Progress,
    terminal: &Terminal,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return match done {
                Err(failure) if progress.asked() > 0 => Err(Failure { code: code::INTERRUPTED, ..failure }),
                done => done,
            },
            () = stop.asked() => match progress.stop() {
                1 => terminal.say("stopping: what was begun is ended, and a restore puts back what was there before; once more leaves that too"),
                2 => terminal.say("leaving: in a moment it is said what is half done"),
                _ => {
                    let failure = Failure::new(code::INTERRUPTED, "left in the middle of it: what is there may be half of it");
                    return Err(failure.advice(format!("see {TENANT_DATA}")));
                }
            },
        }
    }
}

/// Where the data of a tenant is that the YAML has: each part of it, or an error.
pub async fn place(loaded: &Loaded, session: &Session, tenant: &Tenant) -> Result<Place, Failure> {
    let image = loaded.desired.stack.spec.distributions.get(&tenant.spec.distribution);
    let image = image.ok_or_else(|| Failure::usage(format!("there is no distribution {:?}", tenant.spec.distribution)))?;
    let parts = Parts { database: image.database != DatabaseStyle::None, files: image.data.is_some() };
    let place = Place::find(session.planes(), &tenant.name).await?;
    place.must_have(parts)?;
    Ok(place)
}

/// The resource of a tenant that its data is written down under.
pub fn address(place: &Place) -> Result<Address, Failure> {
    let part = if place.schema.is_some() { "schema" } else { "folder" };
    Address::parse(&format!("tenant/{}.{part}", place.tenant)).map_err(|error| Failure::usage(error.to_string()))
}

/// What opens an archive: the stack's key, or that in `file`.
pub async fn identity(session: &Session, file: Option<&Path>) -> Result<Arc<Identity>, Failure> {
    Ok(Arc::new(match file {
        Some(file) => key::from_file(file)?,
        None => key::read(&session.planes().aws).await.map_err(|error| match error.is_not_found() {
            true => Failure::new(code::ERROR, "the stack has no backup key, so no archive of its own")
                .advice("--identity FILE names the key of an archive that was made for another"),
            false => error.into(),
        })?,
    }))
}

/// Whom an archive is for: the stack's key, made where there is none, or those that are named.
pub async fn recipients(session: &Session, named: &[String]) -> Result<Vec<Recipient>, Failure> {
    if named.is_empty() {
        return Ok(vec![key::make(&session.planes().aws).await?.to_public()]);
    }
    Ok(named.iter().map(|text| key::recipient(text)).collect::<crate::planes::Result<_>>()?)
}

/// Where an archive goes: the file that is named, or one of the usual name in the folder that is.
pub fn target(out: Option<&Path>, tenant: &str, at: Timestamp) -> PathBuf {
    match out {
        Some(out) if !out.is_dir() => out.to_owned(),
        folder => folder.unwrap_or_else(|| Path::new("")).join(file_name(tenant, at)),
    }
}

/// Makes a backup and remembers it.
pub async fn make(session: &Session, place: &Place, path: &Path, to: Vec<Recipient>, terminal: &Terminal) -> Result<Made, Failure> {
    let (progress, at) = (Progress::default(), Timestamp::now());
    // Everything is read: nobody is kept from applying meanwhile.
    let mut stop = Stop::listen()?;
    let work = async { Ok(backup(session.planes(), place, path, to, at, &progress).await?) };
    let made = heard(&mut stop, &progress, terminal, told(&place.tenant, &progress, terminal, work)).await?;
    let locked = Locked::take(session, terminal).await?;
    let noted = async {
        let archive = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let note = Backup {
            format_version: Backup::FORMAT_VERSION,
            tenant: place.tenant.clone(),
            at,
            by: session.connection.caller.clone(),
            archive,
            sha256: made.sha256.clone(),
            size: made.size,
        };
        session.task(&locked.held, (&address(place)?, "backup"), &terminal.line, async |_: &Planes| Ok(())).await?;
        locked.held.record.note_backup(&note).await?;
        Ok::<_, Failure>(())
    }
    .await;
    locked.release(terminal).await;
    noted?;
    Ok(made)
}

/// Remembers that an archive was restored.
pub async fn note_drill(session: &Session, manifest: &Manifest, sha256: &str, into: &str) -> Result<(), Failure> {
    let tables = manifest.database.as_ref().map(|one| &one.tables);
    let drill = Drill {
        format_version: Backup::FORMAT_VERSION,
        tenant: manifest.tenant.clone(),
        at: Timestamp::now(),
        by: session.connection.caller.clone(),
        sha256: sha256.to_owned(),
        into: into.to_owned(),
        tables: tables.map_or(0, |tables| tables.len() as u64),
        rows: tables.map_or(0, |tables| tables.values().sum()),
        files: manifest.files.as_ref().map_or(0, |files| files.len() as u64),
    };
    Ok(session.record().note_drill(&drill).await?)
}

/// What an archive holds, in words.
pub fn words(manifest: &Manifest) -> String {
    let database = manifest.database.as_ref().map_or_else(
        || "no schema".to_owned(),
        |one| format!("{} tables with {} rows ({} MiB of SQL)", one.tables.len(), one.tables.values().sum::<u64>(), one.bytes >> 20),
    );
    let files = manifest.files.as_ref().map_or_else(|| "no folder".to_owned(), |files| format!("{} files and folders", files.len()));
    format!("{database}, {files}")
}
