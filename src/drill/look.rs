//! Looking into a restored database server: what each tenant's schema holds there, beside what the live one holds.
//!
//! What was restored a moment ago is read from S3 page by page as it is asked for, so that the first answers take long. Each schema is asked for by
//! itself, some side by side, and one that does not answer in time is not taken for lost: it was not looked into.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

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
const TABLES: &str = "SELECT TABLE_NAME, CAST(UNIX_TIMESTAMP(CREATE_TIME) AS SIGNED) FROM information_schema.TABLES \
     WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = ?";
const SCHEMAS: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA";

/// What the wrapper writes when it takes a tenant's database, and afterwards; its times are in UTC.
const LOG: &str = "reeve_writer_log";
/// OpenMRS's visits to a patient: the newest of them is the newest work of a clinic.
const ENCOUNTER: &str = "encounter";

/// Schemas at a time; the pool of a server has four connections.
const SIDE_BY_SIDE: usize = 3;
/// How long one schema's tables may take to be listed, and its newest rows to be found.
const LIST: Duration = Duration::from_secs(300);
/// How long all tables of one schema may take to be opened.
const OPEN: Duration = Duration::from_secs(1200);

/// The tenants' schemas on a server.
#[derive(Debug, Default)]
struct Found {
    /// By name.
    schemas: BTreeMap<String, Schema>,
    /// Tenants of those that did not answer in time, by the schema's name.
    silent: BTreeMap<String, String>,
}

/// Looks. What it finds is in `seen`. `own` is the DB instance that it is a copy of, when a tenant has that for itself.
pub(super) async fn look(planes: &Planes, copy: &Copy, own: Option<&str>, data_at: Timestamp, seen: &mut Seen) -> Result<()> {
    let shared = match planes.mysql.get("mysql") {
        Ok(shared) => shared.fresh(),
        Err(error) => {
            seen.unseen.push(format!("the data: {}", error.message));
            return Ok(());
        }
    };
    let there = shared.beside(&copy.address, &copy.admin);
    if let Err(error) = there.is_mariadb().await {
        // On a host of the fleet the copy's door is open, as the live one's is; elsewhere there may be no way to it.
        if shared.admin.is_none() && error.class == Class::Unreachable {
            seen.unseen.push(format!(
                "the data: there is no way to {} from here ({}); run it on a host of the fleet",
                copy.address, error.message
            ));
            return Ok(());
        }
        return Err(Error { message: format!("the copy does not answer: {}", error.message), ..error });
    }
    let mut copied = read(&there).await?;
    open_all(&there, &copied.schemas, seen).await?;
    let expected = match own {
        Some(own) => read_own(&shared, own).await,
        None => read(&shared).await,
    };
    match expected {
        Ok(mut expected) => {
            leave_out(&mut expected, &mut copied, seen);
            compare(&expected.schemas, &copied.schemas, data_at, seen);
        }
        Err(error) => {
            leave_out(&mut Found::default(), &mut copied, seen);
            seen.unseen.push(format!("what it may lack: the live server could not be read ({error})"));
        }
    }
    Ok(())
}

async fn read_own(shared: &Mysql, instance: &str) -> Result<Found> {
    read(&shared.of_instance(instance).await?).await
}

/// Of what one of both servers said nothing in time, nothing is known.
fn leave_out(expected: &mut Found, copied: &mut Found, seen: &mut Seen) {
    for (silent, who) in [(copied.silent.clone(), "the copy"), (expected.silent.clone(), "the live server")] {
        for (name, tenant) in silent {
            expected.schemas.remove(&name);
            copied.schemas.remove(&name);
            seen.unseen.push(format!("{tenant}: {who} did not list the tables of {name} within {} min", LIST.as_secs() / 60));
        }
    }
}

/// Every tenant's schema on a server.
async fn read(server: &Mysql) -> Result<Found> {
    let stack = server.ours.stack().to_owned();
    let tenants: Option<Vec<(String, String, Option<i64>)>> = server.rows("mysql.Tenants", TENANTS, (stack,)).await.absent_ok()?;
    let schemas: Vec<(String,)> = server.rows("mysql.Schemas", SCHEMAS, ()).await?;
    let schemas: BTreeSet<String> = schemas.into_iter().map(|(name,)| name).collect();
    let schemas = &schemas;
    let each = tenants.into_iter().flatten().map(|(name, address, made)| async move {
        let tenant = address.trim_start_matches("tenant/").split('.').next().unwrap_or_default().to_owned();
        let schema = Schema { tenant: tenant.clone(), made, there: schemas.contains(&name), ..Schema::default() };
        let filled = patiently(LIST, async || fill(server, &name, schema.clone()).await, async || alive(server).await).await?;
        Ok::<_, Error>((name, tenant, filled))
    });
    let all: Vec<_> = futures::stream::iter(each).buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    let mut found = Found::default();
    for (name, tenant, schema) in all {
        match schema {
            Some(schema) => drop(found.schemas.insert(name, schema)),
            None => drop(found.silent.insert(name, tenant)),
        }
    }
    Ok(found)
}

