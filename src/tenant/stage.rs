//! What makes a copy of a tenant harmless: it must not write to patients or to other systems.
//!
//! In OpenMRS both are settings in the database: global properties of the mail server and of message gateways, and tasks of the scheduler.

use std::collections::BTreeSet;

use super::load::Load;
use super::place::Place;
use super::program::OptionFile;
use super::progress::Progress;
use super::watch::Watch;
use crate::planes::Planes;
use crate::planes::error::Result;

/// What the name of a tenant's staging copy ends with.
pub const SUFFIX: &str = "-staging";

/// Settings by which OpenMRS and its modules reach somebody outside, as patterns of `LIKE`: their values are emptied.
pub const REACHING_OUT: [&str; 14] = [
    "mail.%",
    "%.mail.%",
    "%smtp%",
    "%sms%",
    "%whatsapp%",
    "notification.%email%",
    "hl7%outbound%",
    "%.hl7.%url%",
    "fhir%.url%",
    "fhir%server%",
    "sync.%",
    "atomfeed.%",
    "%dhis2%",
    "%webhook%",
];

/// Takes from a copy what reaches out. Run before its first start.
///
/// # Errors
/// When something of it could not be done: then the copy must not be started.
pub async fn silence(planes: &Planes, place: &Place, progress: &Progress) -> Result<()> {
    progress.begin("silence");
    let Some(schema) = place.schema_name() else { return Ok(()) };
    let mysql = &place.server(planes).await?;
    let sql = "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? \
               AND TABLE_NAME IN ('global_property', 'scheduler_task_config')";
    let there: Vec<(String, String)> = mysql.rows("mysql.Columns", sql, (schema,)).await?;
    let there: BTreeSet<(&str, &str)> = there.iter().map(|(table, column)| (table.as_str(), column.as_str())).collect();
    let statements = statements(&there);
    if statements.is_empty() {
        return Ok(());
    }
    // As the tenant's own user: its triggers may be anything.
    let login = OptionFile::write(mysql, &place.login(mysql).await?)?;
    let schema = schema.to_owned();
    let watch = Watch::new("tenant.stage", Some(&mysql.ours), progress, 1);
    let work = watch.over(move |watch| {
        let mut load = Load::begin(&login, &schema, watch)?;
        load.feed(statements.as_bytes())?;
        load.end()
    });
    work.await
}

fn statements(there: &BTreeSet<(&str, &str)>) -> String {
    let mut sql = String::new();
    if there.contains(&("global_property", "property_value")) {
        let which: Vec<String> = REACHING_OUT.iter().map(|pattern| format!("property LIKE '{pattern}'")).collect();
        sql += &format!("UPDATE global_property SET property_value = '' WHERE {};\n", which.join(" OR "));
    }
    for column in ["started", "start_on_startup"] {
        if there.contains(&("scheduler_task_config", column)) {
            sql += &format!("UPDATE scheduler_task_config SET {column} = 0;\n");
        }
    }
    sql
}
