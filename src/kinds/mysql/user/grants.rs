//! What users may do: read for all of them in one question, told as `all` and what goes beyond it, and set.

use std::collections::{BTreeMap, BTreeSet};

use crate::planes::Mysql;
use crate::planes::error::{Class, Result};
use crate::planes::mysql::quote;

/// Every right on the own schema.
pub(super) const ALL: &str = "all";

/// What `all` is: the rights on a schema that MariaDB and MySQL both have and that RDS lets its administrator grant.
const RIGHTS: [&str; 18] = [
    "ALTER",
    "ALTER ROUTINE",
    "CREATE",
    "CREATE ROUTINE",
    "CREATE TEMPORARY TABLES",
    "CREATE VIEW",
    "DELETE",
    "DROP",
    "EVENT",
    "EXECUTE",
    "INDEX",
    "INSERT",
    "LOCK TABLES",
    "REFERENCES",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "UPDATE",
];

/// What a grant is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Server,
    Schema,
    Table,
    Function,
    Procedure,
    Role,
    Proxy,
}

/// One grant, as the server lists it.
#[derive(Debug, Clone)]
struct Grant {
    on: On,
    /// The schema (as the grant's pattern), the role or the user.
    of: String,
    /// The table or routine, or the proxied user's host.
    item: String,
    rights: BTreeSet<String>,
    grantable: bool,
}

/// All grants, by account.
#[derive(Debug, Default)]
pub(super) struct Grants(BTreeMap<String, Vec<Grant>>);

const SQL: &str = "\
    SELECT GRANTEE, 'schema', TABLE_SCHEMA, '', GROUP_CONCAT(PRIVILEGE_TYPE), MAX(IS_GRANTABLE) FROM information_schema.SCHEMA_PRIVILEGES GROUP BY GRANTEE, TABLE_SCHEMA \
    UNION ALL SELECT GRANTEE, 'server', '', '', GROUP_CONCAT(PRIVILEGE_TYPE), MAX(IS_GRANTABLE) FROM information_schema.USER_PRIVILEGES GROUP BY GRANTEE \
    UNION ALL SELECT CONCAT('''', User, '''@''', Host, ''''), 'table', Db, Table_name, CONCAT_WS(',', Table_priv, Column_priv), IF(FIND_IN_SET('Grant', Table_priv), 'YES', 'NO') FROM mysql.tables_priv \
    UNION ALL SELECT CONCAT('''', User, '''@''', Host, ''''), LOWER(Routine_type), Db, Routine_name, Proc_priv, IF(FIND_IN_SET('Grant', Proc_priv), 'YES', 'NO') FROM mysql.procs_priv \
    UNION ALL SELECT CONCAT('''', User, '''@''', Host, ''''), 'proxy', Proxied_user, Proxied_host, '', 'NO' FROM mysql.proxies_priv \
    UNION ALL ";
const ROLES_OF_MARIADB: &str = "SELECT CONCAT('''', User, '''@''', Host, ''''), 'role', Role, '', '', 'NO' FROM mysql.roles_mapping";
const ROLES_OF_MYSQL: &str =
    "SELECT CONCAT('''', TO_USER, '''@''', TO_HOST, ''''), 'role', FROM_USER, FROM_HOST, '', 'NO' FROM mysql.role_edges";

/// Reads all grants of the server.
pub(super) async fn all(cx: &Mysql) -> Result<Grants> {
    let roles = if cx.is_mariadb().await? { ROLES_OF_MARIADB } else { ROLES_OF_MYSQL };
    type Columns = (String, String, String, String, Option<String>, String);
    let rows: Vec<Columns> = cx.rows("mysql.Grants", &format!("{SQL}{roles}"), ()).await?;
    let mut grants = Grants::default();
    for (account, on, of, item, rights, grantable) in rows {
        let on = match on.as_str() {
            "server" => On::Server,
            "schema" => On::Schema,
            "table" => On::Table,
            "function" => On::Function,
            "role" => On::Role,
            "proxy" => On::Proxy,
            _ => On::Procedure,
        };
        let rights = rights.unwrap_or_default();
        let rights: BTreeSet<String> = rights.split(',').filter(|one| !matches!(*one, "" | "USAGE" | "Grant")).map(str::to_owned).collect();
        let grantable = grantable == "YES";
        if !rights.is_empty() || grantable || matches!(on, On::Role | On::Proxy) {
            grants.0.entry(account).or_default().push(Grant { on, of, item, rights, grantable });
        }
    }
    Ok(grants)
}

impl Grants {
    /// Its own schema, and what it may do. `noted`: the schema that was its own when its rights were last set.
    pub fn of(&self, user: &str, noted: &str) -> (String, BTreeSet<String>) {
        let empty = Vec::new();
        let grants = self.0.get(&quote::account(user)).unwrap_or(&empty);
        let whole = || grants.iter().find(|grant| grant.on == On::Schema && grant.has_all()).map(|grant| quote::unescaped(&grant.of));
        let own = if noted.is_empty() { whole().unwrap_or_default() } else { noted.to_owned() };
        let rights = grants.iter().flat_map(|grant| grant.words(&own)).collect();
        (own, rights)
    }
}

impl Grant {
    fn has_all(&self) -> bool {
        RIGHTS.iter().all(|right| self.rights.contains(*right))
    }

