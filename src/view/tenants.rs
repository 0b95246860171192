//! Tenants in words: a line each for the morning, or all that is known of one.

use std::fmt::Write as _;

use serde_json::json;

use super::drill::by_part;
use super::value::clean;
use crate::model::drill::{Last, Part};
use crate::model::tenant::Overview;

/// Whether a tenant is not as the YAML wishes. One that sleeps is: it wakes when somebody comes.
#[must_use]
pub fn is_off(one: &Overview) -> bool {
    match one.wished.as_str() {
        "active" => !matches!(one.state.as_str(), "running" | "asleep" | "unknown"),
        wished => one.state != wished && one.state != "unknown",
    }
}

/// A line each.
#[must_use]
pub fn list(all: &[Overview]) -> String {
    let head = ["TENANT", "STATE", "HOST", "MEMORY", "LAST USED", "LAST BACKUP", ""].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = [head].into_iter().chain(all.iter().map(row)).collect();
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(out, "{}", line.join("  ").trim_end());
    }
    let off = all.iter().filter(|one| is_off(one)).count();
    let _ = match off {
        0 => writeln!(out, "\n{}: all as they should be", super::count(all.len(), "tenant")),
        off => writeln!(out, "\n{}: {off} not as they should be", super::count(all.len(), "tenant")),
    };
    out.trim_end().to_owned()
}

fn row(one: &Overview) -> Vec<String> {
    let memory = match (one.memory_reservation, one.memory_limit) {
        (Some(reserved), Some(limit)) => format!("{} of {}", size(reserved), size(limit)),
        _ => "-".to_owned(),
    };
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), clean);
    let trouble = one.trouble.as_deref().map(clean).unwrap_or_default();
    let cells = [one.name.clone(), one.state.clone(), text(&one.host), memory, text(&one.last_activity), text(&one.last_backup), trouble];
    cells.to_vec()
}

/// Everything that is known, a block each.
#[must_use]
pub fn status(all: &[Overview]) -> String {
    let mut out = String::new();
    for one in all {
        let _ = writeln!(out, "{}", one.name);
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = writeln!(out, "  {name:<13}  {}", clean(&value));
            }
        };
        line("state", Some(one.state.clone()));
        line("wished", Some(one.wished.clone()));
        line("trouble", one.trouble.clone());
        line("host", one.host.clone());
        line("answers at", one.address.clone());
        line("since", one.since.clone());
        line("image", one.image.clone());
        line("memory", one.memory_reservation.zip(one.memory_limit).map(|(r, l)| format!("{} reserved, {} at most", size(r), size(l))));
        line("last used", one.last_activity.clone());
        line("last backup", one.last_backup.clone());
    }
    out.trim_end().to_owned()
}

/// The document.
#[must_use]
pub fn json(all: &[Overview]) -> String {
    format!("{:#}", json!({ "format_version": 1, "tenants": all }))
}

/// The document of all tenants, with what is remembered of restore drills.
#[must_use]
pub fn list_json(all: &[Overview], drills: &[(Part, Last)]) -> String {
    format!("{:#}", json!({ "format_version": 1, "tenants": all, "restore_drills": by_part(drills) }))
}

/// Bytes in the largest unit that says them well.
fn size(bytes: u64) -> String {
    if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) }
}
