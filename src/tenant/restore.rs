//! A restore of one tenant, while the others run: into the same one or into another.
//!
//! The archive was checked as a whole before. The files are unpacked beside the old ones and change places with them at the end. A schema cannot be renamed,
//! so what it held has to be in an archive of its own before; that one is poured back when the new one cannot be.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::archive::{Manifest, Reader};
use super::load::Load;
use super::place::Place;
use super::program::OptionFile;
use super::progress::Progress;
use super::unpack::Unpack;
use super::watch::{Watch, stopped};
use crate::kinds::docker::service::restoring;
use crate::model::Address;
use crate::model::runbook::TENANT_DATA;
use crate::planes::error::{Class, Error, Result};
use crate::planes::files::folder::DATA;
use crate::planes::mysql::servers::name_of;
use crate::planes::mysql::{marks, quote};
use crate::planes::{Docker, Files, Mysql, Plane, Planes};

const CALL: &str = "tenant.restore";
/// The name of the folder that is unpacked into, beside the tenant's data.
const RESTORING: &str = "data.restoring";
/// Where an installed OpenMRS keeps its connection.
const PROPERTIES: &str = "openmrs-runtime.properties";
/// The name of the old data, until it goes.
const BEFORE: &str = "data.before";

/// An archive that was checked.
#[derive(Clone)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it.
    pub identity: Arc<age::x25519::Identity>,
    /// What is in it.
    pub manifest: Manifest,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checked({}, sha256 {})", self.path.display(), self.sha256)
    }
}

impl Checked {
    /// Reads the archive from end to end.
    ///
    /// # Errors
    /// When it is not what its manifest says. Nothing was touched.
    pub async fn read(path: &Path, identity: Arc<age::x25519::Identity>, progress: &Progress) -> Result<Self> {
        let (path, own) = (path.to_owned(), progress.clone());
        let work = tokio::task::spawn_blocking(move || {
            own.begin("check");
            let (manifest, sha256) = super::archive::verify(&path, &*identity, &own)?;
            Ok(Self { path, identity, manifest, sha256 })
        });
        work.await.map_err(|error| Error::new(Class::Invalid, CALL, format!("it broke off: {error}")))?
    }
}

/// Whether the tenant has data already.
///
/// # Errors
/// When that cannot be read.
pub async fn holds_data(planes: &Planes, place: &Place) -> Result<bool> {
    Ok(holds_tables(planes, place).await? || holds_files(place).await?)
}

/// Whether there are tables in its schema besides the wrapper's.
///
/// # Errors
/// When that cannot be read.
pub async fn holds_tables(planes: &Planes, place: &Place) -> Result<bool> {
    let Some(schema) = place.schema_name() else { return Ok(false) };
    let sql =
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME NOT IN ('reeve_writer', 'reeve_writer_log')";
    let tables: Vec<(u64,)> = place.server(planes).await?.rows("mysql.Tables", sql, (schema,)).await?;
    Ok(tables.first().is_some_and(|(count,)| *count > 0))
}

/// Whether there is anything in its folder.
///
/// # Errors
/// When that cannot be read.
pub async fn holds_files(place: &Place) -> Result<bool> {
    let Some(data) = &place.data else { return Ok(false) };
    let mut inside = tokio::fs::read_dir(data).await.map_err(|error| told(data, &error))?;
    Ok(inside.next_entry().await.map_err(|error| told(data, &error))?.is_some())
}

/// That the archive fits the tenant.
///
/// # Errors
/// `Invalid` when one has a schema or a folder and the other does not.
pub fn must_fit(manifest: &Manifest, place: &Place) -> Result<()> {
    let misfit = |what: &str| {
        let message = format!("the archive of {} {what}: {} is of another distribution", manifest.tenant, place.tenant);
        Err(Error::new(Class::Invalid, CALL, message))
    };
    match (&manifest.database, &place.schema) {
        (Some(_), None) => return misfit("holds a schema and the tenant has none"),
        (None, Some(_)) => return misfit("holds no schema and the tenant has one"),
        _ => {}
    }
    match (&manifest.files, &place.data) {
        (Some(_), None) => misfit("holds files and the tenant has no folder"),
        (None, Some(_)) => misfit("holds no files and the tenant has a folder"),
        _ => Ok(()),
    }
}