    fn is_own(&self, own: &str) -> bool {
        self.on == On::Schema && quote::unescaped(&self.of) == own && !has_wildcard(&self.of)
    }

    /// Whether the rights on the own schema say it already: also what the server grants to whoever makes a routine.
    fn is_within(&self, own: &str) -> bool {
        matches!(self.on, On::Table | On::Function | On::Procedure) && self.of == own && !self.grantable
    }

    fn words(&self, own: &str) -> Vec<String> {
        if self.is_within(own) {
            return Vec::new();
        }
        if self.is_own(own) {
            let (all, known) = (self.has_all(), |right: &&String| RIGHTS.contains(&right.as_str()));
            let mut words: Vec<String> = self.rights.iter().filter(|right| !(all && known(right))).cloned().collect();
            words.extend(all.then(|| ALL.to_owned()));
            words.extend(self.grantable.then(|| "GRANT OPTION".to_owned()));
            return words;
        }
        let mut rights: Vec<&str> = self.rights.iter().map(String::as_str).collect();
        if self.on == On::Schema && self.has_all() {
            rights = vec![ALL];
        }
        if self.grantable {
            rights.push("GRANT OPTION");
        }
        let what = match self.on {
            On::Server => "*.*".to_owned(),
            On::Schema => format!("{}.*", self.of),
            On::Role => return vec![format!("role {}", self.of)],
            On::Proxy => return vec![format!("proxy of {}", self.of)],
            On::Table | On::Function | On::Procedure => format!("{}.{}", self.of, self.item),
        };
        vec![format!("{} on {what}", rights.join(", "))]
    }

    /// The statements that take away what goes beyond `own`. An administrator of RDS may not name rights that it lacks itself, `ALL` among
    /// them. `None`: that cannot be said of it alone.
    fn revoke(&self, account: &str, own: &str) -> Option<Vec<String>> {
        let on = match self.on {
            On::Server => "*.*".to_owned(),
            On::Schema => format!("{}.*", quote::name(&self.of)),
            On::Role if self.item.is_empty() => return Some(vec![format!("REVOKE {} FROM {account}", quote::text(&self.of))]),
            On::Role => return Some(vec![format!("REVOKE {}@{} FROM {account}", quote::text(&self.of), quote::text(&self.item))]),
            On::Proxy => {
                return Some(vec![format!("REVOKE PROXY ON {}@{} FROM {account}", quote::text(&self.of), quote::text(&self.item))]);
            }
            On::Table | On::Function | On::Procedure => return None,
        };
        let stays = |right: &&str| self.is_own(own) && RIGHTS.contains(right);
        let mut rights: Vec<&str> = self.rights.iter().map(String::as_str).filter(|right| !stays(right)).collect();
        if self.grantable {
            rights.push("GRANT OPTION");
        }
        Some(rights.into_iter().map(|right| format!("REVOKE {right} ON {on} FROM {account}")).collect())
    }
}

fn has_wildcard(pattern: &str) -> bool {
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '%' | '_' => return true,
            _ => {}
        }
    }
    false
}

/// Gives `user` every right on `schema` and takes all others away.
pub(super) async fn set(cx: &Mysql, user: &str, schema: &str) -> Result<()> {
    let (account, call) = (quote::account(user), "mysql.Revoke");
    let grant = format!("GRANT {} ON {}.* TO {account}", RIGHTS.join(", "), quote::pattern(schema));
    cx.change("mysql.Grant", &grant, ()).await?;
    let now = all(cx).await?;
    let mut whole = false;
    for one in now.0.get(&account).into_iter().flatten().filter(|grant| !grant.is_within(schema)) {
        let Some(statements) = one.revoke(&account, schema) else {
            whole = true;
            continue;
        };
        for sql in statements {
            match cx.change(call, &sql, ()).await {
                Err(error) if error.class == Class::Denied && matches!(one.on, On::Server | On::Schema) => whole = true,
                answer => answer?,
            }
        }
    }
    if whole {
        // Takes what cannot be named one by one, and its own for a moment.
        cx.change(call, &format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}"), ()).await?;
        cx.change("mysql.Grant", &grant, ()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(on: On, of: &str, rights: &[&str]) -> Grant {
        Grant { on, of: of.into(), item: "t".into(), rights: rights.iter().map(|one| (*one).to_owned()).collect(), grantable: false }
    }

    #[test]
    fn what_goes_beyond_the_own_schema_is_told() {
        let all = Grants(BTreeMap::from([(
            quote::account("u"),
            vec![
                grant(On::Schema, "own", &RIGHTS),
                grant(On::Table, "own", &["Select"]),
                grant(On::Table, "other", &["Select"]),
                grant(On::Schema, "own%", &["SELECT"]),
                grant(On::Server, "", &["PROCESS"]),
            ],
        )]));
        let (own, rights) = all.of("u", "own");
        assert_eq!(own, "own");
        let words: Vec<&str> = rights.iter().map(String::as_str).collect();
        assert_eq!(words, ["PROCESS on *.*", "SELECT on own%.*", "Select on other.t", "all"]);
        assert_eq!(all.of("u", "").0, "own");
        assert_eq!(all.of("nobody", "own").1, BTreeSet::new());
    }
}
