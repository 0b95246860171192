//! Where a tenant's data is: its schema, its user and its folder, found by their marks.

use std::path::PathBuf;

use crate::kinds::docker::service::{of_ours, services, tasks};
use crate::kinds::mysql::schema::Schema;
use crate::kinds::mysql::user::User;
use crate::kinds::{Kind, Live};
use crate::model::Secret;
use crate::model::runbook::TENANT_DATA;
use crate::planes::error::{Class, Error, Result};
use crate::planes::files::folder::DATA;
use crate::planes::mysql::servers::name_of;
use crate::planes::vault::Login;
use crate::planes::{Docker, Files, Mysql, Plane, Planes};

const FIND: &str = "tenant.find";

/// Which parts a tenant has, by its YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// A schema.
    pub database: bool,
    /// A folder.
    pub files: bool,
}

/// A tenant's data.
#[derive(Debug, Clone)]
pub struct Place {
    /// The tenant.
    pub tenant: String,
    /// The stack.
    pub stack: String,
    /// Its schema and the character set and collation of that; `None` for one without a database.
    pub schema: Option<Live<Schema>>,
    /// The names of its users; two during a rotation, the one that stays first.
    pub users: Vec<String>,
    /// Its files, as this host has them.
    pub data: Option<PathBuf>,
}

impl Place {
    /// Finds it. Nothing is touched.
    ///
    /// # Errors
    /// When a plane cannot be read (a file system that is not mounted is no tenant without files), there is no way to it, something else is where its folder
    /// has to be, or the tenant has neither schema nor folder.
    pub async fn find(planes: &Planes, tenant: &str) -> Result<Self> {
        let planes = planes.fresh();
        let (mysql, files) = (Mysql::of(&planes)?, Files::of(&planes)?);
        let at = |part: &str| format!("tenant/{tenant}.{part}");
        let (schemas, users) = futures::try_join!(Schema::fetch(mysql), User::fetch(mysql))?;
        let is = |marks: &crate::model::Marks, part: &str| marks.address.as_ref().is_some_and(|address| address.as_str() == at(part));
        let mut own = schemas.into_iter().filter(|one| is(&one.marks, "schema") && !one.marks.retiring);
        let schema = own.next();
        if let (Some(one), Some(other)) = (&schema, own.next()) {
            let message =
                format!("two schemas are {}: {} and {}; `reeve plan DIR` tells which one has to go", at("schema"), one.id, other.id);
            return Err(Error::new(Class::Invalid, FIND, message));
        }
        let mut users: Vec<Live<User>> = users.into_iter().filter(|one| is(&one.marks, "user")).collect();
        // The one on the schema's server, and of those the one that stays.
        users.sort_by_key(|one| (schema.as_ref().is_some_and(|schema| schema.shape.dedicated != one.shape.dedicated), one.marks.retiring));
        let data = folder(files, tenant, &at("folder")).await?;
        if schema.is_none() && data.is_none() {
            let message = format!("{tenant} has neither a schema nor a folder: `reeve apply DIR` makes them");
            return Err(Error::new(Class::NotFound, FIND, message));
        }
        let users = users.iter().map(|one| name_of(&one.id).to_owned()).collect();
        Ok(Self { tenant: tenant.to_owned(), stack: mysql.ours.stack().to_owned(), schema, users, data })
    }

    /// That each part was found that its YAML says it has. What is not found is not "none": a server may be changing just now, a mark be lost.
    ///
    /// # Errors
    /// `NotFound` with the part that is missing.
    pub fn must_have(&self, parts: Parts) -> Result<()> {
        let missing = |part: &str, why: &str| {
            let message = format!("the {part} of {} is not found: {why}; `reeve plan DIR` tells, see {TENANT_DATA}", self.tenant);
            Err(Error::new(Class::NotFound, FIND, message))
        };
        if parts.database && self.schema.is_none() {
            return missing("schema", "it was never made, lost its mark, or its database server is being made or deleted");
        }
        if parts.files && self.data.is_none() {
            return missing("folder", "it was never made, or lost its mark or its data");
        }
        Ok(())
    }

    /// The server that its schema is on, as `planes` reach it.
    ///
    /// # Errors
    /// When there is no way to it.
    pub async fn server(&self, planes: &Planes) -> Result<Mysql> {
        let mysql = Mysql::of(planes)?;
        match &self.schema {
            Some(schema) => Ok(mysql.at(&schema.id).await?.0),
            None => Ok(mysql.clone()),
        }
    }

    /// What the server calls its schema.
    #[must_use]
    pub fn schema_name(&self) -> Option<&str> {
        self.schema.as_ref().map(|schema| name_of(&schema.id))
    }

    /// How the tenant's own user logs in.
    ///
    /// # Errors
    /// When it has none, or its secret cannot be read.
    pub async fn login(&self, mysql: &Mysql) -> Result<Login> {
        let none = || Error::new(Class::NotFound, "tenant.login", format!("{} has no user: `reeve apply DIR` makes it", self.tenant));
        let user = self.users.first().cloned().ok_or_else(none)?;
        let password: Secret = mysql.vault.parameter(&format!("/reeve/{}/tenant/{}.secret", self.stack, self.tenant)).await?;
        Ok(Login { user, password })
    }

    /// That nothing writes to it: no container of the tenant is there, and none of its users is connected.
    ///
    /// # Errors
    /// `InUse` with who does.
    pub async fn must_be_still(&self, planes: &Planes) -> Result<()> {
        let planes = planes.fresh();
        let busy = |who: String| {
            let message = format!("{} is in use ({who}): `reeve tenant sleep DIR {}` first", self.tenant, self.tenant);
            Err(Error::new(Class::InUse, "tenant.restore", message))
        };
        if let Ok(docker) = Docker::of(&planes) {
            let services = services(docker).await?;
            for service in services.iter().filter(|one| of_ours(docker, one).is_some_and(|of| of.tenant == self.tenant)) {
                // Not those alone that are to run: one that is told to end writes until it has ended.
                let tasks = tasks::of(docker, service.id.as_deref().unwrap_or_default()).await?;
                if tasks.iter().any(tasks::is_alive) {
                    return busy("its container is there".to_owned());
                }
            }
        }
        let mysql = self.server(&planes).await?;
        for user in &self.users {
            let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ?";
            let connected: Vec<(u64,)> = mysql.rows("mysql.Processes", sql, (user,)).await?;
            if let Some((count @ 1..,)) = connected.first() {
                return busy(format!("{count} connections of {user}"));
            }
        }
        Ok(())
    }
}

/// The tenant's folder, when it is there with its data and bears the tenant's mark.
async fn folder(files: &Files, tenant: &str, address: &str) -> Result<Option<PathBuf>> {
    let path = files.path(tenant);
    let Some(found) = files.read(&path.to_string_lossy()).await? else { return Ok(None) };
    let marks = files.ours.marks(found.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if marks.is_none_or(|marks| marks.address.is_none_or(|own| own.as_str() != address)) {
        let message = format!("{} bears another mark than {address}: it is not {tenant}'s", path.display());
        return Err(Error::new(Class::Invalid, FIND, message));
    }
    Ok(found.mode.map(|_| path.join(DATA)))
}
