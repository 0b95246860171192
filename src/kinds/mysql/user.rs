//! A tenant's user of the server that its schema is on: every right on its own schema, none elsewhere, TLS required, limits on what it may take.
//!
//! Page: <https://mariadb.com/kb/en/create-user/>.
//! Its password is the value of an SSM parameter: read when the user is made, handed to the server (MariaDB gets only its hash) and dropped. Another
//! value has another `fingerprint`, which means another user beside this one: its application moves over, then this one goes. What the
//! server does not tell (the fingerprint, which schema is its own) stands in its row of `reeve.marks`. A password changed by hand is seen on MariaDB, whose
//! hashes have no salt; MySQL does not show it. One that made views or routines is not dropped but locked, until its schema goes (`makers.rs`). Does not touch accounts of the same name that come from other hosts.

mod grants;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::makers;
use super::schema::Schema;
use super::yes;
use crate::kinds::aws::parameter::Parameter;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::field::Text;
use crate::model::marks::short;
use crate::model::runbook::TENANT_DATA;
use crate::model::{Marks, Ref, Secret};
use crate::planes::Mysql;
use crate::planes::error::{Absent, Class, Error, Result};
use crate::planes::mysql::quote;
use crate::planes::mysql::servers::name_of;
use grants::{ALL, Grants};

/// What its rows in `reeve.marks` are called.
const NOUN: &str = "user";

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its own schema, on whose server it is.
    pub schema: Ref<Schema>,
    /// Its schema is on a server that its tenant has for itself. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-replace" = true))]
    pub dedicated: bool,
    /// The parameter that holds its password; it has to be named. It is read when the user is made, and is no state of the user: `fingerprint`
    /// is. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-order" = true))]
    pub password: Option<Ref<Parameter>>,
    /// The fingerprint of its password: `${ref("...").fingerprint}` of that parameter.
    #[schemars(extend("x-replace" = true))]
    pub fingerprint: Text,
    /// Connections that it may have at a time; 0: as many as the server has. Default: 60.
    #[serde(default = "sixty")]
    pub max_user_connections: u32,
    /// Statements that it may send in an hour; 0: any number. Default: 0.
    #[serde(default)]
    pub max_queries_per_hour: u32,
    /// Statements that change something that it may send in an hour; 0: any number. Default: 0.
    #[serde(default)]
    pub max_updates_per_hour: u32,
    /// Connections that it may open in an hour; 0: any number. Default: 0.
    #[serde(default)]
    pub max_connections_per_hour: u32,
    /// It may not come without TLS; nothing else can be wished. Default: true.
    #[serde(default = "yes")]
    pub require_ssl: bool,
    /// Nobody can log in with it. Default: false.
    #[serde(default)]
    pub account_locked: bool,
    /// What it may do: `all` on its own schema; nothing else can be wished, and whatever else it can do is drift. Default: all.
    #[serde(default = "own")]
    pub rights: BTreeSet<String>,
}

fn sixty() -> u32 {
    60
}

fn own() -> BTreeSet<String> {
    BTreeSet::from([ALL.to_owned()])
}

/// What the server does not tell of it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    fingerprint: String,
    schema: String,
    /// A hash of the password's hash, where that is known before the server makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
}

impl Named for User {
    const NAME: &'static str = "mysql.user";
}