/// Puts what `archive` holds in the place of what `place` holds. `before` holds that, where it held something.
///
/// # Errors
/// `InUse` when somebody is there. When the new data cannot be brought in, the old is back, unless the error says that it is not.
pub async fn restore(planes: &Planes, place: &Place, archive: &Checked, before: Option<&Checked>, progress: &Progress) -> Result<()> {
    must_fit(&archive.manifest, place)?;
    place.must_be_still(planes).await?;
    let beside = place.data.as_ref().map(|data| data.with_file_name(RESTORING));
    begun(planes, place).await?;
    let done = async {
        bring_in(planes, place, archive, beside.clone(), (progress, 1)).await?;
        check(planes, place, &archive.manifest).await?;
        own_login(planes, place, &archive.manifest).await?;
        place.must_be_still(planes).await?;
        // From here on it is carried through: the folders change places in a moment.
        if progress.asked() > 0 { Err(stopped(CALL)) } else { swap(planes, place).await }
    }
    .await;
    let Err(error) = done else {
        let swept = if beside.is_some() { in_folder(planes, place, |folder| gone(&folder.join(BEFORE))).await } else { Ok(()) };
        return swept.map_err(|error| {
            let message = format!(
                "all of it is restored, but the old files are still in {BEFORE} beside the new ones, remove them: {}",
                error.message
            );
            Error { message, ..error }
        });
    };
    if beside.is_some() {
        // Where that is refused the next restore does it.
        drop(in_folder(planes, place, |folder| gone(&folder.join(RESTORING))).await);
    }
    Err(match before {
        None => {
            let message = format!("{}; {} held nothing before and may hold a part now: see {TENANT_DATA}", error.message, place.tenant);
            Error { message, ..error }
        }
        Some(before) => match bring_in(planes, place, before, None, (progress, 2)).await {
            Ok(()) => {
                finished(planes, place).await?;
                Error { message: format!("{}; what was there before is there again", error.message), ..error }
            }
            Err(again) => {
                let message = format!(
                    "{}; and what was there before is NOT there again ({}): it is in {}; see {TENANT_DATA}",
                    error.message,
                    again.message,
                    before.path.display()
                );
                Error { message, ..error }
            }
        },
    })
}