/// What is in one schema.
async fn fill(server: &Mysql, name: &str, mut schema: Schema) -> Result<Schema> {
    let tables: Vec<(String, Option<i64>)> = server.rows("mysql.Tables", TABLES, (name.to_owned(),)).await?;
    schema.tables = tables.into_iter().collect();
    if schema.tables.contains_key(LOG) {
        schema.newest = newest(server, name).await?;
    }
    if schema.tables.contains_key(ENCOUNTER) {
        schema.encounter = encounter(server, name).await?;
    }
    Ok(schema)
}

/// Asks until there is an answer: each time the server has more of its pages. `None`: not within `patience`, though it is `alive`.
async fn patiently<T>(
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<T>,
    mut alive: impl AsyncFnMut() -> Result<()>,
) -> Result<Option<T>> {
    let end = Instant::now() + patience;
    loop {
        match ask().await {
            Err(error) if error.class == Class::Unreachable => alive().await?,
            answer => return answer.map(Some),
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn alive(server: &Mysql) -> Result<()> {
    server.rows::<(i64,)>("mysql.Alive", "SELECT 1", ()).await.map(|_| ())
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
    let each = schemas.iter().map(|(name, schema)| open(server, name, schema));
    let all: Vec<Seen> = futures::stream::iter(each).buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    for one in all {
        seen.wrong.extend(one.wrong);
        seen.unseen.extend(one.unseen);
    }
    Ok(())
}

/// Those of one schema.
async fn open(server: &Mysql, name: &str, schema: &Schema) -> Result<Seen> {
    let (end, mut seen, mut late) = (Instant::now() + OPEN, Seen::default(), 0);
    for table in schema.tables.keys() {
        let sql = format!("SELECT 1 FROM {}.{} LIMIT 1", quote::name(name), quote::name(table));
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            late += 1;
            continue;
        }
        let ask = async || server.rows::<(i64,)>("mysql.Open", &sql, ()).await;
        match patiently(left, ask, async || alive(server).await).await {
            Ok(Some(_)) => {}
            Ok(None) => late += 1,
            Err(error) if error.class == Class::Unreachable => return Err(error),
            Err(error) => seen.wrong.push(format!("{}: its table {table} cannot be read: {error}", schema.tenant)),
        }
    }
    if late > 0 {
        let (all, minutes) = (schema.tables.len(), OPEN.as_secs() / 60);
        seen.unseen.push(format!("{}: {late} of its {all} tables were not opened within {minutes} min", schema.tenant));
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence() -> Error {
        Error::new(Class::Unreachable, "mysql.Tables", "no answer within 30 s")
    }

    #[tokio::test]
    async fn one_who_is_slow_is_asked_again_and_not_taken_for_dead() {
        let patience = Duration::from_millis(1500);
        let mut asked = 0;
        let second = async || {
            asked += 1;
            if asked < 2 { Err(silence()) } else { Ok(asked) }
        };
        assert_eq!(patiently(patience, second, async || Ok(())).await.unwrap(), Some(2));
        let never = async || Err::<(), _>(silence());
        assert_eq!(patiently(patience, never, async || Ok(())).await.unwrap(), None);
        assert!(patiently(patience, never, async || Err(silence())).await.is_err(), "the server is dead");
        let refused = async || Err::<(), _>(Error::new(Class::Invalid, "mysql.Open", "corrupt"));
        assert_eq!(patiently(patience, refused, async || Ok(())).await.unwrap_err().message, "corrupt");
    }

    #[test]
    fn a_schema_that_was_not_listed_in_time_is_not_seen_and_nothing_is_wrong_with_it() {
        let schema =
            |tenant: &str| Schema { tenant: tenant.into(), there: true, tables: [("t".to_owned(), Some(1))].into(), ..Schema::default() };
        let all = |names: &[&str]| names.iter().map(|name| (format!("s-{name}"), schema(name))).collect::<BTreeMap<_, _>>();
        let mut expected = Found { schemas: all(&["a", "c"]), silent: [("s-b".into(), "b".into())].into() };
        let mut copied = Found { schemas: all(&["a", "b"]), silent: [("s-c".into(), "c".into())].into() };
        let mut seen = Seen::default();
        leave_out(&mut expected, &mut copied, &mut seen);
        compare(&expected.schemas, &copied.schemas, Timestamp::from_second(100).unwrap(), &mut seen);
        assert_eq!((seen.wrong.len(), seen.found[0].as_str()), (0, "1 tenants with 1 tables"));
        assert_eq!(seen.unseen[0], "c: the copy did not list the tables of s-c within 5 min");
        assert_eq!(seen.unseen[1], "b: the live server did not list the tables of s-b within 5 min");
    }
}
