//! Saved plans: canonical JSON (RFC 8785) whose digest is SHA-256 over the document without `digest` and `made` (who,
//! when, commit): two plans that do the same have the same digest. A file that anything else wrote is refused.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::digest::{canonical, canonical_object, sha256};
use super::{RecordError, durable};

/// Where plans go that name no folder.
const PLANS: &str = "plans";

/// The most that a plan file may have: far above the plan of ten thousand tenants, and less than what takes a machine down.
const LIMIT: u64 = 256 << 20;

/// The fields that the digest leaves out.
const OUTSIDE: [&str; 2] = ["digest", "made"];

/// A plan that was read back, whole and unaltered.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPlan {
    /// The document.
    pub plan: Value,
    /// Its digest, `sha256:...`.
    pub digest: String,
}

/// Where `--out FILE` writes: a bare name goes to the folder `plans`.
#[must_use]
pub fn plan_path(out: &Path) -> PathBuf {
    match out.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new(PLANS).join(out),
        _ => out.to_owned(),
    }
}

/// A plan document's digest.
///
/// # Errors
/// [`RecordError::NotCanonical`] when it is no object or has no exact canonical form.
pub fn plan_digest(plan: &Value) -> Result<String, RecordError> {
    let fields = plan.as_object().ok_or_else(|| RecordError::NotCanonical { why: "it is no JSON object".to_owned() })?;
    let inside = fields.iter().filter(|(name, _)| !OUTSIDE.contains(&name.as_str()));
    Ok(sha256(&canonical_object(inside.map(|(name, value)| (name.as_str(), value)))?))
}

/// The document with its digest in it, as `--format json` prints it and a plan file holds it.
///
/// # Errors
/// As [`plan_digest`].
pub fn seal_plan(mut plan: Value) -> Result<SavedPlan, RecordError> {
    let digest = plan_digest(&plan)?;
    plan["digest"] = Value::String(digest.clone());
    Ok(SavedPlan { plan, digest })
}

/// Writes a sealed plan, whole or not at all; an older file of that name is replaced. Nobody else may read it: it holds no secret, but the
/// whole network and who may do what in it. Of folders only `plans` is made: any other that is not there was misspelt.
///
/// # Errors
/// [`RecordError::File`], or as [`plan_digest`].
pub fn write_plan(path: &Path, plan: &SavedPlan) -> Result<(), RecordError> {
    let mut body = canonical(&plan.plan)?;
    body.push(b'\n');
    let folder = durable::parent(path);
    let write = || {
        if folder == Path::new(PLANS) {
            durable::make_folder(&folder)?;
        }
        durable::place_over(&durable::write_beside(&folder, &body, 0o600)?, path)
    };
    write().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let why = format!("there is no folder {}: make it, or give a bare name, which goes to `{PLANS}/`", folder.display());
            RecordError::File { verb: "write", path: path.to_owned(), why }
        }
        _ => RecordError::file("write", path, &error),
    })
}

/// Reads a saved plan and checks that it is exactly what was written.
///
/// # Errors
/// [`RecordError::File`] when it cannot be read, [`RecordError::Plan`] when it was altered.
pub fn read_plan(path: &Path) -> Result<SavedPlan, RecordError> {
    let bad = |why: String| RecordError::Plan { path: path.to_owned(), why };
    let mut body = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut body));
    read.map_err(|error| RecordError::file("read", path, &error))?;
    if body.is_empty() {
        return Err(bad("it is empty".to_owned()));
    }
    if body.len() as u64 > LIMIT {
        return Err(bad(format!("it has more than {} MiB", LIMIT >> 20)));
    }
    let plan: Value = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    let stated = plan.get("digest").and_then(Value::as_str).ok_or_else(|| bad("it has no digest".to_owned()))?.to_owned();
    let digest = plan_digest(&plan).map_err(|error| bad(error.to_string()))?;
    if stated != digest {
        return Err(bad(format!("it says {stated} but is {digest}: it was altered after it was made")));
    }
    // Also refuses what a reader could see otherwise than we do, such as a field that is there twice.
    if canonical(&plan)? != body.trim_ascii_end() {
        return Err(bad("it was reformatted after it was made".to_owned()));
    }
    Ok(SavedPlan { plan, digest })
}
