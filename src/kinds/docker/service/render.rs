//! A service as Docker is told it: every field that reeve relies on is said, also where the engine has it as its default.

use bollard::models::{
    EndpointPortConfig, EndpointPortConfigProtocolEnum as Protocol, EndpointPortConfigPublishModeEnum as Publish, EndpointSpec,
    EndpointSpecModeEnum, HealthConfig, Limit, Mount, MountTmpfsOptions, MountType, NetworkAttachmentConfig, ResourceObject,
    ResourcesUlimits, ServiceSpec, ServiceSpecMode, ServiceSpecModeReplicated, ServiceSpecUpdateConfig,
    ServiceSpecUpdateConfigFailureActionEnum as OnFailure, ServiceSpecUpdateConfigOrderEnum as Order, TaskSpec, TaskSpecContainerSpec,
    TaskSpecContainerSpecFile, TaskSpecContainerSpecPrivileges, TaskSpecContainerSpecSecrets, TaskSpecPlacement, TaskSpecResources,
    TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum as Restart,
};
use serde_json::json;

use super::Service;
use crate::planes::Docker;
use crate::planes::docker::Labels;
use crate::planes::error::{Error, Result};

/// Where every container sees the wrapper and the database's certificates.
const LIB: &str = "/reeve";

/// The file of the tenant's secret, under `/run/secrets`.
const SECRET: &str = "database";

const SECOND: i64 = 1_000_000_000;

/// Whether the engine knows of `no-new-privileges` for services (API 1.44, Engine 25). Older ones have it from their daemon's settings.
pub(super) async fn modern(cx: &Docker) -> Result<bool> {
    Ok(cx.api().await? >= (1, 44))
}

/// The whole spec.
pub(super) fn spec(cx: &Docker, want: &Service, name: &str, labels: Labels, replicas: i64, modern: bool) -> Result<ServiceSpec> {
    Ok(ServiceSpec {
        name: Some(name.to_owned()),
        labels: Some(labels),
        task_template: Some(TaskSpec {
            container_spec: Some(container(cx, want, modern)?),
            resources: Some(resources(want)),
            restart_policy: Some(TaskSpecRestartPolicy {
                condition: Some(Restart::ANY),
                delay: Some(5 * SECOND),
                max_attempts: Some(0),
                window: None,
            }),
            placement: Some(TaskSpecPlacement {
                constraints: (!want.constraints.is_empty()).then(|| want.constraints.iter().cloned().collect()),
                max_replicas: Some(1),
                ..TaskSpecPlacement::default()
            }),
            networks: Some(vec![NetworkAttachmentConfig {
                target: Some(want.network.id().to_owned()),
                ..NetworkAttachmentConfig::default()
            }]),
            ..TaskSpec::default()
        }),
        mode: Some(ServiceSpecMode {
            replicated: Some(ServiceSpecModeReplicated { replicas: Some(replicas) }),
            ..ServiceSpecMode::default()
        }),
        // One container after the other, never two: and what does not start is left for people to look at.
        update_config: Some(ServiceSpecUpdateConfig {
            parallelism: Some(1),
            order: Some(Order::STOP_FIRST),
            failure_action: Some(OnFailure::PAUSE),
            monitor: Some(5 * SECOND),
            ..ServiceSpecUpdateConfig::default()
        }),
        endpoint_spec: Some(EndpointSpec {
            mode: Some(EndpointSpecModeEnum::DNSRR),
            ports: Some(vec![EndpointPortConfig {
                protocol: Some(Protocol::TCP),
                target_port: Some(i64::from(want.port)),
                publish_mode: Some(Publish::HOST),
                ..EndpointPortConfig::default()
            }]),
        }),
        ..ServiceSpec::default()
    })
}

