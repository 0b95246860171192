//! A schema (what MySQL also calls a database): one tenant's tables, on the shared server or on one of its own.
//!
//! Page: <https://mariadb.com/kb/en/create-database/>.
//! Its name is made from the stack and the address, and it bears its mark in `reeve.marks`. Does not touch what is in it: tables, views,
//! routines, and the character sets of tables that are there already.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::makers;
use crate::kinds::aws::db_instance::DbInstance;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::runbook::TENANT_DATA;
use crate::model::{Marks, Ref};
use crate::planes::Mysql;
use crate::planes::error::{Absent, Class, Error, Result};
use crate::planes::mysql::{marks, quote};

/// What its rows in `reeve.marks` are called.
const NOUN: &str = "schema";

/// Schemas of the server itself, and reeve's own.
const SYSTEM: [&str; 7] = ["information_schema", "innodb", "mysql", "performance_schema", "sys", "tmp", marks::SCHEMA];

/// A schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The character set of new tables. Default: utf8mb4.
    #[serde(default = "charset")]
    pub charset: String,
    /// How new tables compare and order texts; it is one of the character set's. Default: `utf8mb4_unicode_ci`.
    #[serde(default = "collation")]
    pub collation: String,
    /// The server that has to be there first; with `dedicated`, the one that it is on. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-order" = true, "x-need" = "ready"))]
    pub server: Option<Ref<DbInstance>>,
    /// It is on `server`, which its tenant has for itself. Another place is another schema: what is in it does not move by itself. Default: false,
    /// on the server that the tenants share.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-replace" = true))]
    pub dedicated: bool,
}

fn charset() -> String {
    "utf8mb4".to_owned()
}

fn collation() -> String {
    "utf8mb4_unicode_ci".to_owned()
}

impl Named for Schema {
    const NAME: &'static str = "mysql.schema";
}

impl Kind for Schema {
    type Plane = Mysql;
    const PAGE: &'static str = "https://mariadb.com/kb/en/create-database/";
    const TAGS: Tags = Tags::Table(NOUN);
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    const NAME_LIMIT: usize = 64;
    const STATEFUL: bool = true;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let mut wrong = Vec::new();
        if !is_word(&self.charset) {
            wrong.push(("charset".into(), "is the name of a character set, such as utf8mb4".into()));
        }
        if !is_word(&self.collation) || !self.collation.starts_with(&self.charset) {
            wrong.push(("collation".into(), format!("is a collation of {}, such as {}_unicode_ci", self.charset, self.charset)));
        }
        if self.dedicated && self.server.is_none() {
            wrong.push(("server".into(), "name the aws.db_instance that its tenant has for itself".into()));
        }
        wrong
    }

    async fn fetch(cx: &Mysql) -> Result<Vec<Live<Self>>> {
        cx.everywhere(|server| async move { on(&server).await }).await
    }

    async fn create(cx: &Mysql, new: &New<Self>) -> Result<Made> {
        let name = new.name(Self::NAME_LIMIT);
        let cx = match &new.want.server {
            Some(server) if new.want.dedicated => &cx.of_instance(server.id()).await?,
            _ => cx,
        };
        let made = Made { attributes: known(&name), id: cx.id(&name) };
        if cx.made_before(NOUN, &name, &new.marks, is_there(cx, &name).await?).await? {
            return Ok(made);
        }
        cx.put_marks(NOUN, &name, &new.marks).await?;
        let sql = format!("CREATE DATABASE {} {}", quote::name(&name), form(&new.want));
        match cx.change("mysql.CreateSchema", &sql, ()).await {
            Ok(()) => Ok(made),
            Err(error) => {
                // Somebody was quicker: what is there now is not ours.
                if !matches!(error.class, Class::Ambiguous | Class::LeaseLost) {
                    cx.drop_marks(NOUN, &name).await?;
                }
                Err(error)
            }
        }
    }

    async fn update(cx: &Mysql, change: &Change<Self>) -> Result<()> {
        if change.touches(&["charset", "collation"]) {
            let (cx, name) = cx.at(&change.id).await?;
            let sql = format!("ALTER DATABASE {} {}", quote::name(name), form(&change.want));
            cx.change("mysql.AlterSchema", &sql, ()).await?;
        }
        Ok(())
    }

    async fn delete(cx: &Mysql, gone: &Gone<Self>) -> Result<()> {
        let Some((cx, name)) = &cx.at(&gone.id).await.absent_ok()? else { return Ok(()) };
        if is_there(cx, name).await? {
            cx.must_be_ours(NOUN, name).await?;
            cx.change("mysql.DropSchema", &format!("DROP DATABASE IF EXISTS {}", quote::name(name)), ()).await?;
        }
        makers::drop_those_of(cx, name).await?;
        cx.drop_marks(marks::RESTORING, name).await?;
        cx.drop_marks(NOUN, name).await
    }

    async fn ready(cx: &Mysql, id: &str) -> Result<Ready> {
        let (cx, name) = &cx.at(id).await?;
        if is_there(cx, name).await? { Ok(Ready::Yes(known(name))) } else { Err(Error::not_found("mysql.Schemata", id)) }
    }

    async fn mark(cx: &Mysql, id: &str, marks: &Marks) -> Result<()> {
        let (cx, name) = cx.at(id).await?;
        cx.put_marks(NOUN, name, marks).await
    }
}

/// Every schema of one server.
async fn on(cx: &Mysql) -> Result<Vec<Live<Schema>>> {
    let (table, schemata) = futures::try_join!(cx.marks_table(), all(cx))?;
    let ours = schemata.into_iter().filter(|(name, ..)| !SYSTEM.contains(&name.as_str())).filter_map(|(name, charset, collation)| {
        let (row, id) = (table.get(NOUN, &name), cx.id(&name));
        let pairs: Vec<(&str, &str)> = row.map(|row| row.pairs().collect()).unwrap_or_default();
        let marks = cx.ours.marks_or_stranger(Schema::NAME, (&name, &id), pairs)?;
        if let Some(address) = marks.address.as_ref().filter(|_| table.get(marks::RESTORING, &name).is_some()) {
            cx.ours.note(format!("{address} holds a part of its data: a restore was cut off, or goes on; see {TENANT_DATA}"));
        }
        let made_at = row.map(|row| row.made_at.clone()).unwrap_or_default();
        let shape = Schema { charset, collation, server: None, dedicated: cx.is_own() };
        Some(Live { attributes: known(&name), id, shape, marks, made_at })
    });
    Ok(ours.collect())
}

/// Name, character set and collation of every schema.
async fn all(cx: &Mysql) -> Result<Vec<(String, String, String)>> {
    let sql = "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA";
    cx.rows("mysql.Schemata", sql, ()).await
}

async fn is_there(cx: &Mysql, name: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?";
    let found: Vec<(u64,)> = cx.rows("mysql.Schemata", sql, (name,)).await?;
    Ok(found.first().is_some_and(|(count,)| *count > 0))
}

fn form(want: &Schema) -> String {
    format!("CHARACTER SET {} COLLATE {}", want.charset, want.collation)
}

fn known(name: &str) -> Attributes {
    attributes([("name", name)])
}
