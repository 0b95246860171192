//! A tenant's container, from inside: its application tries what it is told to (`standin/src/attack.rs`).

use std::time::Duration;

use reeve::kinds::docker::service::tasks::running;
use reeve::planes::{Docker, Plane};
use reeve::sandbox::parts::Engine;
use serde_json::Value;
use tokio::process::Command;

use crate::fleet_ground::{Fleet, docker, get};
use crate::support::Estate;

/// One tenant's container.
pub struct Attacker {
    pub tenant: String,
    /// The host's address and the published port.
    pub address: String,
    pub engine: Engine,
}

impl Attacker {
    pub async fn of(fleet: &Fleet, estate: &Estate, tenant: &str) -> Self {
        let address = address(estate, tenant).await.unwrap_or_else(|| panic!("{tenant} does not run"));
        let engines = fleet.parts.engines();
        let engine = engines.iter().find(|engine| address.starts_with(&format!("{}:", engine.address))).unwrap_or(&engines[0]);
        Self { tenant: tenant.to_owned(), address, engine: engine.clone() }
    }

    pub fn service(&self) -> String {
        format!("hostedehr-tenant-{}-service", self.tenant)
    }

    pub fn port(&self) -> u16 {
        self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
    }

    /// What came of it.
    pub async fn attack(&self, what: &str) -> Value {
        self.try_to(what).await.unwrap_or_else(|| panic!("{} does not answer: {what}", self.tenant))
    }

    /// The same; nothing where the attacker did not live to tell.
    pub async fn try_to(&self, what: &str) -> Option<Value> {
        let url = format!("http://{}/openmrs/attack/{what}", self.address);
        let out = Command::new("curl").args(["--silent", "--max-time", "120", &url]).output().await.expect("curl");
        serde_json::from_slice(&out.stdout).ok()
    }

    /// The engine's id of its container.
    pub async fn container(&self) -> String {
        let filter = format!("label=com.docker.swarm.service.name={}", self.service());
        docker(&self.engine, &["ps", "--quiet", "--no-trunc", "--filter", &filter]).await
    }

    /// What the engine knows of its container.
    pub async fn inspect(&self) -> Value {
        let text = docker(&self.engine, &["inspect", &self.container().await]).await;
        let mut all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        all.remove(0)
    }

    /// Its service runs anew with other settings, behind reeve's back.
    pub async fn changed(&mut self, estate: &Estate, how: &[&str]) {
        let (service, before) = (self.service(), self.container().await);
        docker(&self.engine, &[&["service", "update", "--quiet", "--detach"][..], how, &[&service]].concat()).await;
        self.comes_back(estate, &before).await;
    }

    /// Waits until another container than that one answers.
    pub async fn comes_back(&mut self, estate: &Estate, before: &str) {
        let mut last = String::new();
        for _ in 0..240 {
            let now = self.container().await;
            if !now.is_empty()
                && !now.contains(before)
                && let Some(address) = address(estate, &self.tenant).await
                && get(&address, "x", "/openmrs/health/started").await.0 == 200
            {
                self.address = address;
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
            last = docker(&self.engine, &["service", "ps", "--format", "{{.CurrentState}} {{.Error}}", &self.service()]).await;
        }
        panic!("{} does not come back: {last}", self.tenant);
    }
}

async fn address(estate: &Estate, tenant: &str) -> Option<String> {
    let planes = estate.session.planes().fresh();
    let all = running(Docker::of(&planes).expect("docker")).await.expect("the tasks");
    all.into_iter().find(|one| one.tenant == tenant).map(|one| one.address.to_string())
}

/// A field of an answer, as text.
pub fn said<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().unwrap_or_default()
}