fn container(cx: &Docker, want: &Service, modern: bool) -> Result<TaskSpecContainerSpec> {
    let secret = want.database.as_ref().map(|database| TaskSpecContainerSpecSecrets {
        secret_id: Some(database.secret.id().to_owned()),
        secret_name: Some(database.secret_name.as_str().to_owned()),
        file: Some(TaskSpecContainerSpecFile {
            name: Some(SECRET.to_owned()),
            uid: Some(want.user.split(':').next().unwrap_or_default().to_owned()),
            gid: Some("0".to_owned()),
            mode: Some(0o400),
        }),
    });
    let hold = format!("{LIB}/hold");
    let command = [hold.clone(), "--".to_owned()].into_iter().chain(want.command.iter().cloned()).collect();
    let health = &want.health;
    let (port, ready, live) = (want.port.to_string(), health.ready.clone(), health.live.clone());
    let probe = ["CMD", &hold, "probe", "--port", &port, "--ready", &ready, "--live", &live].map(str::to_owned);
    Ok(TaskSpecContainerSpec {
        image: Some(want.image.clone()),
        command: Some(command),
        user: Some(want.user.clone()),
        env: Some(env(want)?),
        read_only: Some(want.read_only),
        mounts: Some(mounts(cx, want)),
        secrets: secret.map(|secret| vec![secret]),
        stop_grace_period: Some(i64::from(want.stop_grace_seconds) * SECOND),
        health_check: Some(HealthConfig {
            test: Some(probe.to_vec()),
            interval: Some(i64::from(health.every_seconds) * SECOND),
            timeout: Some(5 * SECOND),
            retries: Some(i64::from(health.retries)),
            start_period: Some(i64::from(health.start_seconds) * SECOND),
            // Older engines ask at their own interval from the beginning: a start is noticed that much later.
            start_interval: modern.then_some(SECOND),
        }),
        capability_drop: Some(vec!["ALL".to_owned()]),
        privileges: modern.then(|| TaskSpecContainerSpecPrivileges { no_new_privileges: Some(true), ..Default::default() }),
        ulimits: Some(vec![ResourcesUlimits {
            name: Some("nofile".to_owned()),
            soft: Some(i64::from(want.open_files)),
            hard: Some(i64::from(want.open_files)),
        }]),
        ..TaskSpecContainerSpec::default()
    })
}

/// The environment, with what the wrapper has to know. It holds no secret: where those are, and what of them the application gets.
fn env(want: &Service) -> Result<Vec<String>> {
    let mut hold = json!({ "tenant": want.tenant });
    if let Some(database) = &want.database {
        hold["host"] = database.host.as_str().into();
        let port = database.port.as_str();
        hold["port"] = port.parse::<u16>().map_err(|_| Error::incomplete("docker.ServiceCreate", &format!("port ({port:.20})")))?.into();
        hold["schema"] = database.schema.as_str().into();
        hold["ca"] = format!("{LIB}/ca.pem").into();
        hold["secret"] = format!("/run/secrets/{SECRET}").into();
        hold["env"] = json!(database.env);
    }
    let all = want.env.iter().map(|(name, value)| format!("{name}={}", value.as_str()));
    Ok(all.chain([format!("REEVE_HOLD={hold}")]).collect())
}

fn mounts(cx: &Docker, want: &Service) -> Vec<Mount> {
    let bind = |source: String, target: &str, read_only: bool| Mount {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Mount::default()
    };
    let folders = want.folders.iter().map(|(target, source)| bind(source.as_str().to_owned(), target, false));
    let memory = want.tmpfs.iter().map(|(target, size)| Mount {
        typ: Some(MountType::TMPFS),
        target: Some(target.clone()),
        tmpfs_options: Some(MountTmpfsOptions {
            size_bytes: i64::try_from(*size).ok(),
            mode: Some(0o1777),
            ..MountTmpfsOptions::default()
        }),
        ..Mount::default()
    });
    [bind(cx.lib.display().to_string(), LIB, true)].into_iter().chain(folders).chain(memory).collect()
}

fn resources(want: &Service) -> TaskSpecResources {
    #[allow(clippy::cast_possible_truncation)] // at most 96 processors
    let nano = (want.cpus * 1e9).round() as i64;
    TaskSpecResources {
        limits: Some(Limit {
            nano_cpus: Some(nano),
            memory_bytes: i64::try_from(want.memory_limit).ok(),
            pids: Some(i64::from(want.pids)),
        }),
        reservations: Some(ResourceObject { memory_bytes: i64::try_from(want.memory_reservation).ok(), ..ResourceObject::default() }),
        ..TaskSpecResources::default()
    }
}
