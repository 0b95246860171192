//! Who may write to the tenant's schema: two small tables in it, and a lock of the server.
//!
//! `reeve_writer` has one row: a random name and the epoch, which is raised by whoever takes the lock. The lock's name is made from that
//! random name and the schema's: lock names are seen by nobody else, a rotated password does not change it, and a copy of the schema under
//! another name has another lock. `reeve_writer_log` has one row per epoch; its times are the server's, in UTC.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::clock::{self, Moment};
use crate::database::{Database, Trouble};

/// Stands in every statement of a wrapper that takes the lock or waits for it, so that it is not taken for an application's.
const MARK: &str = "/* reeve-hold */";
/// So many epochs stay in the log.
const KEPT: u64 = 1000;

/// What the server said about the lock and the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// This session holds the lock.
    pub ours: bool,
    /// The epoch that stands in the schema.
    pub epoch: u64,
}

/// The holder of the lock, seen from outside while waiting for it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The epoch at that time.
    pub epoch: u64,
    /// When its session last said anything, at the latest.
    pub last: Moment,
}

/// One session with the names that it works on.
pub struct Writer<'a> {
    conn: Conn,
    schema: &'a str,
    lock: String,
}

impl<'a> Writer<'a> {
    /// Makes the tables where they are missing, and finds the lock's name. Any number of wrappers may do so at once.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn open(mut conn: Conn, database: &'a Database) -> Result<Self, Trouble> {
        let schema = database.schema.as_str();
        let find = format!(
            "SELECT CONCAT('reeve:', LEFT(SHA2(CONCAT(name, ':', {}), 256), 48)) FROM {schema}.reeve_writer {MARK}",
            database.schema_text
        );
        let found: Option<String> = match conn.query_first(&find).await {
            Err(mysql_async::Error::Server(e)) if e.code == 1146 => None,
            other => other?,
        };
        let lock = match found {
            Some(lock) => lock,
            None => {
                create(&mut conn, schema).await?;
                let made: Option<String> = conn.query_first(&find).await?;
                made.ok_or_else(|| Trouble::Refused("reeve_writer stays empty".into()))?
            }
        };
        Ok(Self { conn, schema, lock })
    }

    /// The server's number of this session.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.conn.id()
    }

    /// Waits a second at most for the lock.
    ///
    /// # Errors
    /// When the session breaks.
    pub async fn take(&mut self, seconds: u32) -> Result<bool, Trouble> {
        let got: Option<Option<i64>> = self.conn.query_first(format!("SELECT GET_LOCK('{}', {seconds}) {MARK}", self.lock)).await?;
        Ok(got.flatten() == Some(1))
    }

    /// Who holds the lock.
    ///
    /// # Errors
    /// When the session breaks.
    pub async fn holder(&mut self) -> Result<Option<u32>, Trouble> {
        let id: Option<Option<u32>> = self.conn.query_first(format!("SELECT IS_USED_LOCK('{}') {MARK}", self.lock)).await?;
        Ok(id.flatten())
    }

    /// Looks at the holder's session: how long it has been silent. `None` when it is another user's, at work, or gone.
    ///
    /// # Errors
    /// When the session breaks.
    pub async fn watch(&mut self) -> Result<Option<Seen>, Trouble> {
        let before = clock::now();
        let sql = format!(
            "SELECT w.epoch, p.time FROM {schema}.reeve_writer w JOIN information_schema.processlist p ON p.id = IS_USED_LOCK('{lock}') \
             WHERE p.command = 'Sleep' {MARK}",
            schema = self.schema,
            lock = self.lock
        );
        let row: Option<(u64, i64)> = self.conn.query_first(sql).await?;
        // The server counts whole seconds: one less is certain.
        Ok(row.map(|(epoch, idle)| {
            let idle = u64::try_from(idle).unwrap_or(0).saturating_sub(1);
            Seen { epoch, last: before.saturating_sub(std::time::Duration::from_secs(idle)) }
        }))
    }

    /// The lock and the epoch, in one statement.
    ///
    /// # Errors
    /// When the session breaks.
    pub async fn look(&mut self) -> Result<Look, Trouble> {
        let sql =
            format!("SELECT COALESCE(IS_USED_LOCK('{}') = CONNECTION_ID(), 0), epoch FROM {}.reeve_writer {MARK}", self.lock, self.schema);
        let row: Option<(i64, u64)> = self.conn.query_first(sql).await?;
        let (ours, epoch) = row.ok_or_else(|| Trouble::Refused("the row of reeve_writer is gone".into()))?;
        Ok(Look { ours: ours == 1, epoch })
    }

    /// Raises the epoch and opens its row in the log. Returns the new epoch and whether an earlier one may still be at work: its application
    /// was started, and nothing says that it ended.
    ///
    /// # Errors
    /// When the session breaks or does not hold the lock.
    pub async fn raise(&mut self, hostname: &str) -> Result<(u64, bool), Trouble> {
        self.begin().await?;
        let epoch = self.locked_row(None).await? + 1;
        let schema = self.schema;
        self.conn.query_drop(format!("UPDATE {schema}.reeve_writer SET epoch = {epoch}")).await?;
        self.conn
            .exec_drop(
                format!("INSERT INTO {schema}.reeve_writer_log (epoch, hostname, taken_at) VALUES (?, ?, UTC_TIMESTAMP(6))"),
                (epoch, hostname),
            )
            .await?;
        self.conn.query_drop(format!("DELETE FROM {schema}.reeve_writer_log WHERE epoch + {KEPT} < {epoch}")).await?;
        let open: Option<u64> = self
            .conn
            .query_first(format!(
                "SELECT COUNT(*) FROM {schema}.reeve_writer_log WHERE epoch < {epoch} AND app_started_at IS NOT NULL \
                 AND ended_at IS NULL AND lost_at IS NULL"
            ))
            .await?;
        self.conn.query_drop("COMMIT").await?;
        Ok((epoch, open.unwrap_or(0) > 0))
    }

    /// Ends the other sessions of this user, but for those of wrappers that wait. Returns how many there were.
    ///
    /// # Errors
    /// When the session breaks, or the server forbids it.
    pub async fn clear(&mut self) -> Result<usize, Trouble> {
        let others: Vec<(u64, String)> = self
            .conn
            .query(format!(
                "SELECT id, command FROM information_schema.processlist WHERE id <> CONNECTION_ID() \
                 AND user = SUBSTRING_INDEX(USER(), '@', 1) AND (info IS NULL OR info NOT LIKE '%/* reeve-hold%') {MARK}"
            ))
            .await?;
        for (id, _) in others.iter().filter(|(_, command)| command != "Killed") {
            self.kill(*id).await?;
        }
        Ok(others.len())
    }

    /// Ends one session; one that is gone is no error.
    ///
    /// # Errors
    /// When the session breaks, or the server forbids it.
    pub async fn kill(&mut self, id: u64) -> Result<(), Trouble> {
        match self.conn.query_drop(format!("KILL {id}")).await {
            Err(mysql_async::Error::Server(e)) if e.code == 1094 => Ok(()),
            other => Ok(other?),
        }
    }

    /// Whether the schema has no tables but the wrapper's own: the application has never been installed.
    ///
    /// # Errors
    /// What the database answered.
    pub async fn is_empty(&mut self, database: &Database) -> Result<bool, Trouble> {
        let others = format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
             AND TABLE_NAME NOT IN ('reeve_writer', 'reeve_writer_log') {MARK}",
            database.schema_text
        );
        Ok(self.conn.query_first::<u64, _>(others).await?.unwrap_or_default() == 0)
    }

    /// Notes that the application starts now; earlier epochs that are still open are over by this.
    ///
    /// # Errors
    /// When the session breaks or is not the writer any more.
    pub async fn started(&mut self, epoch: u64) -> Result<(), Trouble> {
        self.begin().await?;
        self.locked_row(Some(epoch)).await?;
        let log = format!("{}.reeve_writer_log", self.schema);
        self.conn
            .query_drop(format!(
                "UPDATE {log} SET lost_at = UTC_TIMESTAMP(6), why = 'taken over by epoch {epoch}' WHERE epoch < {epoch} \
                 AND app_started_at IS NOT NULL AND ended_at IS NULL AND lost_at IS NULL"
            ))
            .await?;
        self.conn.query_drop(format!("UPDATE {log} SET app_started_at = UTC_TIMESTAMP(6) WHERE epoch = {epoch}")).await?;
        self.conn.query_drop("COMMIT").await?;
        Ok(())
    }

    /// Notes the end of an epoch: all processes of the application are gone. `lost` says that another had taken over.
    ///
    /// # Errors
    /// When the session breaks.
    pub async fn ended(&mut self, epoch: u64, lost: bool, why: &str) -> Result<(), Trouble> {
        let column = if lost { "lost_at" } else { "ended_at" };
        let sql = format!(
            "UPDATE {}.reeve_writer_log SET {column} = UTC_TIMESTAMP(6), why = LEFT(?, 255) WHERE epoch = ? AND ended_at IS NULL AND lost_at IS NULL",
            self.schema
        );
        self.conn.exec_drop(sql, (why, epoch)).await?;
        self.conn.query_drop(format!("DO RELEASE_LOCK('{}')", self.lock)).await?;
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), Trouble> {
        Ok(self.conn.query_drop("START TRANSACTION").await?)
    }

    /// Locks the row, so that raising an epoch and starting under one exclude each other. Refuses when the lock or the epoch is not ours.
    async fn locked_row(&mut self, expected: Option<u64>) -> Result<u64, Trouble> {
        let sql = format!(
            "SELECT COALESCE(IS_USED_LOCK('{}') = CONNECTION_ID(), 0), epoch FROM {}.reeve_writer FOR UPDATE",
            self.lock, self.schema
        );
        let row: Option<(i64, u64)> = self.conn.query_first(sql).await?;
        match row {
            Some((1, epoch)) if expected.is_none_or(|e| e == epoch) => Ok(epoch),
            _ => Err(Trouble::Down("the lock was lost again".into())),
        }
    }
}

