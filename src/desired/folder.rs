//! Reads the files of a stack's folder: the only I/O of this room. Follows no link out of the folder and no hidden name.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::read::{SourceFile, budget};
use crate::model::problem::{Place, Problem, Problems};

/// Folders inside of folders.
const DEPTH: usize = 32;

/// All `*.yaml` and `*.yml` at any depth, by path, and what could not be read.
pub fn files(dir: &Path) -> (Vec<SourceFile>, Problems) {
    let mut problems = Problems::new();
    let root = match fs::canonicalize(dir) {
        Ok(root) if root.is_dir() => root,
        Ok(_) => {
            problems.push(Problem::anywhere(format!("{} is no folder", dir.display())).help("name the folder of a stack"));
            return (Vec::new(), problems);
        }
        Err(error) => {
            problems.push(Problem::anywhere(format!("{}: {error}", dir.display())).help("name the folder of a stack"));
            return (Vec::new(), problems);
        }
    };
    let mut paths = Vec::new();
    collect(dir, &root, 0, &mut paths, &mut problems);
    paths.sort();
    let (mut files, mut total) = (Vec::new(), 0usize);
    for path in paths {
        match read(&path, &mut total) {
            Ok(text) => files.push(SourceFile { path: path.display().to_string(), text }),
            Err(problem) => problems.push(problem),
        }
    }
    (files, problems)
}

/// What tells one state of the folder from the next without reading it: names, sizes and times of its files. Nothing about whether they are right.
#[must_use]
pub fn signature(dir: &Path) -> String {
    let Ok(root) = fs::canonicalize(dir) else { return String::new() };
    let (mut paths, mut problems) = (Vec::new(), Problems::new());
    collect(&root, &root, 0, &mut paths, &mut problems);
    paths.sort();
    let mut hash = Sha256::new();
    for path in paths {
        hash.update(path.as_os_str().as_encoded_bytes());
        if let Ok(meta) = fs::metadata(&path) {
            for number in [meta.len(), meta.ino(), meta.mtime() as u64, meta.mtime_nsec() as u64] {
                hash.update(number.to_le_bytes());
            }
        }
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn collect(dir: &Path, root: &Path, depth: usize, paths: &mut Vec<PathBuf>, problems: &mut Problems) {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return problems.push(Problem::anywhere(format!("{}: {error}", dir.display()))),
    };
    if depth > DEPTH {
        return problems.push(Problem::anywhere(format!("{}: folders are nested more than {DEPTH} deep", dir.display())));
    }
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                problems.push(Problem::anywhere(format!("{}: {error}", dir.display())));
                continue;
            }
        };
        if path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        let is_link = fs::symlink_metadata(&path).is_ok_and(|meta| meta.file_type().is_symlink());
        // A link to a folder may lead in a circle; a link to a file has to stay inside.
        if path.is_dir() {
            if !is_link {
                collect(&path, root, depth + 1, paths, problems);
            }
            continue;
        }
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if !yaml {
            continue;
        }
        if is_link {
            let problem = match fs::canonicalize(&path) {
                Ok(target) if target.starts_with(root) => None,
                Ok(_) => Some(Problem::anywhere(format!("{} is a link out of the folder", path.display())).help("copy the file")),
                Err(error) => Some(Problem::anywhere(format!("{} is a link that leads nowhere: {error}", path.display()))),
            };
            if let Some(problem) = problem {
                problems.push(problem);
                continue;
            }
        }
        if paths.len() >= budget::FILES {
            return problems.push(Problem::anywhere(format!("{} has more than {} files", root.display(), budget::FILES)));
        }
        paths.push(path);
    }
}

fn read(path: &Path, total: &mut usize) -> Result<String, Problem> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| Problem::anywhere(format!("{}: {error}", path.display()));
    let meta = fs::metadata(path).map_err(failed)?;
    let size = usize::try_from(meta.len()).unwrap_or(usize::MAX);
    let place = Place { file: shown.as_str().into(), line: 1, column: 1, len: 1 };
    if !meta.is_file() {
        return Err(Problem::at(&place, "this is no ordinary file"));
    }
    if size > budget::FILE {
        return Err(Problem::at(&place, format!("the file has {} MiB; the most is {}", size >> 20, budget::FILE >> 20)));
    }
    *total = total.saturating_add(size);
    if *total > budget::FOLDER {
        return Err(Problem::anywhere(format!("the files of the folder have more than {} MiB", budget::FOLDER >> 20)));
    }
    let bytes = fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        Problem::at(&Place { line, ..place }, "this is not UTF-8 text")
            .help("save the file as UTF-8; a binary file does not belong in the folder")
    })
}
