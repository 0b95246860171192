//! The slow start. While the web application is being deployed nothing answers, though TCP connects; then health says "not yet"; then all is there.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::database::{Database, Installed};
use crate::settings::Settings;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Like Tomcat before its applications: every request hangs.
    Deploying,
    /// Health answers; everything else hangs.
    Starting,
    /// All answers.
    Ready,
    /// What runs is finished, what hangs is turned away.
    Stopping,
}

/// How long the database may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts; takes as long as told.
///
/// # Errors
/// Why it cannot: it ends then.
pub async fn start(settings: &Settings, database: &Database, phase: &watch::Sender<Phase>) -> Result<(), String> {
    let began = Instant::now();
    let installed = loop {
        match database.installed(&settings.schema).await {
            Ok(installed) => break installed,
            Err(words) if began.elapsed() > PATIENCE => return Err(format!("the database stays away: {words}")),
            Err(words) => println!("waiting for the database: {words}"),
        }
        sleep(Duration::from_secs(1)).await;
    };
    let again = installed == Installed::Yes;
    let takes = if again { settings.start } else { settings.first_start };
    println!("{} start, takes {} s", if again { "a later" } else { "the first" }, takes.as_secs_f32());
    if installed == Installed::No && !settings.create_tables {
        return Err("the tables are missing and OMRS_CREATE_TABLES is not true".into());
    }
    sleep_until(began + takes / 2).await;
    go(phase, Phase::Starting);
    if !again {
        database.install(&settings.admin_password).await?;
        println!("made its tables in {}", settings.schema);
    }
    settings.write_properties()?;
    sleep_until(began + takes).await;
    go(phase, Phase::Ready);
    println!("ready after {} ms", began.elapsed().as_millis());
    Ok(())
}

/// Writes by itself for as long as it is polled, as OpenMRS's scheduled tasks do; if it was told to.
pub async fn write(settings: &Settings, database: &Database) -> String {
    let Some(every) = settings.writes else { return std::future::pending().await };
    loop {
        if let Err(words) = database.add_patient("by itself").await {
            println!("could not write: {words}");
        }
        sleep(every).await;
    }
}

/// On to the next phase; there is no way back.
pub fn go(phase: &watch::Sender<Phase>, next: Phase) {
    phase.send_if_modified(|now| {
        let later = next > *now;
        *now = next.max(*now);
        later
    });
}
