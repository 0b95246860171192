//! Where a tenant's data is: its schema, its user and its folder, found by their marks.

use std::path::PathBuf;

use crate::kinds::docker::service::{of_ours, services, tasks};
use crate::kinds::mysql::schema::Schema;
use crate::kinds::mysql::user::User;
use crate::kinds::{Kind, Live};
use crate::model::Secret;
use crate::planes::error::{Class, Error, Result};
use crate::planes::mysql::servers::name_of;
use crate::planes::vault::Login;
use crate::planes::{Docker, Files, Mysql, Plane, Planes};

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
    /// When a plane cannot be read, there is no way to it, or the tenant has neither schema nor folder.
    pub async fn find(planes: &Planes, tenant: &str) -> Result<Self> {
        let planes = planes.fresh();
        let (mysql, files) = (Mysql::of(&planes)?, Files::of(&planes)?);
        let at = |part: &str| format!("tenant/{tenant}.{part}");
        let (schemas, users) = futures::try_join!(Schema::fetch(mysql), User::fetch(mysql))?;
        let is = |marks: &crate::model::Marks, part: &str| marks.address.as_ref().is_some_and(|address| address.as_str() == at(part));
        let schema = schemas.into_iter().find(|one| is(&one.marks, "schema") && !one.marks.retiring);
        let mut users: Vec<Live<User>> = users.into_iter().filter(|one| is(&one.marks, "user")).collect();
        // The one on the schema's server, and of those the one that stays.
        users.sort_by_key(|one| (schema.as_ref().is_some_and(|schema| schema.shape.dedicated != one.shape.dedicated), one.marks.retiring));
        let data = files.root.join(tenant).join("data");
        let data = tokio::fs::metadata(&data).await.is_ok_and(|about| about.is_dir()).then_some(data);
        if schema.is_none() && data.is_none() {
            let message = format!("{tenant} has neither a schema nor a folder: `reeve apply DIR` makes them");
            return Err(Error::new(Class::NotFound, "tenant.find", message));
        }
        let users = users.iter().map(|one| name_of(&one.id).to_owned()).collect();
        Ok(Self { tenant: tenant.to_owned(), stack: mysql.ours.stack().to_owned(), schema, users, data })
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
            let (services, tasks) = futures::try_join!(services(docker), tasks::all(docker))?;
            for service in services.iter().filter(|one| of_ours(docker, one).is_some_and(|of| of.tenant == self.tenant)) {
                if tasks.iter().any(|task| task.service_id == service.id && tasks::is_alive(task)) {
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