/// Makes the tables and the row.
async fn create(conn: &mut Conn, schema: &str) -> Result<(), Trouble> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes))
        .map_err(|e| Trouble::Refused(format!("/dev/urandom: {e}")))?;
    let name: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    conn.query_drop(format!(
        "CREATE TABLE IF NOT EXISTS {schema}.reeve_writer (id TINYINT UNSIGNED NOT NULL PRIMARY KEY, name CHAR(32) CHARACTER SET ascii NOT NULL, \
         epoch BIGINT UNSIGNED NOT NULL) ENGINE = InnoDB"
    ))
    .await?;
    conn.query_drop(format!(
        "CREATE TABLE IF NOT EXISTS {schema}.reeve_writer_log (epoch BIGINT UNSIGNED NOT NULL PRIMARY KEY, hostname VARCHAR(255) NOT NULL, \
         taken_at DATETIME(6) NOT NULL, app_started_at DATETIME(6) NULL, ended_at DATETIME(6) NULL, lost_at DATETIME(6) NULL, \
         why VARCHAR(255) NULL) ENGINE = InnoDB"
    ))
    .await?;
    conn.exec_drop(format!("INSERT IGNORE INTO {schema}.reeve_writer (id, name, epoch) VALUES (1, ?, 0)"), (name,)).await?;
    Ok(())
}
