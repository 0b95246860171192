//! Users that were replaced and are still named by what they made.
//!
//! A view, trigger, routine or event runs with the rights of whoever made it; without that account it fails (error 1449), and only an
//! administrator with more rights than RDS gives may name another. So such a user is locked and stays: nobody can log in with it, and what it made
//! goes on. Its row in `reeve.marks` bears the noun `maker`; it goes with its schema.

use mysql_async::params;

use crate::model::Marks;
use crate::planes::Mysql;
use crate::planes::error::Result;
use crate::planes::mysql::marks::Table;
use crate::planes::mysql::quote;

/// What its rows in `reeve.marks` are called.
const NOUN: &str = "maker";

/// Whether the account of that name is one of ours.
pub(super) fn is_one(cx: &Mysql, table: &Table, name: &str) -> bool {
    table.get(NOUN, name).is_some_and(|row| cx.ours.marks(row.pairs()).is_some())
}

/// Whether anything in `schema` names the user as its maker. (Without a schema's name the server would look into every one.)
pub(super) async fn made_something(cx: &Mysql, user: &str, schema: &str) -> Result<bool> {
    let sql = "SELECT (SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = :at AND DEFINER = :who) \
               + (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = :at AND DEFINER = :who) \
               + (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = :at AND DEFINER = :who) \
               + (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = :at AND DEFINER = :who)";
    let found: Vec<(u64,)> = cx.rows("mysql.Makers", sql, params! { "at" => schema, "who" => format!("{user}@%") }).await?;
    Ok(found.first().is_some_and(|(count,)| *count > 0))
}

/// Keeps a user, locked already, as the maker of what is in `schema`; its marks as `noun` go.
pub(super) async fn keep(cx: &Mysql, noun: &str, user: &str, schema: &str) -> Result<()> {
    let row = cx.marks_now(noun, user).await?;
    let marks: Option<Marks> = row.and_then(|row| cx.ours.marks(row.pairs()));
    cx.put_marks(NOUN, user, &marks.unwrap_or_default()).await?;
    cx.put_note(NOUN, user, schema).await?;
    cx.drop_marks(noun, user).await
}

/// The same as [`is_one`], asked now.
pub(super) async fn is_one_now(cx: &Mysql, name: &str) -> Result<bool> {
    Ok(cx.marks_now(NOUN, name).await?.and_then(|row| cx.ours.marks(row.pairs())).is_some())
}

/// Drops a maker whose name a new user is to have: what it made is that one's then.
pub(super) async fn make_room(cx: &Mysql, name: &str) -> Result<()> {
    if is_one_now(cx, name).await? { drop_one(cx, name).await } else { Ok(()) }
}

/// Drops the makers of what was in a schema.
pub(super) async fn drop_those_of(cx: &Mysql, schema: &str) -> Result<()> {
    let table = cx.fresh().marks_table().await?;
    let of_it = table.all(NOUN).filter(|(_, row)| row.note == schema && cx.ours.marks(row.pairs()).is_some());
    for (name, _) in of_it {
        drop_one(cx, name).await?;
    }
    Ok(())
}

async fn drop_one(cx: &Mysql, name: &str) -> Result<()> {
    cx.change("mysql.DropUser", &format!("DROP USER IF EXISTS {}", quote::account(name)), ()).await?;
    cx.drop_marks(NOUN, name).await
}
