//! Looking into a restored database server: what each tenant's schema holds there, beside what the live one holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Seen;
use super::compare::{Schema, compare};
use crate::planes::error::{Absent, Class, Error, Result};
use crate::planes::mysql::quote;
use crate::planes::{Mysql, Planes};

/// Where a copy answers, and who administers it.
pub(super) struct Copy {
    /// `host:port`.
    pub address: String,
    /// Its login's place.
    pub admin: String,
}

/// The schemas of tenants, as this server's own table of marks has them, with the time (seconds since 1970) at which each was made.
const TENANTS: &str = "SELECT `id`, `address`, CAST(UNIX_TIMESTAMP(`made_at`) AS SIGNED) FROM `reeve`.`marks` \
     WHERE `kind` = 'schema' AND `stack` = ? AND `retiring` = '' AND `address` LIKE 'tenant/%'";
const TABLES: &str = "SELECT TABLE_SCHEMA, TABLE_NAME, CAST(UNIX_TIMESTAMP(CREATE_TIME) AS SIGNED) FROM information_schema.TABLES \
     WHERE TABLE_TYPE = 'BASE TABLE'";
const SCHEMAS: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA";

/// What the wrapper writes when it takes a tenant's database, and afterwards; its times are in UTC.
const LOG: &str = "reeve_writer_log";
/// OpenMRS's visits to a patient: the newest of them is the newest work of a clinic.
const ENCOUNTER: &str = "encounter";

/// Looks. What it finds is in `seen`.
pub(super) async fn look(planes: &Planes, copy: &Copy, data_at: Timestamp, seen: &mut Seen) -> Result<()> {
    let live = match planes.mysql.get("mysql") {
        Ok(live) => live.fresh(),
        Err(error) => {
            seen.unseen.push(format!("the data: {}", error.message));
            return Ok(());
        }
    };
    let there = live.beside(&copy.address, &copy.admin);
    if let Err(error) = there.is_mariadb().await {
        // On a host of the fleet the copy's door is open, as the live one's is; elsewhere there may be no way to it.
        if live.admin.is_none() && error.class == Class::Unreachable {
            seen.unseen.push(format!(
                "the data: there is no way to {} from here ({}); run it on a host of the fleet",
                copy.address, error.message
            ));
            return Ok(());
        }
        return Err(Error { message: format!("the copy does not answer: {}", error.message), ..error });
    }
    let copied = read(&there).await?;
    open_all(&there, &copied, seen).await?;
    match read(&live).await {
        Ok(expected) => compare(&expected, &copied, data_at, seen),
        Err(error) => seen.unseen.push(format!("what it may lack: the live server could not be read ({error})")),
    }
    Ok(())
}

/// Every tenant's schema on a server, by its name.
async fn read(server: &Mysql) -> Result<BTreeMap<String, Schema>> {
    let stack = server.ours.stack().to_owned();
    let tenants: Option<Vec<(String, String, Option<i64>)>> = server.rows("mysql.Tenants", TENANTS, (stack,)).await.absent_ok()?;
    let schemas: Vec<(String,)> = server.rows("mysql.Schemas", SCHEMAS, ()).await?;
    let schemas: BTreeSet<String> = schemas.into_iter().map(|(name,)| name).collect();
    let mut all: BTreeMap<String, Schema> = BTreeMap::new();
    for (name, address, made) in tenants.into_iter().flatten() {
        let tenant = address.trim_start_matches("tenant/").split('.').next().unwrap_or_default().to_owned();
        all.insert(name.clone(), Schema { tenant, made, there: schemas.contains(&name), ..Schema::default() });
    }
    let tables: Vec<(String, String, Option<i64>)> = server.rows("mysql.Tables", TABLES, ()).await?;
    for (schema, table, made) in tables {
        if let Some(schema) = all.get_mut(&schema) {
            schema.tables.insert(table, made);
        }
    }
    for (name, schema) in &mut all {
        if schema.tables.contains_key(LOG) {
            schema.newest = newest(server, name).await?;
        }
        if schema.tables.contains_key(ENCOUNTER) {
            schema.encounter = encounter(server, name).await?;
        }
    }
    Ok(all)
}

/// The newest time in the wrapper's log, in seconds since 1970.
async fn newest(server: &Mysql, schema: &str) -> Result<Option<i64>> {
    let of = |column: &str| format!("COALESCE(MAX({column}), '1970-01-01')");
    let times = ["taken_at", "app_started_at", "ended_at", "lost_at"].map(of).join(", ");
    let sql = format!("SELECT CAST(TIMESTAMPDIFF(SECOND, '1970-01-01', GREATEST({times})) AS SIGNED) FROM {}.{LOG}", quote::name(schema));
    let rows: Vec<(Option<i64>,)> = server.rows("mysql.Newest", &sql, ()).await?;
    Ok(rows.first().and_then(|(time,)| *time).filter(|time| *time > 0))
}

async fn encounter(server: &Mysql, schema: &str) -> Result<Option<String>> {
    let sql = format!("SELECT CAST(date_created AS CHAR) FROM {}.{ENCOUNTER} ORDER BY encounter_id DESC LIMIT 1", quote::name(schema));
    let rows: Vec<(Option<String>,)> = server.rows("mysql.Newest", &sql, ()).await?;
    Ok(rows.into_iter().next().and_then(|(date,)| date))
}

/// Opens every table: that it is listed does not say that it can be read.
async fn open_all(server: &Mysql, schemas: &BTreeMap<String, Schema>, seen: &mut Seen) -> Result<()> {
    for (name, schema) in schemas {
        for table in schema.tables.keys() {
            let sql = format!("SELECT 1 FROM {}.{} LIMIT 1", quote::name(name), quote::name(table));
            match server.rows::<(i64,)>("mysql.Open", &sql, ()).await {
                Ok(_) => {}
                Err(error) if error.class == Class::Unreachable => return Err(error),
                Err(error) => seen.wrong.push(format!("{}: its table {table} cannot be read: {error}", schema.tenant)),
            }
        }
    }
    Ok(())
}