impl Kind for User {
    type Plane = Mysql;
    const PAGE: &'static str = "https://mariadb.com/kb/en/create-user/";
    const TAGS: Tags = Tags::Table(NOUN);
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    const NAME_LIMIT: usize = 32;
    const MANY_CALLS: bool = true;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.password.is_none() {
            wrong.push(("password".into(), "name the aws.parameter that holds it".into()));
        }
        if !self.require_ssl {
            wrong.push(("require_ssl".into(), "health data goes over TLS only: leave it out".into()));
        }
        if self.rights != own() {
            wrong.push(("rights".into(), "a tenant has every right on its own schema and none elsewhere: leave it out".into()));
        }
        wrong
    }

    async fn fetch(cx: &Mysql) -> Result<Vec<Live<Self>>> {
        cx.everywhere(|server| async move { on(&server).await }).await
    }

    async fn create(cx: &Mysql, new: &New<Self>) -> Result<Made> {
        let (name, want) = (new.name(Self::NAME_LIMIT), &new.want);
        let (cx, schema) = &cx.at(want.schema.id()).await?;
        if cx.is_own() != want.dedicated {
            let message = format!("its schema, {}, is still on the other server: see {TENANT_DATA}", want.schema.id());
            return Err(Error::new(Class::Early, "mysql.CreateUser", message));
        }
        let made = Made { attributes: known(&name), id: cx.id(&name) };
        makers::make_room(cx, &name).await?;
        if cx.made_before(NOUN, &name, &new.marks, is_there(cx, &name).await?).await? {
            return Ok(made);
        }
        let password = password(cx, want).await?;
        let hash = cx.is_mariadb().await?.then(|| native(&password));
        let login = hash.as_ref().map(|hash| digest(hash.expose()));
        let note = Note { fingerprint: want.fingerprint.0.clone(), schema: (*schema).to_owned(), login };
        cx.put_marks(NOUN, &name, &new.marks).await?;
        cx.put_note(NOUN, &name, &written(&note)).await?;
        let identified = match &hash {
            Some(hash) => format!("IDENTIFIED VIA mysql_native_password USING {}", quote::text(hash.expose())),
            None => format!("IDENTIFIED BY {}", quote::text(password.expose())),
        };
        let sql = Secret::new(format!("CREATE USER {} {identified} {}", quote::account(&name), options(want)));
        match cx.change_with_secret("mysql.CreateUser", sql.expose()).await {
            Ok(()) => Ok(made),
            // Somebody was quicker: what is there now is not ours.
            Err(error) => {
                let error = if error.code == "1396" { Error { class: Class::AlreadyExists, ..error } } else { error };
                if !matches!(error.class, Class::Ambiguous | Class::LeaseLost) {
                    cx.drop_marks(NOUN, &name).await?;
                }
                Err(error)
            }
        }
    }

    async fn update(cx: &Mysql, change: &Change<Self>) -> Result<()> {
        let (cx, name) = &cx.at(&change.id).await?;
        let limits = ["max_user_connections", "max_queries_per_hour", "max_updates_per_hour", "max_connections_per_hour"];
        if change.touches(&limits) || change.touches(&["require_ssl", "account_locked"]) {
            let sql = format!("ALTER USER {} {}", quote::account(name), options(&change.want));
            cx.change("mysql.AlterUser", &sql, ()).await?;
        }
        if change.touches(&["schema", "rights"]) {
            let schema = name_of(change.want.schema.id());
            let row = cx.marks_now(NOUN, name).await?;
            let note: Note = row.and_then(|row| serde_json::from_str(&row.note).ok()).unwrap_or_default();
            if note.schema != schema {
                cx.put_note(NOUN, name, &written(&Note { schema: schema.to_owned(), ..note })).await?;
            }
            grants::set(cx, name, schema).await?;
        }
        Ok(())
    }

    async fn delete(cx: &Mysql, gone: &Gone<Self>) -> Result<()> {
        let Some((cx, name)) = &cx.at(&gone.id).await.absent_ok()? else { return Ok(()) };
        let schema = name_of(gone.have.schema.id());
        let account = quote::account(name);
        if is_there(cx, name).await? && !makers::is_one_now(cx, name).await? {
            cx.must_be_ours(NOUN, name).await?;
            cx.change("mysql.AlterUser", &format!("ALTER USER IF EXISTS {account} ACCOUNT LOCK"), ()).await?;
            cx.disconnect(name).await?;
            if makers::made_something(cx, name, schema).await? {
                return makers::keep(cx, NOUN, name, schema).await;
            }
            cx.change("mysql.DropUser", &format!("DROP USER IF EXISTS {account}"), ()).await?;
        }
        cx.drop_marks(NOUN, name).await
    }

    async fn ready(cx: &Mysql, id: &str) -> Result<Ready> {
        let (cx, name) = &cx.at(id).await?;
        let is_user = is_there(cx, name).await? && !makers::is_one_now(cx, name).await?;
        if is_user { Ok(Ready::Yes(known(name))) } else { Err(Error::not_found("mysql.Users", id)) }
    }

    async fn mark(cx: &Mysql, id: &str, marks: &Marks) -> Result<()> {
        if id.contains('@') {
            return Err(Error::new(Class::Invalid, "mysql.Mark", format!("{id} comes from one host only; ours come from every host")));
        }
        let (cx, name) = cx.at(id).await?;
        cx.put_marks(NOUN, name, marks).await
    }
}

/// Every user of one server.
async fn on(cx: &Mysql) -> Result<Vec<Live<User>>> {
    let (table, accounts, grants) = futures::try_join!(cx.marks_table(), accounts(cx), grants::all(cx))?;
    let mut ours = Vec::new();
    for one in accounts {
        let row = table.get(NOUN, &one.name).filter(|_| one.host == "%");
        let name = if one.host == "%" { one.name.clone() } else { format!("{}@{}", one.name, one.host) };
        if row.is_none() && one.host == "%" && makers::is_one(cx, &table, &one.name) {
            continue;
        }
        let id = cx.id(&name);
        let pairs: Vec<(&str, &str)> = row.map(|row| row.pairs().collect()).unwrap_or_default();
        let Some(marks) = cx.ours.marks_or_stranger(User::NAME, (&one.name, &id), pairs) else { continue };
        let note: Note = row.and_then(|row| serde_json::from_str(&row.note).ok()).unwrap_or_default();
        let made_at = row.map(|row| row.made_at.clone()).unwrap_or_default();
        ours.push(Live { attributes: known(&name), id, shape: one.shape(cx, &note, &grants), marks, made_at });
    }
    Ok(ours)
}