/// OpenMRS keeps its connection among its files: in those that come from another schema it becomes the tenant's own, so that a copy neither reaches
/// the schema that it is of nor holds the login for it.
async fn own_login(planes: &Planes, place: &Place, manifest: &Manifest) -> Result<()> {
    let (Some(own), Some(of)) = (place.schema_name(), manifest.database.as_ref().map(|database| database.schema.clone())) else {
        return Ok(());
    };
    if place.data.is_none() || own == of {
        return Ok(());
    }
    let (own, login) = (own.to_owned(), place.login(&place.server(planes).await?).await?);
    let rewrite = move |folder: &Path| {
        let file = folder.join(RESTORING).join(PROPERTIES);
        if !fs::symlink_metadata(&file).is_ok_and(|about| about.is_file()) {
            return Ok(());
        }
        // In the encoding of such files every byte is a character; those of others stay as they are.
        let text = Zeroizing::new(fs::read(&file)?.into_iter().map(char::from).collect::<String>());
        let line = |line: &str| match line.split_once('=').map(|(name, _)| name.trim()) {
            Some("connection.url") => line.replace(&of, &own),
            Some("connection.username") => format!("connection.username={}", login.user),
            Some("connection.password") => format!("connection.password={}", login.password.expose()),
            _ => line.to_owned(),
        };
        let lines = Zeroizing::new(text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n");
        let bytes = Zeroizing::new(lines.chars().map(|one| u8::try_from(u32::from(one)).unwrap_or(b'?')).collect::<Vec<u8>>());
        fs::write(&file, &bytes)
    };
    in_folder(planes, place, rewrite).await
}

/// Writes down that the tenant's data is not whole from now on: on its service, which whoever starts containers reads, and in the database, which outlives the service.
async fn begun(planes: &Planes, place: &Place) -> Result<()> {
    if let Ok(docker) = Docker::of(planes) {
        let news = restoring::say(docker, &place.tenant).await?;
        // It may have been started and stopped just before that was said.
        if let Err(error) = place.must_be_still(planes).await {
            return if news { restoring::unsay(docker, &place.tenant).await.and(Err(error)) } else { Err(error) };
        }
    }
    let Some(schema) = &place.schema else { return Ok(()) };
    place.server(planes).await?.put_marks(marks::RESTORING, name_of(&schema.id), &schema.marks).await
}

/// Writes down that the tenant's data is whole. It is for who had it restored, once nothing of the work is left: until then nobody wakes the tenant.
///
/// # Errors
/// What the server or the engine answered.
pub async fn finished(planes: &Planes, place: &Place) -> Result<()> {
    if let Some(schema) = place.schema_name() {
        place.server(planes).await?.drop_marks(marks::RESTORING, schema).await?;
    }
    match Docker::of(planes) {
        Ok(docker) => restoring::unsay(docker, &place.tenant).await,
        Err(_) => Ok(()),
    }
}

/// Whether a restore of that tenant was cut off, so that it holds a part of its data: its service says so, or its database. Of whichever there is no way to nobody knows.
///
/// # Errors
/// What a server or the engine answered.
pub async fn was_cut_off(planes: &Planes, tenant: &str) -> Result<bool> {
    if let Ok(docker) = Docker::of(planes)
        && restoring::is_said_of(docker, tenant).await?
    {
        return Ok(true);
    }
    let Ok(mysql) = Mysql::of(planes) else { return Ok(false) };
    let cut_off = async |server: Mysql| {
        let table = server.marks_table().await?;
        let rows = table.all(marks::RESTORING).filter_map(|(_, row)| server.ours.marks(row.pairs())?.address);
        Ok(rows.collect::<Vec<Address>>())
    };
    let all = mysql.fresh().everywhere(cut_off).await?;
    Ok(all.iter().any(|address| address.as_str() == format!("tenant/{tenant}.schema")))
}

/// Puts the new folder in the place of the old one.
async fn swap(planes: &Planes, place: &Place) -> Result<()> {
    if place.data.is_none() {
        return Ok(());
    }
    in_folder(planes, place, |folder| change_places(&folder.join(DATA), &folder.join(RESTORING))).await
}

/// Does something in the tenant's folder, when it is there and the lease covers that.
async fn in_folder(planes: &Planes, place: &Place, what: impl FnOnce(&Path) -> io::Result<()> + Send + 'static) -> Result<()> {
    let files = Files::of(planes)?;
    files.change("files.Restore", &files.path(&place.tenant).to_string_lossy(), what).await
}

fn gone(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Empties the schema and pours the archive's SQL into it; unpacks its files into `beside`.
///
/// It ends when it is asked to so many times.
async fn bring_in(
    planes: &Planes,
    place: &Place,
    archive: &Checked,
    beside: Option<PathBuf>,
    (progress, asked): (&Progress, u32),
) -> Result<()> {
    if progress.asked() >= asked {
        return Err(stopped(CALL));
    }
    let mysql = &place.server(planes).await?;
    let mut login = None;
    if let (Some(schema), Some(_)) = (&place.schema, &archive.manifest.database) {
        let who = place.login(mysql).await?;
        let own = name_of(&schema.id);
        let name = quote::name(own);
        mysql.must_be_ours("schema", own).await?;
        mysql.change("mysql.DropSchema", &format!("DROP DATABASE IF EXISTS {name}"), ()).await?;
        // The schema is the tenant's: what its YAML says of it holds, not what the archive says.
        let form = format!("CHARACTER SET {} COLLATE {}", schema.shape.charset, schema.shape.collation);
        mysql.change("mysql.CreateSchema", &format!("CREATE DATABASE {name} {form}"), ()).await?;
        login = Some((OptionFile::write(mysql, &who)?, own.to_owned()));
    }
    if beside.is_some() {
        let made = |folder: &Path| {
            gone(&folder.join(RESTORING))?;
            fs::DirBuilder::new().mode(0o700).create(folder.join(RESTORING))
        };
        in_folder(planes, place, made).await?;
    }
    let watch = Watch::new(CALL, Some(&mysql.ours), progress, asked);
    let (archive, progress) = (archive.clone(), progress.clone());
    watch.over(move |watch| unpack(&archive, login.as_ref(), beside, &progress, watch)).await
}

fn unpack(
    archive: &Checked,
    login: Option<&(OptionFile, String)>,
    beside: Option<PathBuf>,
    progress: &Progress,
    watch: &Watch,
) -> Result<()> {
    progress.begin("restore");
    let load = login.map(|(options, schema)| Load::begin(options, schema, watch)).transpose()?;
    let mut into = Unpack::new(&archive.manifest, load, beside, watch);
    let taken = Reader::new(&archive.path, &*archive.identity).each(&mut into, progress);
    match (taken, into.load.take()) {
        (Ok(now), load) => {
            load.map_or(Ok(()), Load::end)?;
            if now != archive.manifest {
                return Err(Error::new(Class::Invalid, CALL, format!("{} changed since it was checked", archive.path.display())));
            }
            into.finish()
        }
        (Err(error), Some(load)) => Err(load.abort(error)),
        (Err(error), None) => Err(error),
    }
}

/// That every table has as many rows as the manifest says.
async fn check(planes: &Planes, place: &Place, manifest: &Manifest) -> Result<()> {
    let (Some(schema), Some(database)) = (place.schema_name(), &manifest.database) else { return Ok(()) };
    let mysql = &place.server(planes).await?;
    for (table, rows) in &database.tables {
        let sql = format!("SELECT COUNT(*) FROM {}.{}", quote::name(schema), quote::name(table));
        let found: Vec<(u64,)> = mysql.rows("mysql.CountRows", &sql, ()).await?;
        let found = found.first().map_or(0, |(count,)| *count);
        if found != *rows {
            return Err(Error::new(Class::Invalid, CALL, format!("{table} has {found} rows and not {rows}")));
        }
    }
    Ok(())
}

/// The new folder in the place of the old one, which stays beside it.
fn change_places(data: &Path, beside: &Path) -> io::Result<()> {
    let about = fs::metadata(data)?;
    match chown(beside, Some(about.uid()), Some(about.gid())) {
        // A file system with one owner for everything refuses to name another.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        done => done?,
    }
    fs::set_permissions(beside, fs::Permissions::from_mode(about.mode() & 0o7777))?;
    let old = data.with_file_name(BEFORE);
    gone(&old)?;
    fs::rename(data, &old)?;
    if let Err(error) = fs::rename(beside, data) {
        fs::rename(&old, data)?;
        return Err(error);
    }
    Ok(())
}

fn told(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Invalid, CALL, format!("{}: {error}", path.display()))
}
