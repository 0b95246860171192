//! `reeve tenant purge`

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::One;
use crate::cli::apply::drop_all_of;
use crate::cli::stack::{connect, load};
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, Failure, code};
use crate::desired::Tenant;
use crate::desired::tenant::State;
use crate::session::Session;
use crate::tenant::newest::{Newest, newest};
use crate::tenant::place::Place;
use crate::tenant::restore::{holds_files, holds_tables};

/// Drop an archived tenant for ever: user, schema, folder, secret. Wants its retention over, and its last backup newer than its last write and restored once.
#[derive(Debug, Args)]
pub struct Purge {
    #[command(flatten)]
    pub(in crate::cli) one: One,
    /// The tenant's name once more, where there is no terminal to type it.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl Purge {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.one.dir.dir)?;
        let tenant = self.one.find(&loaded)?;
        let name = tenant.name.clone();
        may_go(tenant, TimeZone::UTC.to_datetime(Timestamp::now()).date())?;
        let session = connect(&loaded, terminal).await?;
        for (plane, why) in session.planes().closed() {
            if matches!(plane, "mysql" | "files" | "docker") {
                return Err(Failure::new(code::ERROR, format!("{plane} is not observed, so not all of {name} would go: {why}")));
            }
        }
        let place = Place::find(session.planes(), &name).await?;
        place.must_be_still(session.planes()).await?;
        let backup = drilled(&session, &name, &place).await?;
        let rows = match place.schema_name() {
            Some(schema) => {
                let sql = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?";
                let mysql = place.server(session.planes()).await?;
                let tables: Vec<(u64,)> = mysql.rows("mysql.Tables", sql, (schema,)).await?;
                tables.first().map_or(0, |(count,)| *count)
            }
            None => 0,
        };
        terminal.say(&format!("{name}: {rows} tables, its files, user and secret go for ever; its last backup is {backup}"));
        let typed = match self.confirm {
            Some(typed) => typed,
            None => terminal.typed("Type the name of the tenant to purge it:").await.unwrap_or_default(),
        };
        if typed != name {
            let failure = Failure::new(code::REFUSED, format!("{typed:?} is not {name:?}: nothing was touched"));
            return Err(failure.advice(format!("--confirm {name} says it where there is no terminal")));
        }
        let code = drop_all_of(self.one.dir.dir, &format!("tenant/{name}"), terminal).await?;
        if code == code::DONE {
            terminal.say(&format!("{name} is purged: remove its document from the YAML, or the next apply makes it anew, empty"));
            terminal.say("its archives hold its data too, and so do snapshots and backups of a server of its own: delete them when their own time is over");
        }
        Ok(code)
    }
}

/// Whether its YAML lets it go.
fn may_go(tenant: &Tenant, today: Date) -> Result<(), Failure> {
    let refused = |why: String, advice: &str| Err(Failure::new(code::REFUSED, why).advice(advice));
    if tenant.spec.state != State::Archived {
        let word = format!("{:?}", tenant.spec.state).to_lowercase();
        return refused(
            format!("{} is {word}", tenant.name),
            "write `state: archived` and apply: a tenant is archived before it is purged",
        );
    }
    let Some(until) = &tenant.spec.retain_until else {
        return refused(
            format!("nobody has said how long the data of {} has to be kept", tenant.name),
            "write `retain_until: YEAR-MONTH-DAY` into its document, as the law of its country wants",
        );
    };
    match until.parse::<Date>() {
        Ok(until) if until < today => Ok(()),
        Ok(until) => refused(format!("the data of {} has to be kept until {until}", tenant.name), "it can be purged on the day after"),
        Err(error) => Err(Failure::usage(format!("retain_until of {}: {error}", tenant.name))),
    }
}

/// The last backup, which was restored once, is younger than the last write, and holds what there is.
async fn drilled(session: &Session, name: &str, place: &Place) -> Result<String, Failure> {
    let record = session.record();
    let refused = |why: String, advice: String| Err(Failure::new(code::REFUSED, why).advice(advice));
    let again = format!("`reeve tenant backup DIR {name}`, then restore that once into another tenant");
    let Some(backup) = record.last_backup(name).await? else {
        return refused(format!("{name} was never backed up"), again);
    };
    let archive = &backup.archive;
    match newest(session.planes(), place).await? {
        // The backup's view of the data is of a moment after `at`; what was written in the same second may be before or after it.
        Newest::At(time) if time.as_second() >= backup.at.as_second() => {
            return refused(format!("{name} wrote at {time}, after its last backup, {archive} of {}", backup.at), again);
        }
        Newest::Open => {
            return refused(
                format!("the last run of {name} has no end in its log, so nobody knows when it wrote last"),
                format!("let it run once more and end (`state: active`, then `archived`); {again}"),
            );
        }
        Newest::At(_) | Newest::Never => {}
    }
    let drills = record.drills(name).await?;
    let Some(drill) = drills.iter().find(|drill| drill.sha256 == backup.sha256) else {
        return refused(
            format!("the last backup of {name}, {archive}, was never restored"),
            format!("`reeve tenant restore DIR {name} {archive} --as OTHER` shows that it can be"),
        );
    };
    if drill.tables == 0 && holds_tables(session.planes(), place).await? {
        return refused(format!("the last backup of {name}, {archive}, holds no table, and {name} has some"), again);
    }
    if drill.files == 0 && holds_files(place).await? {
        return refused(format!("the last backup of {name}, {archive}, holds no file, and {name} has some"), again);
    }
    Ok(format!("{archive} of {}", backup.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::problem::Place;

    #[test]
    fn only_what_is_archived_and_past_its_time_may_go() {
        let tenant = |spec: &str| Tenant {
            name: "a".into(),
            spec: serde_json::from_str(&format!(r#"{{"distribution":"d","country":"KE","admin_email":"a@b.c"{spec}}}"#)).unwrap(),
            place: Place { file: "a.yaml".into(), line: 1, column: 1, len: 1 },
        };
        let today = Date::constant(2026, 11, 30);
        for spec in [
            "",
            r#","state":"suspended","retain_until":"2020-01-01""#,
            r#","state":"archived""#,
            r#","state":"archived","retain_until":"2026-11-30""#,
            r#","state":"archived","retain_until":"2026-13-30""#,
        ] {
            assert!(may_go(&tenant(spec), today).is_err(), "{spec}");
        }
        assert!(may_go(&tenant(r#","state":"archived","retain_until":"2026-11-29""#), today).is_ok());
    }
}
