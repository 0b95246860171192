//! When a tenant last wrote to its database: a backup that is older than that does not hold everything.
//!
//! The wrapper (`reeve-hold`) keeps a log in the tenant's schema of when an application began and ended there. A restore drops that log with the rest, so the
//! times of the tables count too: when each was made or altered, and, where the server still knows it, when it was last written to.

use jiff::Timestamp;

use super::place::Place;
use crate::planes::Planes;
use crate::planes::error::{Error, Result};
use crate::planes::mysql::quote;

/// When something was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// Nothing ever was, as far as the server knows.
    Never,
    /// In that second.
    At(Timestamp),
    /// Nobody knows: the log has no end of the last run.
    Open,
}

/// Asks the server. A tenant without a schema has no such time.
///
/// # Errors
/// When the server cannot be asked.
pub async fn newest(planes: &Planes, place: &Place) -> Result<Newest> {
    let Some(schema) = place.schema_name() else { return Ok(Newest::Never) };
    let mysql = &place.server(planes).await?;
    let sql = "SELECT CAST(COALESCE(MAX(TABLE_NAME = 'reeve_writer_log'), 0) AS SIGNED), \
               CAST(UNIX_TIMESTAMP(MAX(IF(TABLE_NAME IN ('reeve_writer', 'reeve_writer_log'), NULL, \
               GREATEST(CREATE_TIME, COALESCE(UPDATE_TIME, CREATE_TIME))))) AS SIGNED) \
               FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?";
    let tables: Vec<(i64, Option<i64>)> = mysql.rows("mysql.Newest", sql, (schema,)).await?;
    let (has_log, mut last) = tables.first().copied().unwrap_or_default();
    if has_log > 0 {
        let times = ["taken_at", "app_started_at", "ended_at", "lost_at"].map(|column| format!("COALESCE(MAX({column}), '1970-01-01')"));
        let sql = format!(
            "SELECT CAST(TIMESTAMPDIFF(SECOND, '1970-01-01', GREATEST({})) AS SIGNED), \
             CAST(COALESCE(SUM(app_started_at IS NOT NULL AND ended_at IS NULL AND lost_at IS NULL), 0) AS SIGNED) FROM {}.reeve_writer_log",
            times.join(", "),
            quote::name(schema)
        );
        let log: Vec<(i64, i64)> = mysql.rows("mysql.Newest", &sql, ()).await?;
        match log.first() {
            Some((_, 1..)) => return Ok(Newest::Open),
            Some((time @ 1.., _)) => last = last.max(Some(*time)),
            _ => {}
        }
    }
    let Some(last) = last else { return Ok(Newest::Never) };
    Timestamp::from_second(last).map(Newest::At).map_err(|_| Error::incomplete("mysql.Newest", "time of the last write"))
}