/// An account as the server lists it.
struct Account {
    name: String,
    host: String,
    tls: String,
    login: String,
    locked: bool,
    limits: [u32; 4],
}

impl Account {
    fn shape(&self, cx: &Mysql, note: &Note, grants: &Grants) -> User {
        let [queries, updates, connections, at_a_time] = self.limits;
        // Another password than the one it was made with: nobody knows which.
        let changed = note.login.as_ref().is_some_and(|login| *login != digest(&self.login));
        let (schema, rights) = grants.of(&self.name, &note.schema);
        User {
            schema: Ref::to(cx.id(&schema)),
            dedicated: cx.is_own(),
            password: None,
            fingerprint: if changed { "changed by hand".into() } else { note.fingerprint.clone().into() },
            max_user_connections: at_a_time,
            max_queries_per_hour: queries,
            max_updates_per_hour: updates,
            max_connections_per_hour: connections,
            require_ssl: self.tls == "ANY",
            account_locked: self.locked,
            rights,
        }
    }
}

/// Every account of the server.
async fn accounts(cx: &Mysql) -> Result<Vec<Account>> {
    let limits = "u.max_questions, u.max_updates, u.max_connections, u.max_user_connections";
    let (locked, from) = match cx.is_mariadb().await? {
        // The listing that MySQL also has does not show it there.
        true => (
            "COALESCE(JSON_VALUE(g.Priv, '$.account_locked'), 'false')",
            "mysql.user u LEFT JOIN mysql.global_priv g ON g.User = u.User AND g.Host = u.Host",
        ),
        false => ("u.account_locked", "mysql.user u"),
    };
    let sql = format!("SELECT u.User, u.Host, u.ssl_type, COALESCE(u.authentication_string, ''), {locked}, {limits} FROM {from}");
    type Columns = (String, String, String, String, String, i64, i64, i64, i64);
    let rows: Vec<Columns> = cx.rows("mysql.Users", &sql, ()).await?;
    let limit = |number: i64| u32::try_from(number).unwrap_or_default();
    let account = |(name, host, tls, login, locked, a, b, c, d): Columns| {
        let locked = matches!(locked.as_str(), "Y" | "1" | "true");
        Account { name, host, tls, login, locked, limits: [limit(a), limit(b), limit(c), limit(d)] }
    };
    Ok(rows.into_iter().map(account).collect())
}

async fn is_there(cx: &Mysql, name: &str) -> Result<bool> {
    let found: Vec<(u64,)> = cx.rows("mysql.Users", "SELECT COUNT(*) FROM mysql.user WHERE User = ?", (name,)).await?;
    Ok(found.first().is_some_and(|(count,)| *count > 0))
}

/// The password that the wish's fingerprint is of.
async fn password(cx: &Mysql, want: &User) -> Result<Secret> {
    let call = "mysql.CreateUser";
    let parameter = want.password.as_ref().ok_or_else(|| Error::new(Class::Invalid, call, "no parameter holds its password"))?;
    let secret = cx.vault.parameter(parameter.id()).await?;
    if secret.fingerprint() != want.fingerprint.0 {
        return Err(Error::new(Class::Early, call, format!("{} has another value than the plan saw", parameter.id())));
    }
    Ok(secret)
}

/// What a user is made with and altered to.
fn options(want: &User) -> String {
    format!(
        "REQUIRE {} WITH MAX_QUERIES_PER_HOUR {} MAX_UPDATES_PER_HOUR {} MAX_CONNECTIONS_PER_HOUR {} MAX_USER_CONNECTIONS {} ACCOUNT {}",
        if want.require_ssl { "SSL" } else { "NONE" },
        want.max_queries_per_hour,
        want.max_updates_per_hour,
        want.max_connections_per_hour,
        want.max_user_connections,
        if want.account_locked { "LOCK" } else { "UNLOCK" }
    )
}

/// A password as `mysql_native_password` stores it: <https://mariadb.com/kb/en/connection/#mysql_native_password-plugin>.
fn native(password: &Secret) -> Secret {
    let twice = Sha1::digest(Sha1::digest(password.expose().as_bytes()));
    Secret::new(format!("*{}", twice.iter().map(|byte| format!("{byte:02X}")).collect::<String>()))
}

/// A short hash of what the server stores.
fn digest(login: &str) -> String {
    short(format!("reeve-login|{login}").as_bytes(), 10)
}

fn written(note: &Note) -> String {
    serde_json::to_string(note).unwrap_or_default()
}

fn known(name: &str) -> Attributes {
    attributes([("name", name)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hashed_as_the_server_does() {
        // SELECT PASSWORD('password')
        assert_eq!(native(&Secret::new("password".into())).expose(), "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
    }
}
