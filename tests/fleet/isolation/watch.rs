//! Asks a tenant again and again, the way its users do: through HAProxy, for something from its database.

use std::time::Duration;

use reeve::sandbox::ZONE;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fleet_ground::{Fleet, get, plain, until};

pub struct Watch {
    stop: watch::Sender<bool>,
    asking: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    /// Begins once it answers.
    pub async fn over(fleet: &Fleet, tenant: &str) -> Self {
        let (address, host) = (plain(fleet.engine().address), format!("{tenant}.{ZONE}"));
        let schema = format!("hostedehr-tenant-{tenant}-schema");
        let ask = async move || {
            let (code, body) = get(&address, &host, "/openmrs/ws/rest/v1/patient").await;
            if code == 200 && body.contains(&schema) { Ok(()) } else { Err(format!("{code} {body}")) }
        };
        until(&format!("{tenant} answers through HAProxy"), 30, async || ask().await.is_ok()).await;
        let (stop, stopped) = watch::channel(false);
        let asking = tokio::spawn(async move {
            let (mut asked, mut failed) = (0, Vec::new());
            while !*stopped.borrow() {
                asked += 1;
                failed.extend(ask().await.err());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (asked, failed)
        });
        Self { stop, asking }
    }

    /// How often it was asked, and the answers that were none.
    pub async fn end(self) -> (usize, Vec<String>) {
        self.stop.send_replace(true);
        self.asking.await.expect("it asks")
    }
}
