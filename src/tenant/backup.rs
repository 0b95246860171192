//! A backup of one tenant, while it and the others run.
//!
//! The schema is read in one transaction with one view of the data. The files are read just after it, each as it is then.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::archive::{Database, Manifest, Writer};
use super::place::Place;
use super::program::{OptionFile, Program};
use super::progress::Progress;
use super::watch::Watch;
use crate::planes::Planes;
use crate::planes::error::{Class, Error, Result};
use crate::planes::mysql::servers::name_of;

/// What a backup made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The archive.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Bytes of the file.
    pub size: u64,
    /// What is in it.
    pub manifest: Manifest,
}

/// The name of an archive made at that time.
#[must_use]
pub fn file_name(tenant: &str, at: Timestamp) -> String {
    format!("{tenant}-{}.tar.gz.age", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// Writes an archive of `place` to `path`, for `recipients`.
///
/// # Errors
/// When something cannot be read or written: then there is no archive.
pub async fn backup(
    planes: &Planes,
    place: &Place,
    path: &Path,
    recipients: Vec<age::x25519::Recipient>,
    at: Timestamp,
    progress: &Progress,
) -> Result<Made> {
    let mysql = &place.server(planes).await?;
    let login = mysql.administrator().await?;
    let engine: Vec<(String,)> = mysql.rows("mysql.Version", "SELECT VERSION()", ()).await?;
    let engine = engine.into_iter().next().map(|(version,)| version).unwrap_or_default();
    let options = OptionFile::write(mysql, &login)?;
    let (place, path, progress) = (place.clone(), path.to_owned(), progress.clone());
    let watch = Watch::new("tenant.backup", None, &progress, 1);
    watch.over(move |watch| write(&place, &path, &recipients, at, (&progress, watch), &options, engine)).await
}

fn write(
    place: &Place,
    path: &Path,
    recipients: &[age::x25519::Recipient],
    at: Timestamp,
    (progress, watch): (&Progress, &Watch),
    options: &OptionFile,
    engine: String,
) -> Result<Made> {
    let recipients: Vec<&dyn age::Recipient> = recipients.iter().map(|one| one as &dyn age::Recipient).collect();
    let mut writer = Writer::begin(path, &recipients)?;
    let database = match &place.schema {
        Some(schema) => {
            progress.begin("database");
            let database = Database {
                schema: name_of(&schema.id).to_owned(),
                charset: schema.shape.charset.clone(),
                collation: schema.shape.collation.clone(),
                engine,
                tables: BTreeMap::new(),
                pieces: 0,
                bytes: 0,
                sha256: String::new(),
            };
            Some(dump(&mut writer, database, (progress, watch), options)?)
        }
        None => None,
    };
    progress.begin("files");
    let (files, left_out) = match &place.data {
        Some(data) => {
            let (files, left_out) = writer.folder(data, progress, &|| watch.still())?;
            (Some(files), left_out)
        }
        None => (None, Vec::new()),
    };
    let manifest = Manifest {
        format_version: 1,
        reeve: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: at,
        stack: place.stack.clone(),
        tenant: place.tenant.clone(),
        database,
        files,
        left_out,
    };
    watch.still()?;
    let (sha256, size) = writer.finish(&manifest)?;
    Ok(Made { path: path.to_owned(), sha256, size, manifest })
}

/// Pours what `mariadb-dump` writes into the archive, counting rows on the way.
fn dump(writer: &mut Writer, mut database: Database, (progress, watch): (&Progress, &Watch), options: &OptionFile) -> Result<Database> {
    let failed = |error: std::io::Error| Error::new(Class::Ambiguous, "mariadb-dump", error.to_string());
    let mut child = Program::Dump.start(options, &database.schema)?;
    let stdout = child.stdout.take().ok_or_else(|| failed(std::io::ErrorKind::BrokenPipe.into()))?;
    let program = watch.guard(child)?;
    let (mut from, mut hash, mut rows) = (BufReader::with_capacity(1 << 16, stdout), Sha256::new(), Rows::default());
    let mut piece = Vec::with_capacity(super::archive::PIECE + (1 << 16));
    let poured = (|| {
        loop {
            let got = from.fill_buf().map_err(failed)?;
            let count = got.len();
            if count == 0 {
                break;
            }
            rows.read(got);
            piece.extend_from_slice(got);
            from.consume(count);
            progress.add(count);
            if piece.len() >= super::archive::PIECE {
                flush(writer, &mut database, &mut hash, &mut piece)?;
            }
        }
        if piece.is_empty() { Ok(()) } else { flush(writer, &mut database, &mut hash, &mut piece) }
    })();
    poured?;
    Program::Dump.end(program)?;
    database.sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    database.tables = rows.tables;
    Ok(database)
}

fn flush(writer: &mut Writer, database: &mut Database, hash: &mut Sha256, piece: &mut Vec<u8>) -> Result<()> {
    hash.update(&*piece);
    database.pieces += 1;
    database.bytes += piece.len() as u64;
    writer.piece(piece)?;
    piece.clear();
    Ok(())
}

/// Counts the rows of each table in SQL that streams by: the groups in parentheses behind `INSERT INTO ... VALUES`.
#[derive(Default)]
struct Rows {
    tables: BTreeMap<String, u64>,
    /// The table whose rows are read.
    current: String,
    /// The beginning of the line that is read.
    head: Vec<u8>,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a line, as far as it may be told what it is.
    #[default]
    Head,
    /// In a line that is of no interest.
    Skip,
    /// In a statement that inserts rows: how many parentheses are open, whether in a text, whether behind a backslash.
    Values { open: u32, text: bool, escaped: bool },
}

const INSERT: &[u8] = b"INSERT INTO `";
const CREATE: &[u8] = b"CREATE TABLE `";
const LONGEST_HEAD: usize = 400;

impl Rows {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.next(*byte);
        }
    }

    fn next(&mut self, byte: u8) {
        match &mut self.state {
            // `VALUES` ends the line where each row has one of its own.
            State::Head if byte == b'\n' || self.head.ends_with(b" VALUES") => {
                self.state = State::Head;
                if let Some(table) = named(&self.head, INSERT).filter(|_| self.head.ends_with(b" VALUES")) {
                    self.current = table;
                    self.state = State::Values { open: 0, text: false, escaped: false };
                } else if let Some(table) = named(&self.head, CREATE) {
                    // An empty one is one too.
                    self.tables.entry(table).or_default();
                }
                self.head.clear();
            }
            State::Head => {
                self.head.push(byte);
                let may_be = |start: &[u8]| start.starts_with(&self.head) || self.head.starts_with(start);
                if self.head.len() > LONGEST_HEAD || !(may_be(INSERT) || may_be(CREATE)) {
                    self.head.clear();
                    self.state = State::Skip;
                }
            }
            State::Skip if byte == b'\n' => self.state = State::Head,
            State::Skip => {}
            State::Values { open, text, escaped } => match byte {
                _ if *escaped => *escaped = false,
                b'\\' if *text => *escaped = true,
                b'\'' => *text = !*text,
                _ if *text => {}
                b'(' => {
                    *open += 1;
                    if *open == 1 {
                        *self.tables.entry(self.current.clone()).or_default() += 1;
                    }
                }
                b')' => *open = open.saturating_sub(1),
                b';' if *open == 0 => self.state = State::Skip,
                _ => {}
            },
        }
    }
}

/// The name in backticks behind `start`.
fn named(head: &[u8], start: &[u8]) -> Option<String> {
    let rest = std::str::from_utf8(head.strip_prefix(start)?).ok()?.replace("``", "\u{0}");
    Some(rest.split_once('`')?.0.replace('\u{0}', "`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_whatever_stands_in_them_and_however_they_are_cut() {
        let sql = "CREATE TABLE `a` (\n  `x` int\n);\nINSERT INTO `a` VALUES\n(1,'it\\'s ),('),\n(2,'('';\\\\');\n\
                   CREATE TABLE `b``c` (x INT);\nINSERT INTO `b``c` VALUES (1),(2),(0x29);\nCREATE TABLE `empty` (\nINSERT INTO `a` VALUES (3,NULL);\n";
        for step in [1, 2, 7, 1000] {
            let mut rows = Rows::default();
            sql.as_bytes().chunks(step).for_each(|part| rows.read(part));
            let told: Vec<(&str, u64)> = rows.tables.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            assert_eq!(told, [("a", 3), ("b`c", 3), ("empty", 0)], "{step}");
        }
    }
}
