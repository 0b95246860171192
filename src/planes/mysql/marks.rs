//! Whose the schemas and users of the server are: the table `reeve.marks`, one row for each of ours.
//!
//! The schema and the table are made by the first change; where they are missing, nothing is ours. A row is written just before its object is made, so
//! that an object whose making was interrupted is found again, and goes just after it. A row without its object means nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use mysql_async::params;

use super::Mysql;
use crate::model::Marks;
use crate::model::marks::key;
use crate::planes::error::{Absent, Class, Error, Result};

/// The schema of reeve's own.
pub const SCHEMA: &str = "reeve";

/// The noun of a row that stands while a schema is being restored: what a restore that was cut off leaves.
pub const RESTORING: &str = "restoring";

const MAKE: [&str; 2] = [
    "CREATE DATABASE IF NOT EXISTS `reeve` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "CREATE TABLE IF NOT EXISTS `reeve`.`marks` (\
     `kind` VARCHAR(16) NOT NULL, `id` VARCHAR(80) NOT NULL, `stack` VARCHAR(63) NOT NULL, `address` VARCHAR(200) NOT NULL, \
     `applied` VARCHAR(512) NOT NULL, `protect` VARCHAR(5) NOT NULL, `attempt` VARCHAR(64) NOT NULL, `retiring` VARCHAR(5) NOT NULL, \
     `note` TEXT NOT NULL, `made_at` TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (`kind`, `id`)) ENGINE = InnoDB",
];

const READ: &str = "SELECT `kind`, `id`, `stack`, `address`, `applied`, `protect`, `attempt`, `retiring`, `note`, CAST(`made_at` AS CHAR) FROM `reeve`.`marks`";

const WRITE: &str = "INSERT INTO `reeve`.`marks` (`kind`, `id`, `stack`, `address`, `applied`, `protect`, `attempt`, `retiring`, `note`) \
     VALUES (:kind, :id, :stack, :address, :applied, :protect, :attempt, :retiring, '') ON DUPLICATE KEY UPDATE \
     `stack` = VALUES(`stack`), `address` = VALUES(`address`), `applied` = VALUES(`applied`), `protect` = VALUES(`protect`), \
     `attempt` = VALUES(`attempt`), `retiring` = VALUES(`retiring`)";

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The owning stack.
    pub stack: String,
    /// What the kind cannot read back from the server, in a form of its own; never a secret.
    pub note: String,
    /// When it was made, as text that orders.
    pub made_at: String,
    tags: Vec<(&'static str, String)>,
}

impl Row {
    /// The marks as tags.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// The whole table, by noun and id.
#[derive(Debug, Clone, Default)]
pub struct Table(BTreeMap<(String, String), Row>);

impl Table {
    /// The row of that noun and id.
    #[must_use]
    pub fn get(&self, noun: &str, id: &str) -> Option<&Row> {
        self.0.get(&(noun.to_owned(), id.to_owned()))
    }

    /// All rows of that noun, with their ids.
    pub fn all<'t>(&'t self, noun: &'t str) -> impl Iterator<Item = (&'t str, &'t Row)> {
        self.0.iter().filter(move |((kind, _), _)| kind == noun).map(|((_, id), row)| (id.as_str(), row))
    }
}

type Columns = (String, String, String, String, String, String, String, String, String, String);

impl Mysql {
    /// The table of marks, read once in a pass.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn marks_table(&self) -> Result<Arc<Table>> {
        self.shared("mysql.Marks", || async {
            let rows: Vec<Columns> = self.rows("mysql.Marks", READ, ()).await.absent_ok()?.unwrap_or_default();
            Ok(Table(rows.into_iter().map(row).collect()))
        })
        .await
    }

    /// The row of that noun and id as it is now.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn marks_now(&self, noun: &str, id: &str) -> Result<Option<Row>> {
        let sql = format!("{READ} WHERE `kind` = :kind AND `id` = :id");
        let values = params! { "kind" => noun, "id" => id };
        let rows: Option<Vec<Columns>> = self.rows("mysql.MarksOf", &sql, values).await.absent_ok()?;
        Ok(rows.into_iter().flatten().map(|columns| row(columns).1).next())
    }

    /// Whether a creation under that id may go on. `there`: something of that name exists.
    ///
    /// `Ok(true)`: this very attempt made it already. `Ok(false)`: nothing is there.
    ///
    /// # Errors
    /// `AlreadyExists` when it is not this attempt's.
    pub async fn made_before(&self, noun: &str, id: &str, marks: &Marks, there: bool) -> Result<bool> {
        if !there {
            return Ok(false);
        }
        let row = self.marks_now(noun, id).await?;
        let same = |now: Marks| now.address == marks.address && now.attempt == marks.attempt && !now.retiring;
        if row.and_then(|row| self.ours.marks(row.pairs())).is_some_and(same) {
            return Ok(true);
        }
        Err(Error::new(Class::AlreadyExists, "mysql.Create", format!("a {noun} {id} is there already")))
    }

    /// That the object of that noun and id is ours, asked just before it is dropped.
    ///
    /// # Errors
    /// `Invalid` when it bears no mark of this stack.
    pub async fn must_be_ours(&self, noun: &str, id: &str) -> Result<()> {
        let row = self.marks_now(noun, id).await?;
        match row.and_then(|row| self.ours.marks(row.pairs())) {
            Some(_) => Ok(()),
            None => Err(Error::new(Class::Invalid, "mysql.Drop", format!("{noun} {id} bears no mark of ours, so it is not dropped"))),
        }
    }

    /// Writes the marks of the object of that noun and id.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn put_marks(&self, noun: &str, id: &str, marks: &Marks) -> Result<()> {
        self.prepared
            .get_or_try_init(|| async {
                for sql in MAKE {
                    self.change("mysql.CreateMarks", sql, ()).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        let tags = marks.to_tags();
        let tag = |name: &str| tags.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).unwrap_or_default();
        let values = params! {
            "kind" => noun, "id" => id, "stack" => tag(key::STACK), "address" => tag(key::ADDRESS), "applied" => tag(key::APPLIED),
            "protect" => tag(key::PROTECT), "attempt" => tag(key::ATTEMPT), "retiring" => tag(key::RETIRING),
        };
        self.change("mysql.PutMarks", WRITE, values).await
    }

    /// Writes what the kind cannot read back from the server.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn put_note(&self, noun: &str, id: &str, note: &str) -> Result<()> {
        let values = params! { "kind" => noun, "id" => id, "note" => note };
        self.change("mysql.PutNote", "UPDATE `reeve`.`marks` SET `note` = :note WHERE `kind` = :kind AND `id` = :id", values).await
    }

    /// Drops the marks of an object that is gone.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn drop_marks(&self, noun: &str, id: &str) -> Result<()> {
        let values = params! { "kind" => noun, "id" => id };
        let gone = self.change("mysql.DropMarks", "DELETE FROM `reeve`.`marks` WHERE `kind` = :kind AND `id` = :id", values).await;
        gone.absent_ok().map(|_| ())
    }
}

fn row((kind, id, stack, address, applied, protect, attempt, retiring, note, made_at): Columns) -> ((String, String), Row) {
    let tags = vec![
        (key::STACK, stack.clone()),
        (key::ADDRESS, address),
        (key::APPLIED, applied),
        (key::PROTECT, protect),
        (key::ATTEMPT, attempt),
        (key::RETIRING, retiring),
    ];
    ((kind, id), Row { stack, note, made_at, tags })
}
