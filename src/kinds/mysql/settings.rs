//! The settings of the shared server that the tenants rely on: read and checked, never written.
//!
//! Page: <https://mariadb.com/kb/en/server-system-variables/>.
//! RDS forbids `SET GLOBAL`: the server's parameter group writes them (`aws.db_parameter_group`, the section `database.parameters`). A difference
//! stands in the plan, and applying it is refused with the name of that place. Does not read any other setting.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::yes;
use crate::kinds::aws::db_instance::DbInstance;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref};
use crate::planes::Mysql;
use crate::planes::error::{Class, Error, Result};

/// The server's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Nobody speaks to it without TLS. Default: true.
    #[serde(default = "yes")]
    pub require_secure_transport: bool,
    /// Clients can be made to send their files. Default: false.
    #[serde(default)]
    pub local_infile: bool,
    /// Whoever may make functions need not be an administrator for it: the tenants' migrations make some. Default: true.
    #[serde(default = "yes")]
    pub log_bin_trust_function_creators: bool,
    /// The character set where nobody says one. Default: utf8mb4.
    #[serde(default = "charset")]
    pub character_set_server: String,
    /// The collation where nobody says one. Default: `utf8mb4_unicode_ci`.
    #[serde(default = "collation")]
    pub collation_server: String,
    /// Connections that it takes at least. Default: 100.
    #[serde(default = "connections")]
    pub max_connections: u64,
    /// Bytes of the largest statement or row, at least. Default: 67108864 (64 MiB).
    #[serde(default = "packet")]
    pub max_allowed_packet: u64,
    /// The server that has to be there first. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-order" = true, "x-need" = "ready"))]
    pub server: Option<Ref<DbInstance>>,
}

fn charset() -> String {
    "utf8mb4".to_owned()
}

fn collation() -> String {
    "utf8mb4_unicode_ci".to_owned()
}

fn connections() -> u64 {
    100
}

fn packet() -> u64 {
    64 << 20
}

impl Named for Settings {
    const NAME: &'static str = "mysql.settings";
}

impl Kind for Settings {
    type Plane = Mysql;
    const PAGE: &'static str = "https://mariadb.com/kb/en/server-system-variables/";
    const TAGS: Tags = Tags::None;
    const SINGLETON: bool = true;
    const AT_ONCE: bool = true;

    /// More than what is needed is as good.
    fn restate(have: &mut Self, want: &Self) {
        if have.max_connections >= want.max_connections {
            have.max_connections = want.max_connections;
        }
        if have.max_allowed_packet >= want.max_allowed_packet {
            have.max_allowed_packet = want.max_allowed_packet;
        }
    }

    async fn fetch(cx: &Mysql) -> Result<Vec<Live<Self>>> {
        let (id, shape, marks) = ("server".to_owned(), read(cx).await?, Marks::default());
        Ok(vec![Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() }])
    }

    async fn create(cx: &Mysql, new: &New<Self>) -> Result<Made> {
        let mut have = read(cx).await?;
        Self::restate(&mut have, &new.want);
        refuse(&have, &new.want)?;
        Ok(Made { id: "server".to_owned(), attributes: Attributes::new() })
    }

    async fn update(_: &Mysql, change: &Change<Self>) -> Result<()> {
        refuse(&change.have, &change.want)
    }

    async fn delete(_: &Mysql, _: &Gone<Self>) -> Result<()> {
        Ok(())
    }

    async fn ready(_: &Mysql, _: &str) -> Result<Ready> {
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(_: &Mysql, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

const CALL: &str = "mysql.Settings";

async fn read(cx: &Mysql) -> Result<Settings> {
    let sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('require_secure_transport', 'local_infile', 'log_bin_trust_function_creators', \
               'character_set_server', 'collation_server', 'max_connections', 'max_allowed_packet')";
    let rows: Vec<(String, String)> = cx.rows(CALL, sql, ()).await?;
    let values: BTreeMap<String, String> = rows.into_iter().collect();
    let value = |name: &str| values.get(name).cloned().ok_or_else(|| Error::incomplete(CALL, name));
    let number = |name: &str| value(name)?.parse().map_err(|_| Error::incomplete(CALL, name));
    // Absent where nothing is logged in binary form: then nobody has to be trusted.
    let trusts = values.get("log_bin_trust_function_creators").is_none_or(|value| is_on(value));
    Ok(Settings {
        require_secure_transport: is_on(&value("require_secure_transport")?),
        local_infile: is_on(&value("local_infile")?),
        log_bin_trust_function_creators: trusts,
        character_set_server: value("character_set_server")?,
        collation_server: value("collation_server")?,
        max_connections: number("max_connections")?,
        max_allowed_packet: number("max_allowed_packet")?,
        server: None,
    })
}

fn is_on(value: &str) -> bool {
    value.eq_ignore_ascii_case("on") || value == "1"
}

/// What differs cannot be changed from here.
fn refuse(have: &Settings, want: &Settings) -> Result<()> {
    let fields = |settings: &Settings| serde_json::to_value(settings).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let (have, want) = (fields(have), fields(want));
    let setting = |value: &Value| match value {
        Value::Bool(on) => i32::from(*on).to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let differ = want.iter().filter(|(name, value)| *name != "server" && have.get(*name) != Some(value));
    let differ: Vec<String> = differ.map(|(name, value)| format!("{name} has to be {}", setting(value))).collect();
    if differ.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{}: RDS takes no SET GLOBAL, so that the parameter group has to say it (spec.database.parameters); on a server of your own, its configuration",
        differ.join(", ")
    );
    Err(Error::new(Class::Invalid, CALL, message))
}
